//! The senders: a few connections that keep the server busy, or keep a rate.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::Transport;
use crate::random::Random;
use crate::server::Server;
use crate::template::Template;

const GRPC_PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// How long a request may take before the measurement is given up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// How much is sent and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) transport: Transport,
    pub(crate) connections: usize,
    /// Stop after this many spans.
    pub(crate) spans: u64,
    /// Stop after this long.
    pub(crate) time: Duration,
    /// Spans a second; as fast as acknowledged when there is none.
    pub(crate) rate: Option<f64>,
    /// Traces start within this long before now.
    pub(crate) spread: Duration,
}

/// What the senders saw.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) spans: u64,
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    /// Nanoseconds from sending to acknowledgement.
    pub(crate) acknowledged: Vec<u64>,
    /// Answers other than success, by what they said.
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) took: Duration,
}

/// Sends until the plan is fulfilled.
pub(crate) async fn send(
    server: &Server,
    templates: &[Template],
    plan: Plan,
) -> anyhow::Result<Sent> {
    let began = Instant::now();
    let sent = Rc::new(RefCell::new(Sent::default()));
    let turn = Rc::new(Cell::new(0_usize));
    let local = tokio::task::LocalSet::new();
    let mut senders = Vec::new();
    for nth in 0..plan.connections {
        let sender = Sender {
            client: client(plan.transport),
            address: match plan.transport {
                Transport::Http => format!("{}/v1/traces", server.http),
                Transport::Grpc => format!("{}{GRPC_PATH}", server.grpc),
            },
            random: Random::new(unix_nanos() ^ ((nth as u64) << 48)),
            plan,
            began,
            sent: Rc::clone(&sent),
            turn: Rc::clone(&turn),
        };
        senders.push(sender);
    }
    local
        .run_until(async {
            let running =
                senders.into_iter().map(|mut sender| async move { sender.run(templates).await });
            futures_all(running.collect()).await
        })
        .await?;
    let mut sent =
        Rc::try_unwrap(sent).map_err(|_| anyhow::anyhow!("a sender still runs"))?.into_inner();
    sent.took = began.elapsed();
    Ok(sent)
}

/// Runs all to their end; the first error is the answer.
async fn futures_all<F>(futures: Vec<F>) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        let mut nth = 0;
        while nth < futures.len() {
            match futures[nth].as_mut().poll(context) {
                std::task::Poll::Ready(Ok(())) => drop(futures.swap_remove(nth)),
                std::task::Poll::Ready(Err(error)) => return std::task::Poll::Ready(Err(error)),
                std::task::Poll::Pending => nth += 1,
            }
        }
        match futures.is_empty() {
            true => std::task::Poll::Ready(Ok(())),
            false => std::task::Poll::Pending,
        }
    })
    .await
}

struct Sender {
    client: HttpClient,
    address: String,
    random: Random,
    plan: Plan,
    began: Instant,
    sent: Rc<RefCell<Sent>>,
    turn: Rc<Cell<usize>>,
}

impl Sender {
    async fn run(&mut self, templates: &[Template]) -> anyhow::Result<()> {
        loop {
            let turn = self.turn.get();
            self.turn.set(turn + 1);
            let template = &templates[turn % templates.len()];
            if let Some(rate) = self.plan.rate {
                let due = Duration::from_secs_f64(turn as f64 * template.spans as f64 / rate);
                tokio::time::sleep_until((self.began + due).into()).await;
            }
            let done = self.sent.borrow().spans + template.spans as u64 > self.plan.spans;
            if done || self.began.elapsed() >= self.plan.time {
                return Ok(());
            }
            self.send(template).await?;
        }
    }

    /// Sends one request, again while the server asks to wait.
    async fn send(&mut self, template: &Template) -> anyhow::Result<()> {
        let spread = self.plan.spread.as_nanos() as u64;
        let mut starts = self.random.clone();
        let now = unix_nanos();
        let body =
            template.fill(&mut self.random, || now - 1_000_000 - starts.next() % spread.max(1));
        let body = match self.plan.transport {
            Transport::Http => body,
            Transport::Grpc => framed(&body),
        };
        loop {
            let began = Instant::now();
            let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.post(body.clone())).await;
            match answer.context("a request was not answered in time")?? {
                Answer::Accepted => {
                    let mut sent = self.sent.borrow_mut();
                    sent.acknowledged.push(began.elapsed().as_nanos() as u64);
                    sent.spans += template.spans as u64;
                    sent.requests += 1;
                    sent.bytes += template.len() as u64;
                    return Ok(());
                }
                Answer::Wait(said, wait) => {
                    *self.sent.borrow_mut().refused.entry(said).or_default() += 1;
                    tokio::time::sleep(wait).await;
                }
            }
            if self.began.elapsed() >= self.plan.time {
                return Ok(());
            }
        }
    }

    async fn post(&self, body: Bytes) -> anyhow::Result<Answer> {
        let mut request = Request::post(&self.address);
        request = match self.plan.transport {
            Transport::Http => request.header("content-type", "application/x-protobuf"),
            Transport::Grpc => {
                request.header("content-type", "application/grpc").header("te", "trailers")
            }
        };
        let response = self.client.request(request.body(Full::new(body))?).await?;
        let status = response.status();
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let wait = Duration::from_secs_f64(wait.and_then(|text| text.parse().ok()).unwrap_or(0.2));
        let in_head = response.headers().get("grpc-status").cloned();
        let body = response.into_body().collect().await?;
        let code = in_head.or_else(|| body.trailers()?.get("grpc-status").cloned());
        let code =
            code.map_or("0".to_owned(), |code| String::from_utf8_lossy(code.as_bytes()).into());
        match (status.as_u16(), code.as_str()) {
            (200, "0") => Ok(Answer::Accepted),
            (200, code @ ("8" | "14")) => Ok(Answer::Wait(format!("grpc-status {code}"), wait)),
            (429 | 503, _) => Ok(Answer::Wait(status.as_u16().to_string(), wait)),
            _ => bail!("the server answered {status}, grpc-status {code}"),
        }
    }
}

enum Answer {
    Accepted,
    Wait(String, Duration),
}

/// A gRPC message: not compressed, its length, itself.
fn framed(body: &Bytes) -> Bytes {
    let mut framed = BytesMut::with_capacity(body.len() + 5);
    framed.put_u8(0);
    framed.put_u32(body.len() as u32);
    framed.put_slice(body);
    framed.freeze()
}

fn client(transport: Transport) -> HttpClient {
    Client::builder(TokioExecutor::new())
        .http2_only(transport == Transport::Grpc)
        .http2_initial_stream_window_size(Some(4 << 20))
        .http2_initial_connection_window_size(Some(8 << 20))
        .build_http()
}

/// One GET; status and body.
pub(crate) async fn get(url: &str) -> anyhow::Result<(u16, Bytes)> {
    let request = Request::get(url).body(Full::default())?;
    let response = client(Transport::Http).request(request).await?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

fn unix_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
