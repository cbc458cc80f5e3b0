//! The log: acknowledgements beside the disk's own fsync, and a restart with a
//! backlog in the log.

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
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
    acknowledged(report, &sent, "");
    Ok(())
}

/// A server that begins with nothing but a long log: what another one was sent,
/// as if none of it had been applied when that was killed.
async fn restart(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let Options { common, .. } = options;
    let (first, data) = (data_dir(&common.folder)?, data_dir(&common.folder)?);
    let server = Server::start(common, first.path(), &[])?;
    let keeper = Keeper::start(&first.path().join("wal"), &data.path().join("wal"))?;
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
    keeper.stop()?;
    std::fs::copy(first.path().join("FORMAT"), data.path().join("FORMAT"))?;
    drop(first);
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

/// Keeps the files of a log that its server would remove once they are applied,
/// by a second name for each.
struct Keeper {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Keeper {
    fn start(from: &Path, to: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(to)?;
        let (from, to) = (from.to_owned(), to.to_owned());
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let pause = Duration::from_millis(20);
            while stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
                link_new(&from, &to)?;
            }
            link_new(&from, &to)
        });
        Ok(Self { stop, thread })
    }

    fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow::anyhow!("keeping the log's files failed"))?
    }
}

fn link_new(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !target.exists() {
            std::fs::hard_link(entry.path(), target)?;
        }
    }
    Ok(())
}
