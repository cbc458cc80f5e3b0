//! The log: acknowledgements beside the disk's own fsync, and a restart with a
//! backlog in the log.

use std::time::{Duration, Instant};

use clap::Args;

use super::ingest::acknowledged;
use super::{data_dir, templates};
use crate::Common;
use crate::disk::synced_appends;
use crate::load::{Plan, send};
use crate::measure::{ms, quantile};
use crate::report::Report;
use crate::server::Server;

/// Appends to measure the disk with.
const PROBES: usize = 400;

/// `hotspan-bench wal`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Spans a second while acknowledgements are measured.
    #[arg(long, default_value_t = 20_000.0)]
    rate: f64,
    /// How long, in seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Spans in the log, and nowhere else, when the server is killed.
    #[arg(long, default_value_t = 4_000_000)]
    backlog: u64,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut report = Report::default();
    acknowledgements(options, &mut report).await?;
    restart(options, &mut report).await?;
    report.print();
    Ok(())
}

async fn acknowledgements(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let Options { common, .. } = options;
    let templates = templates(common);
    let data = data_dir(&common.folder)?;
    for bytes in [4 << 10, 64 << 10] {
        let took = synced_appends(data.path(), bytes, PROBES)?;
        let p = |q| ms(quantile(&took, q));
        report.row(
            format!("the disk: {} KiB appended and synced p50, p99", bytes >> 10),
            format!("{}, {}", p(0.5), p(0.99)),
        );
    }
    let server = Server::start(common, data.path(), &[])?;
    let plan = Plan {
        transport: common.transport,
        connections: 8,
        spans: u64::MAX,
        time: Duration::from_secs(options.seconds),
        rate: Some(options.rate),
        spread: Duration::from_secs(1),
    };
    let sent = send(&server, &templates, plan).await?;
    server.stop()?;
    acknowledged(report, &sent);
    Ok(())
}

/// Fills the log with spans that are nowhere else (no flush), kills the server
/// and starts it again.
async fn restart(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let Options { common, .. } = options;
    let data = data_dir(&common.folder)?;
    let never = ["--flush-spans", "1000000000", "--flush-bytes", "100GB", "--flush-age", "10h"];
    let server = Server::start(common, data.path(), &never)?;
    let plan = Plan {
        transport: common.transport,
        connections: 4,
        spans: options.backlog,
        time: Duration::MAX,
        rate: None,
        spread: Duration::from_secs(1),
    };
    let sent = send(&server, &templates(common), plan).await?;
    server.kill()?;
    let began = Instant::now();
    let server = Server::start(common, data.path(), &[])?;
    report.row("spans in the log at the kill", sent.spans.to_string());
    report.against("ready to receive after", ms(server.ready_after), "2000 ms");
    let queryable = loop {
        let stats = server.stats().await?;
        let rows = ["span_file_rows", "memory_spans"]
            .iter()
            .filter_map(|name| stats["storage"][name].as_u64())
            .sum::<u64>();
        if rows >= sent.spans {
            break began.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    report.against("all queryable after", ms(queryable), "30000 ms");
    let (peak, _) = server.memory()?;
    report.row("memory peak of the restart", crate::measure::mb(peak));
    server.stop()
}
