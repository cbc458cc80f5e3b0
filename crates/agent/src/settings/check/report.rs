//! Checks whom reports go to: that nobody on the way can read them, and that
//! the key, if there is one, can be sent.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use http::{HeaderValue, Uri};
use secrecy::SecretString;
use toml::Spanned;
use zeroize::Zeroizing;

use super::Checker;
use crate::duration;
use crate::settings::{ReportSettings, raw};

const EVERY: Duration = Duration::from_secs(60);
const EVERY_MIN: Duration = Duration::from_secs(10);
const EVERY_MAX: Duration = Duration::from_secs(600);
const HOST_BYTES_MAX: usize = 255;
const SERVER: &str = "write http://127.0.0.1:4318 or https://HOST; a key belongs into key_file";

impl Checker<'_> {
    pub(super) fn report(&mut self, raw: raw::Report) -> Option<ReportSettings> {
        let server = self.server(&raw.server);
        let every = match &raw.every {
            Some(every) => self.every(every),
            None => Some(EVERY),
        };
        if let Some(file) = &raw.key_file {
            self.key_file(file);
        }
        if let Some(host) = raw.host.as_ref().filter(|host| !is_host(host.get_ref())) {
            let what = format!("host {:?} cannot be used", host.get_ref());
            self.refuse(host, what, "use 1 to 255 bytes without control characters");
        }
        Some(ReportSettings {
            server: server?,
            every: every?,
            key_file: raw.key_file.map(Spanned::into_inner),
            host: raw.host.map(Spanned::into_inner),
        })
    }

    fn server(&mut self, raw: &Spanned<String>) -> Option<String> {
        let text = raw.get_ref();
        if text.contains('@') {
            // Not repeated: it may be a password.
            let what = "an address with a user or a password in it cannot be used".to_owned();
            self.refuse(raw, what, SERVER);
            return None;
        }
        let parsed = text.parse::<Uri>().ok();
        let whole = parsed.as_ref().filter(|uri| uri.query().is_none() && !text.contains('#'));
        let Some((uri, authority)) = whole.and_then(|uri| Some((uri, uri.authority()?))) else {
            self.refuse(raw, format!("{text:?} is not a server's address"), SERVER);
            return None;
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let ip = host.parse::<IpAddr>().ok();
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) => {}
            Some("http") => {
                let what = format!("anyone on the way to {host} could read who asked, and the key");
                let remedy = "use https://, or a server or collector on this machine, e.g. http://127.0.0.1:4318";
                self.refuse(raw, what, remedy);
                return None;
            }
            _ => {
                self.refuse(raw, format!("{text:?} is not a server's address"), SERVER);
                return None;
            }
        }
        let port = authority.port_u16().unwrap_or(80);
        if let Some(address) = ip.map(|ip| SocketAddr::new(ip, port))
            && self.doors.contains(&address)
        {
            self.refuse(raw, format!("{address} is an own door"), "name the Hotspan server");
            return None;
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    fn every(&mut self, raw: &Spanned<String>) -> Option<Duration> {
        let found = duration::parse(raw.get_ref());
        let every = found.ok().filter(|every| (EVERY_MIN..=EVERY_MAX).contains(every));
        if every.is_none() {
            let what = format!("every {:?} cannot be used", raw.get_ref());
            self.refuse(raw, what, "use 10s to 10m");
        }
        every
    }

    fn key_file(&mut self, file: &Spanned<std::path::PathBuf>) {
        self.whole_path(file);
        if !file.get_ref().is_absolute() {
            return;
        }
        match key_in(file.get_ref()) {
            Ok(_) => {}
            // Who may read it is seen when it is read, with the rights of the
            // start; the file of settings is read anew with fewer.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            Err(error) => {
                let what = format!("{} cannot be used: {error}", file.get_ref().display());
                self.refuse(file, what, "put the project's key there, readable for the agent");
            }
        }
    }
}

/// The key in a file. The error says nothing of what is in it.
pub(crate) fn key_in(file: &Path) -> io::Result<SecretString> {
    let text = std::fs::read_to_string(file).map(Zeroizing::new)?;
    let key = text.trim();
    if key.is_empty() || HeaderValue::from_str(key).is_err() {
        return Err(io::Error::new(ErrorKind::InvalidData, "there is no key in it"));
    }
    Ok(key.into())
}

fn is_host(text: &str) -> bool {
    (1..=HOST_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}
