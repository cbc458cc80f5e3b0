//! Bytes a span on disk, after everything is flushed and compacted.

use std::time::Duration;

use clap::Args;

use super::{data_dir, templates};
use crate::Common;
use crate::load::{Plan, send};
use crate::report::Report;
use crate::server::{Server, bytes_below};

/// `hotspan-bench size`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Spans to send.
    #[arg(long, default_value_t = 1_000_000)]
    spans: u64,
    /// Seconds to give compaction after everything is analysed.
    #[arg(long, default_value_t = 30)]
    compaction: u64,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let Options { common, .. } = options;
    let data = data_dir(&common.folder)?;
    let plan = Plan {
        transport: common.transport,
        connections: 4,
        spans: options.spans,
        time: Duration::MAX,
        rate: None,
        spread: Duration::from_secs(3_600),
    };
    let server = Server::start(common, data.path(), &[])?;
    let sent = send(&server, &templates(common), plan).await?;
    server.settle().await?;
    server.stop()?;
    // A new start compacts what the last one left in small files.
    let server = Server::start(common, data.path(), &[])?;
    tokio::time::sleep(Duration::from_secs(options.compaction)).await;
    let stats = server.stats().await?;
    server.stop()?;

    let each = |bytes: u64| format!("{:.1}", bytes as f64 / sent.spans as f64);
    let target = match common.shape {
        crate::shape::Shape::Jaeger => "55",
        crate::shape::Shape::Realistic => "100",
    };
    let mut report = Report::default();
    report.row("shape", common.shape.name());
    report.row("spans", sent.spans.to_string());
    report.row("bytes a span as sent", each(sent.bytes));
    report.row("Parquet files", stats["storage"]["span_files"].to_string());
    report.against(
        "bytes a span in Parquet",
        each(bytes_below(&data.path().join("spans"))?),
        target,
    );
    report.row("bytes a span in the log", each(bytes_below(&data.path().join("wal"))?));
    report.row("bytes a span in all", each(bytes_below(data.path())?));
    report.print();
    Ok(())
}
