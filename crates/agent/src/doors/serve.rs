//! A TCP door: accepts connections of this machine, hands requests to whoever
//! answers them, sends the answers, and on the word to stop lets those under
//! way end. Bounded in connections, header size and time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::caller::{Caller, SocketTable};
use super::kept_timer::KeptTimer;
use super::per_uid::PerUid;

/// More wait in the kernel until one ends. Some hundred processes with a few
/// connections each.
const CONNECTIONS_MAX: usize = 4_096;
/// So that one user cannot take them all. More of its connections are closed.
const CONNECTIONS_PER_UID_MAX: usize = 2_048;
/// A caller that sends its headers slower than this is cut off, and so is a
/// connection on which nothing is asked for so long.
const HEADER_TIME_MAX: Duration = Duration::from_secs(20);
const HEADER_BYTES_MAX: usize = 16 * 1_024;
// More than a hundred headers hyper refuses by itself.
/// After a failed accept (no file descriptors left) the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a connection that was let in before the stop may take to ask.
const FIRST_REQUEST_TIME_MAX: Duration = Duration::from_millis(250);
/// Answers come from memory; what is not sent by then never will be.
const STOP_TIME_MAX: Duration = Duration::from_secs(2);

/// Answers requests.
pub(crate) trait Answers: Send + Sync + 'static {
    /// Answers one of `caller`. The body, which no request here has, is not
    /// looked at.
    fn answer(
        &self,
        request: &Parts,
        caller: Caller,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// Serves until `stop` is told, and then until what is under way has ended.
pub(crate) async fn serve<A: Answers>(
    listener: TcpListener,
    answers: Arc<A>,
    table: Arc<SocketTable>,
    mut stop: watch::Receiver<bool>,
) {
    // A door has one address, so that every connection to it has, too.
    let Ok(own) = listener.local_addr() else { return };
    // Answers are one small write; waiting for more would only delay them. Every
    // connection takes this over from here, as it does the hop limit.
    let _ = SockRef::from(&listener).set_tcp_nodelay(true);
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let per_uid = Arc::new(PerUid::new(CONNECTIONS_PER_UID_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                if !is_near(peer, own) {
                    tracing::debug!(%peer, "refused: not of this machine");
                    continue;
                }
                let (answers, stop) = (Arc::clone(&answers), stop.clone());
                let caller = table.caller(peer, own);
                let Some(place) = per_uid.enter(caller.uid) else {
                    tracing::debug!(uid = ?caller.uid, "refused: too many connections of this user");
                    continue;
                };
                connections.spawn(async move {
                    connection(stream, answers, caller, stop).await;
                    drop((place, permit));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let ending = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_TIME_MAX, ending).await;
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let permit = Arc::clone(permits).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

/// Whether a peer is of this machine. A metadata address can be reached from
/// other machines and namespaces when somebody routes it; whoever asks from this
/// one comes from an address of it.
fn is_near(peer: SocketAddr, own: SocketAddr) -> bool {
    let (own_ip, peer_ip) = (own.ip().to_canonical(), peer.ip().to_canonical());
    peer_ip.is_loopback() || own_ip == peer_ip
}

async fn connection<A: Answers>(
    stream: TcpStream,
    answers: Arc<A>,
    caller: Caller,
    mut stop: watch::Receiver<bool>,
) {
    let was_asked = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        let answers = Arc::clone(&answers);
        was_asked.store(true, Ordering::Relaxed);
        async move {
            let (head, _body) = request.into_parts();
            Ok::<_, Infallible>(answers.answer(&head, caller).await)
        }
    });
    let serving = http1::Builder::new()
        .timer(KeptTimer::default())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    // A connection that breaks concerns only its caller.
    tokio::select! {
        _ = &mut serving => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    // Whoever has only just connected may not have asked yet: it was let in, so
    // it is answered.
    if !was_asked.load(Ordering::Relaxed) {
        let asking = tokio::time::timeout(FIRST_REQUEST_TIME_MAX, serving.as_mut());
        if asking.await.is_ok() {
            return;
        }
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}
