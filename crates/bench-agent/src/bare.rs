//! The least that hyper can do: one fixed body for whatever is asked, with the
//! headers that the agent sends, and nothing that makes the agent safe.

use std::convert::Infallible;
use std::io::Write;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue, SERVER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Settings of the bare server.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Length of the body
    #[arg(long)]
    bytes: usize,
}

/// Serves until it is killed.
pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = Bytes::from(vec![b'x'; settings.bytes]);
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port")?;
        println!("bare http://{}\nready", listener.local_addr()?);
        std::io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let body = body.clone();
            tokio::spawn(async move {
                let service = service_fn(|_: Request<Incoming>| {
                    let answer = answer(body.clone());
                    async { Ok::<_, Infallible>(answer) }
                });
                // A caller that goes away concerns nobody.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

fn answer(body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(SERVER, HeaderValue::from_static("EC2ws"));
    response
}
