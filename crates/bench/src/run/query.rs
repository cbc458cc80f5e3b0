//! Time of each page's data and of searches over many spans.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use super::{data_dir, templates};
use crate::Common;
use crate::load::{Plan, get, send};
use crate::measure::{mb, ms, quantile};
use crate::report::Report;
use crate::server::Server;

/// `hotspan-bench query`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Spans to fill the server with, over the last 24 hours.
    #[arg(long, default_value_t = 10_000_000)]
    spans: u64,
    /// Times each query is asked; the first answer is left out.
    #[arg(long, default_value_t = 12)]
    times: usize,
    /// A data directory to keep: filled if it is empty, only asked if not.
    #[arg(long)]
    keep: Option<PathBuf>,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let Options { common, .. } = options;
    let temporary = data_dir(&common.folder)?;
    let data = options.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    let filled = data.join("FORMAT").exists();
    let server = Server::start(common, &data, &[])?;
    if !filled {
        let day = Duration::from_secs(24 * 3_600 - 600);
        let plan = Plan {
            transport: common.transport,
            connections: 4,
            spans: options.spans,
            time: Duration::MAX,
            rate: None,
            spread: day,
        };
        let sent = send(&server, &templates(common), plan).await?;
        println!("sent {} spans in {:.0} s", sent.spans, sent.took.as_secs_f64());
        server.settle().await?;
    }
    let queries = queries(&server).await?;
    let mut report = Report::default();
    let stats = server.stats().await?;
    report.row("spans in files", stats["storage"]["span_file_rows"].to_string());
    report.row("files", stats["storage"]["span_files"].to_string());
    for Query { name, path, target } in queries {
        let (mut took, mut bytes) = (Vec::new(), 0);
        for _ in 0..=options.times {
            let began = Instant::now();
            let (status, body) = get(&format!("{}{path}", server.ui)).await?;
            took.push(began.elapsed().as_nanos() as u64);
            bytes = body.len();
            if status != 200 {
                bail!("{path} answered {status}: {}", String::from_utf8_lossy(&body));
            }
        }
        let p = |q| ms(quantile(&took[1..], q));
        report.against(name, format!("{}, {}  {bytes} B", p(0.5), p(0.99)), target);
    }
    report.row("memory peak", mb(server.memory()?.0));
    server.stop()?;
    report.print();
    Ok(())
}

struct Query {
    name: &'static str,
    path: String,
    target: &'static str,
}

/// The questions, with ids of what the server holds.
async fn queries(server: &Server) -> anyhow::Result<Vec<Query>> {
    let endpoints = json(server, "/api/v1/endpoints?window=24h").await?;
    let endpoint = endpoints["endpoints"][0]["id"].as_i64().context("no endpoint to ask for")?;
    let entries = json(server, "/api/v1/search?window=24h&limit=1&q=is%3Aentry").await?;
    let trace = entries["hits"][0]["trace_id"].as_str().context("no trace to ask for")?;
    let query = |name, path: String, target| Query { name, path, target };
    Ok(vec![
        query("trace by id (p50, p99)", format!("/api/v1/traces/{trace}"), "20 ms"),
        query(
            "attribute search, first 20 hits",
            "/api/v1/search?window=24h&limit=20&q=attribute_7%3Avalue_77".to_owned(),
            "500 ms",
        ),
        query(
            "attribute search, no hit",
            "/api/v1/search?window=24h&limit=20&q=attribute_7%3Anowhere".to_owned(),
            "2500 ms",
        ),
        query("home data, 24 h", "/api/v1/endpoints?window=24h".to_owned(), "50 ms"),
        query("slowest traces, 24 h", "/traces?window=24h&by=slowest".to_owned(), "150 ms"),
        query("home page, 24 h", "/?window=24h".to_owned(), "none"),
        query("endpoint page, 24 h", format!("/endpoints/{endpoint}?window=24h"), "80 ms"),
        query("trace page", format!("/traces/{trace}"), "none"),
    ])
}

async fn json(server: &Server, path: &str) -> anyhow::Result<Value> {
    let (status, body) = get(&format!("{}{path}", server.ui)).await?;
    if status != 200 {
        bail!("{path} answered {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(serde_json::from_slice(&body)?)
}
