//! Another process: started on a core, asked what it takes, ended with its
//! owner.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// What the kernel counts CPU time in, on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;
/// After this a process that was asked to end is killed.
const END_TIME_MAX: Duration = Duration::from_secs(5);

/// Where a process runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Core {
    /// All servers, one at a time busy.
    Server,
    /// What asks them.
    Load,
}

impl Core {
    /// A command that runs `program` there; on one core, or without `taskset`,
    /// it runs wherever there is room.
    pub(crate) fn command(self, program: &Path) -> Command {
        if !is_pinned() {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        let core = match self {
            Self::Server => "0",
            Self::Load => "1",
        };
        command.args(["-c", core]).arg(program);
        command
    }
}

/// Whether servers and load have a core each.
pub(crate) fn is_pinned() -> bool {
    // Asked once: when this process has moved to its core, it sees no other.
    static PINNED: LazyLock<bool> = LazyLock::new(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        cores > 1 && has("taskset")
    });
    *PINNED
}

/// Whether a program can be started.
pub(crate) fn has(program: &str) -> bool {
    let mut look = Command::new("sh");
    look.args(["-c", "command -v \"$0\"", program]).stdout(Stdio::null());
    look.status().is_ok_and(|status| status.success())
}

/// A process that ends with this.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self(child))
    }

    /// Starts one that says where it listens, and then `ready`. Returns names
    /// and addresses.
    pub(crate) fn start_announced(
        command: &mut Command,
    ) -> anyhow::Result<(Self, Vec<(String, String)>)> {
        let mut process = Self::start(command.stdout(Stdio::piped()))?;
        let output = process.0.stdout.take().context("no standard output")?;
        let mut announced = Vec::new();
        let mut lines = BufReader::new(output).lines();
        for line in lines.by_ref() {
            let line = line?;
            if line == "ready" {
                // What it prints later must have a reader.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok((process, announced));
            }
            if let Some((name, address)) = line.split_once(" http://") {
                announced.push((name.to_owned(), address.to_owned()));
            }
        }
        bail!("{command:?} ended before it was ready")
    }

    /// CPU seconds it and its children have used.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let id = self.0.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.unwrap_or_default();
        let ids = children.split_whitespace().filter_map(|id| id.parse().ok());
        std::iter::once(id).chain(ids).map(cpu_seconds_of).sum()
    }

    /// Memory it has now.
    pub(crate) fn memory_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kib.context("no VmRSS in /proc/…/status")? * 1_024)
    }
}

fn cpu_seconds_of(id: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/…/stat")?;
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

impl Drop for Process {
    /// Asked first: nginx takes its workers along only then.
    fn drop(&mut self) {
        let asked =
            Command::new("kill").arg(self.0.id().to_string()).stderr(Stdio::null()).status();
        let begun = Instant::now();
        while asked.is_ok() && begun.elapsed() < END_TIME_MAX {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // It does not listen, or is gone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
