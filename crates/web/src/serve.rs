//! The accept loop of one listener: HTTP/1.1 and HTTP/2 without TLS on one
//! port, with a bound on everything a client could hold open.
//!
//! `hyper_util`'s own protocol detection waits for ever on a client that sends
//! half of the HTTP/2 preface, so the first bytes are looked at here, in time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::config::WebConfig;

/// What every HTTP/2 connection starts with (RFC 9113, 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Request heads larger than this are refused with 431.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// More header lines than this are refused with 431.
const HEADERS_MAX: usize = 128;
/// Requests that one HTTP/2 connection may have in flight.
const STREAMS_MAX: u32 = 128;
/// Silence on an HTTP/2 connection after which the peer is asked for a sign.
const HTTP2_PING_EVERY: Duration = Duration::from_secs(30);
/// Pause after `accept` failed, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers requests on `listener` until `stop` resolves, then lets requests in
/// flight finish within [`WebConfig::drain_timeout`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: Arc<WebConfig>,
    stop: impl Future<Output = ()> + Send,
) {
    let graceful = GracefulShutdown::new();
    let (stopping, stopped) = watch::channel(());
    let places = Arc::new(Semaphore::new(config.connections_max));
    let mut stop = std::pin::pin!(stop);
    loop {
        // A place is taken before `accept`: when none is left, new clients wait
        // in the kernel's queue and cost this process nothing.
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = &mut stop => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(pair) => pair,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = Connection {
            stream,
            router: router.clone().layer(Extension(ConnectInfo(peer))),
            config: Arc::clone(&config),
            watcher: graceful.watcher(),
            stopped: stopped.clone(),
        };
        tokio::spawn(async move {
            connection.answer().await;
            drop(place);
        });
    }
    drop((listener, stopping));
    if timeout(config.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests still in flight were cut off at the end of the drain time");
    }
}

struct Connection {
    stream: TcpStream,
    router: Router,
    config: Arc<WebConfig>,
    watcher: Watcher,
    /// Closed when the server stops.
    stopped: watch::Receiver<()>,
}

impl Connection {
    async fn answer(mut self) {
        // Answers are small and clients wait for them.
        if self.stream.set_nodelay(true).is_err() {
            return;
        }
        let detecting = timeout(self.config.header_timeout, detect_protocol(&self.stream));
        let protocol = tokio::select! {
            detected = detecting => detected.ok().flatten(),
            // A client that has not asked for anything yet is not waited for.
            _ = self.stopped.changed() => None,
        };
        let outcome = match protocol {
            Some(Protocol::Http1) => self.answer_http1().await,
            Some(Protocol::Http2) => self.answer_http2().await,
            None => return,
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn answer_http1(self) -> hyper::Result<()> {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.config.header_timeout)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .half_close(true)
            .serve_connection(TokioIo::new(self.stream), TowerToHyperService::new(self.router));
        self.watcher.watch(connection).await
    }

    async fn answer_http2(self) -> hyper::Result<()> {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(HTTP2_PING_EVERY)
            .keep_alive_timeout(self.config.header_timeout)
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_BYTES_MAX as u32)
            .serve_connection(TokioIo::new(self.stream), TowerToHyperService::new(self.router));
        self.watcher.watch(connection).await
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// Looks at the first bytes without taking them; `None` when the peer is gone.
async fn detect_protocol(stream: &TcpStream) -> Option<Protocol> {
    let mut first = [0u8; HTTP2_PREFACE.len()];
    loop {
        let seen = stream.peek(&mut first).await.ok()?;
        if seen == 0 {
            return None;
        }
        if !HTTP2_PREFACE.starts_with(&first[..seen]) {
            return Some(Protocol::Http1);
        }
        if seen == HTTP2_PREFACE.len() {
            return Some(Protocol::Http2);
        }
        // `peek` answers at once as long as anything waits unread, so a
        // preface in pieces is polled; the caller's time-out bounds this.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
