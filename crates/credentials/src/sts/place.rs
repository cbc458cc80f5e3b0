//! Where STS is asked, and by which way. Only what the configuration says
//! counts: inherited endpoints and proxies are read by nobody.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use http::Uri;

use crate::unusable::Unusable;

/// Where STS is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Whose STS, and for whom requests are signed.
    pub region: Option<Region>,
    /// Another address than the region's own.
    pub endpoint: Option<Endpoint>,
    /// The proxy on the way.
    pub proxy: Option<Proxy>,
}

/// The name of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(String);

/// The address of an STS: over TLS, or on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Address);

/// A proxy for connections over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy(Address);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    text: String,
    is_tls: bool,
    /// When the host is written in numbers, or is this machine.
    socket: Option<SocketAddr>,
}

impl Region {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = Unusable;

    /// It becomes part of a host's name, so it is held to the letters of one.
    fn from_str(text: &str) -> Result<Self, Unusable> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_label = !text.starts_with('-') && !text.ends_with('-');
        if (2..=32).contains(&text.len()) && text.bytes().all(fits) && is_label {
            return Ok(Self(text.to_owned()));
        }
        Err(Unusable::new(format!("region {text:?} is none"), "write it as in eu-central-1"))
    }
}

impl Endpoint {
    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether it is asked over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.0.is_tls
    }

    /// Where it is, if that can be told without a look-up.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.socket
    }
}

impl FromStr for Endpoint {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        let address = Address::parse(text).filter(|address| {
            address.is_tls || address.socket.is_some_and(|socket| socket.ip().is_loopback())
        });
        // It is not repeated where it may hold a password.
        let shown = if text.contains('@') { "with a user or a password in it" } else { text };
        let what = || format!("sts_endpoint {shown:?} cannot be used");
        address.map(Self).ok_or_else(|| {
            Unusable::new(
                what(),
                "write https://HOST or https://HOST:PORT; http only on loopback, the address in numbers",
            )
        })
    }
}

impl Proxy {
    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Where it is, if that can be told without a look-up.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.socket
    }
}

impl FromStr for Proxy {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        // What is written may hold a password, so it is not repeated.
        Address::parse(text).map(Self).ok_or_else(|| {
            Unusable::new(
                "sts_proxy cannot be used",
                "write http://HOST:PORT or https://HOST:PORT, without user, password or path",
            )
        })
    }
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !bare || authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        let is_tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let ip = match host.parse::<IpAddr>() {
            Ok(ip) => Some(ip),
            // A name that anybody can map: good enough to know an own door by,
            // not for a request without TLS.
            Err(_) if host.eq_ignore_ascii_case("localhost") && is_tls => {
                Some(Ipv4Addr::LOCALHOST.into())
            }
            Err(_) => None,
        };
        let socket = ip.map(|ip| SocketAddr::new(ip, port));
        Some(Self { text: text.trim_end_matches('/').to_owned(), is_tls, socket })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (text, socket) in [
            ("https://sts.eu-central-1.amazonaws.com", Some(None)),
            ("https://vpce-1.sts.eu-central-1.vpce.amazonaws.com/", Some(None)),
            ("https://10.0.0.1:8443", Some(Some("10.0.0.1:8443"))),
            ("https://localhost:9911", Some(Some("127.0.0.1:9911"))),
            ("http://127.0.0.1:4566", Some(Some("127.0.0.1:4566"))),
            ("http://[::1]:4566", Some(Some("[::1]:4566"))),
            ("http://localhost:4566", None),
            ("http://169.254.169.254", None),
            ("http://sts.amazonaws.com", None),
            ("https://user:pass@sts.amazonaws.com", None),
            ("https://sts.amazonaws.com/path", None),
            ("ftp://sts.amazonaws.com", None),
            ("sts.amazonaws.com", None),
            ("", None),
        ] {
            let read = text.parse::<Endpoint>();
            let said = read.as_ref().err().map(ToString::to_string).unwrap_or_default();
            assert!(!said.contains("pass@"), "{said}");
            let found =
                read.ok().map(|endpoint| endpoint.address().map(|socket| socket.to_string()));
            assert_eq!(found, socket.map(|socket| socket.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn proxies_and_regions() {
        for (text, fits) in [
            ("http://proxy.internal:3128", true),
            ("https://proxy.internal:3128", true),
            ("http://user:pass@proxy.internal:3128", false),
            ("socks5://proxy.internal:1080", false),
            ("proxy.internal:3128", false),
        ] {
            let read = text.parse::<Proxy>();
            assert_eq!(read.is_ok(), fits, "{text}");
            assert!(read.err().is_none_or(|error| !error.to_string().contains("pass@")), "{text}");
        }
        for (text, fits) in [
            ("eu-central-1", true),
            ("us-gov-west-1", true),
            ("", false),
            ("eu-central-1.evil.example", false),
            ("-x", false),
            ("EU", false),
        ] {
            assert_eq!(text.parse::<Region>().is_ok(), fits, "{text}");
        }
    }
}
