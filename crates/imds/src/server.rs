//! The socket: accepts connections, hands requests to the service, waits where
//! the behaviour says so, sends the answers. Bounded in connections, header
//! size and time.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::civil::UnixSeconds;
use crate::credentials::CredentialSource;
use crate::record::Record;
use crate::service::{Outcome, Service};

/// More wait in the kernel until one ends.
const CONNECTIONS_MAX: usize = 1_024;
/// A caller that sends its headers slower than this is cut off.
const HEADER_TIME_MAX: Duration = Duration::from_secs(5);
const HEADER_BYTES_MAX: usize = 16 * 1_024;
/// How long a swallowed request is kept open; every SDK has given up by then.
const SWALLOW_TIME: Duration = Duration::from_secs(120);
/// After a failed accept (no file descriptors left) the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Is told about every request, at the moment its answer is decided.
pub trait Observer: Send + Sync + 'static {
    /// One request.
    fn observe(&self, record: Record);
}

impl<F: Fn(Record) + Send + Sync + 'static> Observer for F {
    fn observe(&self, record: Record) {
        self(record);
    }
}

/// A service with what it needs to run.
pub struct Server<S, O> {
    service: Service<S>,
    latency: Duration,
    observer: O,
}

impl<S: CredentialSource, O: Observer> Server<S, O> {
    /// `latency` is added to every answer.
    pub fn new(service: Service<S>, latency: Duration, observer: O) -> Self {
        Self { service, latency, observer }
    }

    /// Serves until it is dropped; drop the future to stop. Answers on their
    /// way are lost then, which SDKs take for a failed attempt.
    pub async fn run(self, listener: TcpListener) -> Infallible {
        let server = Arc::new(self);
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = tokio::task::JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            // The semaphore is never closed, so this is a permit.
            let permit = Arc::clone(&permits).acquire_owned().await;
            match listener.accept().await {
                Ok((stream, _)) => {
                    let server = Arc::clone(&server);
                    connections.spawn(async move {
                        // A connection that breaks concerns only its caller.
                        let _ = server.connection(stream).await;
                        drop(permit);
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    async fn connection(self: &Arc<Self>, stream: TcpStream) -> Result<(), hyper::Error> {
        // Answers are one small write; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| Arc::clone(self).request(request));
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME_MAX)
            .max_buf_size(HEADER_BYTES_MAX)
            .title_case_headers(true)
            .serve_connection(TokioIo::new(stream), service)
            .await
    }

    async fn request(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> io::Result<Response<Full<Bytes>>> {
        let (head, _body) = request.into_parts();
        let (outcome, record) = self.service.handle(&head, now());
        self.observer.observe(record);
        match outcome {
            Outcome::Answer(answer) => {
                if !self.latency.is_zero() {
                    tokio::time::sleep(self.latency).await;
                }
                Ok(answer.into_response())
            }
            Outcome::Reset => Err(io::ErrorKind::ConnectionReset.into()),
            Outcome::Swallow => {
                tokio::time::sleep(SWALLOW_TIME).await;
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }
}

/// Whether an address is one that only this machine can reach: loopback, or
/// link-local as the metadata service itself.
pub fn is_local(address: &SocketAddr) -> bool {
    match address {
        SocketAddr::V4(v4) => v4.ip().is_loopback() || v4.ip().is_link_local(),
        SocketAddr::V6(v6) => {
            let ip = v6.ip();
            let metadata = ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
            ip.is_loopback() || ip.is_unicast_link_local() || metadata
        }
    }
}

fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixSeconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses() {
        for (address, local) in [
            ("127.0.0.1:1338", true),
            ("127.0.0.2:80", true),
            ("169.254.169.254:80", true),
            ("[::1]:80", true),
            ("[fd00:ec2::254]:80", true),
            ("[fe80::1]:80", true),
            ("0.0.0.0:80", false),
            ("10.0.0.1:80", false),
            ("[::]:80", false),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(is_local(&address), local, "{address}");
        }
    }
}
