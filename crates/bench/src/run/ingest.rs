//! Sending as fast as the server acknowledges, or at a rate.

use std::time::Duration;

use clap::Args;

use super::{data_dir, templates};
use crate::Common;
use crate::load::{Plan, Sent, send};
use crate::measure::{mb, ms, quantile};
use crate::report::Report;
use crate::server::{Server, bytes_below};

/// `hotspan-bench ingest`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// How long to send, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Stop after this many spans.
    #[arg(long, default_value_t = u64::MAX)]
    spans: u64,
    /// Spans a second; without it, as fast as the server acknowledges.
    #[arg(long)]
    rate: Option<f64>,
    /// Requests under way at one time.
    #[arg(long, default_value_t = 4)]
    connections: usize,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let Options { common, .. } = options;
    let templates = templates(common);
    let data = data_dir(&common.folder)?;
    let server = Server::start(common, data.path(), &[])?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (idle, _) = server.memory()?;
    let plan = Plan {
        transport: common.transport,
        connections: options.connections,
        spans: options.spans,
        time: Duration::from_secs(options.seconds),
        rate: options.rate,
        spread: Duration::from_secs(1),
    };
    let cpu_before = server.cpu_seconds()?;
    let sent = send(&server, &templates, plan).await?;
    let cpu_sending = server.cpu_seconds()? - cpu_before;
    let settled = server.settle().await?;
    let cpu_settled = server.cpu_seconds()? - cpu_before;
    let (peak, now) = server.memory()?;
    let stats = server.stats().await?;
    server.stop()?;

    let mut report = Report::default();
    report.row(
        "shape, batch, transport",
        format!("{}, {}, {:?}", common.shape.name(), common.batch, common.transport),
    );
    let target = if options.rate.is_none() { "100000" } else { "" };
    acknowledged(&mut report, &sent, target);
    report.row("settled after", ms(settled));
    let per_span = |seconds: f64| format!("{:.2} µs", seconds * 1e6 / sent.spans as f64);
    report.row("server CPU a span while sending", per_span(cpu_sending));
    report.against("server CPU a span, settled", per_span(cpu_settled), "10 µs");
    for (part, seconds) in stats["cpu_seconds"].as_object().into_iter().flatten() {
        report.row(format!("  of it {part}"), per_span(seconds.as_f64().unwrap_or(0.0)));
    }
    report.row(
        "server CPU for a million spans",
        format!("{:.1} s", cpu_settled * 1e6 / sent.spans as f64),
    );
    report.against("memory idle", mb(idle), "80 MB");
    report.against("memory peak, after", format!("{}, {}", mb(peak), mb(now)), "600 MB");
    report.row("spans the server counts", stats["accepted"]["spans"].to_string());
    report.row(
        "duplicates, late, dropped",
        format!("{}, {}, {}", stats["duplicates"], stats["late"], stats["dropped"]),
    );
    let bytes = bytes_below(data.path())?;
    report.row("bytes a span after the end", format!("{:.1}", bytes as f64 / sent.spans as f64));
    report.print();
    Ok(())
}

/// Rows about the sending itself.
pub(super) fn acknowledged(report: &mut Report, sent: &Sent, target: &str) {
    report.row("spans acknowledged", sent.spans.to_string());
    report.row("bytes a span as sent", format!("{:.0}", sent.bytes as f64 / sent.spans as f64));
    let rate = sent.spans as f64 / sent.took.as_secs_f64();
    report.against("spans a second", format!("{rate:.0}"), target);
    let p = |q| ms(quantile(&sent.acknowledged, q));
    report.row("acknowledgement p50, p99, max", format!("{}, {}, {}", p(0.5), p(0.99), p(1.0)));
    for (said, times) in &sent.refused {
        report.row(format!("asked to wait: {said}"), times.to_string());
    }
}
