//! The server under measurement: another process, seen through its listeners
//! and through what the system says about it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::Common;
use crate::load::get;

/// How long a server may take to say that it is ready.
const START_TIMEOUT: Duration = Duration::from_secs(300);
/// How long everything received may take to be analysed.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(600);
/// What the kernel counts CPU time in, on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where pages are.
    pub(crate) ui: String,
    /// Where OTLP/gRPC is taken.
    pub(crate) grpc: String,
    /// Where OTLP/HTTP is taken.
    pub(crate) http: String,
    /// From the start of the process until it took requests.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts the server on free ports and waits until it is ready.
    pub(crate) fn start(common: &Common, data: &Path, extra: &[&str]) -> anyhow::Result<Self> {
        let began = Instant::now();
        let mut command = Command::new(&common.server);
        command.arg("serve").arg("--data-dir").arg(data);
        for listener in ["--listen", "--otlp-grpc", "--otlp-http"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        command.args(["--log", "warn"]).args(extra).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}: build it first", common.server.display()))?;
        let lines = child.stdout.take().context("the server has no standard output")?;
        let [ui, grpc, http] = match addresses(lines) {
            Ok(addresses) => addresses,
            Err(error) => {
                let _ = child.kill();
                return Err(error);
            }
        };
        Ok(Self { child, ui, grpc, http, ready_after: began.elapsed() })
    }

    /// CPU seconds the process has used, user and system.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(self.proc("stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("no name in /proc/…/stat")?;
        let ticks: Vec<f64> =
            fields.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }

    /// The most memory it had, and has now, in bytes.
    pub(crate) fn memory(&self) -> anyhow::Result<(u64, u64)> {
        let status = std::fs::read_to_string(self.proc("status"))?;
        let kib = |name: &str| -> Option<u64> {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        let peak = kib("VmHWM:").context("no VmHWM in /proc/…/status")?;
        let now = kib("VmRSS:").context("no VmRSS in /proc/…/status")?;
        Ok((peak * 1_024, now * 1_024))
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.child.id()))
    }

    /// What the server counts.
    pub(crate) async fn stats(&self) -> anyhow::Result<Value> {
        let (status, body) = get(&format!("{}/api/v1/stats", self.ui)).await?;
        if status != 200 {
            bail!("/api/v1/stats answered {status}");
        }
        Ok(serde_json::from_slice(&body)?)
    }

    /// Waits until everything received is analysed and kept.
    pub(crate) async fn settle(&self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            let stats = self.stats().await?;
            let open: u64 = ["open_traces", "apply_queue", "analysis_queue", "profile_queue"]
                .iter()
                .filter_map(|name| stats["analysis"][name].as_u64())
                .sum();
            if open == 0 {
                return Ok(began.elapsed());
            }
            if began.elapsed() > SETTLE_TIMEOUT {
                bail!("{open} traces and requests are still open after {SETTLE_TIMEOUT:?}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end and waits for that.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status()?;
        let ended = self.child.wait()?;
        if !asked.success() || !ended.success() {
            bail!("the server ended with {ended}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After an error nobody else ends it; after an end this does nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the start's lines: one a listener, then `ready`.
fn addresses(output: ChildStdout) -> anyhow::Result<[String; 3]> {
    let began = Instant::now();
    let (mut ui, mut grpc, mut http) = Default::default();
    let mut lines = BufReader::new(output).lines();
    for line in lines.by_ref() {
        let line = line?;
        match line.split_once(' ') {
            Some(("ui", address)) => ui = address.to_owned(),
            Some(("otlp-grpc", address)) => grpc = address.to_owned(),
            Some(("otlp-http", address)) => http = address.to_owned(),
            _ if line == "ready" => {
                // What it prints later must have a reader.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok([ui, grpc, http]);
            }
            _ => {}
        }
        if began.elapsed() > START_TIMEOUT {
            bail!("the server was not ready after {START_TIMEOUT:?}");
        }
    }
    bail!("the server ended before it was ready")
}

/// Bytes of all files below a folder.
pub(crate) fn bytes_below(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(0) };
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
