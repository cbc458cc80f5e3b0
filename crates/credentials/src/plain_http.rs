//! One request over plain TCP to a fixed address on this machine or its link.
//! No proxy, no redirect, no name to resolve, no connection kept: what a
//! metadata service wants. Bounded in time and size.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{DATE, HOST};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use crate::clock::UnixSeconds;

/// Connecting to one's own machine takes no time, or fails.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(1);
/// From the request to the last byte. Generous: nobody waits for it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// User data, the longest document, has at most 16 KiB.
const BODY_BYTES_MAX: usize = 64 * 1_024;

/// Where to ask: an address, and the port if it is not 80.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    address: SocketAddr,
    /// As it goes into `Host`.
    authority: String,
}

/// Why an endpoint cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// It is not of the form `http://ADDRESS[:PORT]`.
    #[error(
        "{0:?} is not of the form http://ADDRESS or http://ADDRESS:PORT, the address in numbers"
    )]
    Form(String),
    /// Anyone on the network could answer in its place.
    #[error("{0} is not on this machine or its link, where no one else can answer in its place")]
    Remote(IpAddr),
}

impl Endpoint {
    /// The address that is connected to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || EndpointError::Form(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| form())?;
        let authority = uri.authority().ok_or_else(form)?;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if uri.scheme_str() != Some("http") || !bare || authority.as_str().contains('@') {
            return Err(form());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let ip: IpAddr = host.parse().map_err(|_| form())?;
        if !is_near(ip) {
            return Err(EndpointError::Remote(ip));
        }
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self { address: SocketAddr::new(ip, port), authority: authority.as_str().to_owned() })
    }
}

/// Loopback, link-local, and the addresses that AWS gives its services on the link.
fn is_near(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unicast_link_local() || v6.segments()[..2] == [0xfd00, 0xec2]
        }
    }
}

/// An answer. The body may hold credentials, so it is wiped when dropped; what
/// the connection read it into is not in our hands.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers as they came.
    pub headers: HeaderMap,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
}

impl Reply {
    /// When the answer says that it was made.
    pub fn date(&self) -> Option<UnixSeconds> {
        http_date(self.headers.get(DATE)?.to_str().ok()?)
    }

    /// The body as text without white space around it, if it is text.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok().map(str::trim)
    }
}

/// The moment that a `Date` header tells.
pub(crate) fn http_date(text: &str) -> Option<UnixSeconds> {
    let time = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok().map(UnixSeconds)
}

/// Why there is no answer. Says nothing of what was sent.
#[derive(Debug, Error)]
pub enum HttpError {
    /// No connection in time.
    #[error("no connection within {} s", CONNECT_TIME_MAX.as_secs())]
    ConnectTime,
    /// No connection.
    #[error("no connection: {0}")]
    Connect(std::io::ErrorKind),
    /// No whole answer in time.
    #[error("no answer within {} s", ANSWER_TIME_MAX.as_secs())]
    AnswerTime,
    /// The connection broke, or what came is not HTTP, or is too long.
    #[error("the answer broke off, is not HTTP, or is longer than {} KiB", BODY_BYTES_MAX / 1_024)]
    Broken,
    /// A header or path cannot be sent.
    #[error("the request cannot be written")]
    Request,
}

/// Sends `method path` with `headers` and takes the whole answer.
pub async fn send(
    endpoint: &Endpoint,
    method: http::Method,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Reply, HttpError> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, &endpoint.authority)
        .header("user-agent", concat!("hotspan-agent/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::new()).map_err(|_| HttpError::Request)?;
    let connecting = tokio::time::timeout(CONNECT_TIME_MAX, TcpStream::connect(endpoint.address));
    let stream = connecting
        .await
        .map_err(|_| HttpError::ConnectTime)?
        .map_err(|error| HttpError::Connect(error.kind()))?;
    tokio::time::timeout(ANSWER_TIME_MAX, exchange(stream, request))
        .await
        .map_err(|_| HttpError::AnswerTime)?
}

async fn exchange(stream: TcpStream, request: Request<Empty<Bytes>>) -> Result<Reply, HttpError> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|_| HttpError::Broken)?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(|_| HttpError::Broken)?;
        whole(response).await
    };
    tokio::pin!(connection);
    tokio::pin!(answer);
    // The connection is driven beside the answer and ends with it; what it
    // says of its own end is of no interest once there is an answer.
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            reply = &mut answer => return reply,
            _ = &mut connection, if open => open = false,
        }
    }
}

async fn whole(response: Response<hyper::body::Incoming>) -> Result<Reply, HttpError> {
    let (head, body) = response.into_parts();
    let bytes = Limited::new(body, BODY_BYTES_MAX)
        .collect()
        .await
        .map_err(|_| HttpError::Broken)?
        .to_bytes();
    Ok(Reply { status: head.status, headers: head.headers, body: Zeroizing::new(bytes.to_vec()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (text, address) in [
            ("http://169.254.169.254", Some("169.254.169.254:80")),
            ("http://169.254.169.254/", Some("169.254.169.254:80")),
            ("http://127.0.0.1:1338", Some("127.0.0.1:1338")),
            ("http://[fd00:ec2::254]", Some("[fd00:ec2::254]:80")),
            ("http://[::1]:81", Some("[::1]:81")),
            ("https://169.254.169.254", None),
            ("http://metadata.internal", None),
            ("http://localhost:1338", None),
            ("http://10.0.0.1", None),
            ("http://127.0.0.1/latest", None),
            ("http://user@127.0.0.1", None),
            ("169.254.169.254", None),
        ] {
            let read = text.parse::<Endpoint>().ok().map(|endpoint| endpoint.address().to_string());
            assert_eq!(read.as_deref(), address, "{text}");
        }
    }
}
