//! What the system says about this process, from `/proc/self`.

use std::fs;

/// `/proc` counts processor time in hundredths of a second for every program.
const TICKS_A_SECOND: f64 = 100.0;

/// This process at one moment. What the system does not tell is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Process {
    /// Memory in use, in bytes.
    pub(crate) resident_bytes: Option<u64>,
    /// The most that ever was, in bytes.
    pub(crate) resident_peak_bytes: Option<u64>,
    /// Processor time of all threads so far.
    pub(crate) cpu_seconds: Option<f64>,
    /// Threads.
    pub(crate) threads: Option<u64>,
    /// Open files, sockets included.
    pub(crate) open_files: Option<u64>,
}

impl Process {
    /// Asks the system.
    pub(crate) fn now() -> Self {
        let text =
            |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let open_files = fs::read_dir("/proc/self/fd").map(|entries| entries.count() as u64).ok();
        Self { open_files, ..Self::parse(&text("status"), &text("stat")) }
    }

    fn parse(status: &str, stat: &str) -> Self {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let kib = |name: &str| field(name).map(|kib| kib.saturating_mul(1_024));
        Self {
            resident_bytes: kib("VmRSS:"),
            resident_peak_bytes: kib("VmHWM:"),
            cpu_seconds: cpu_seconds(stat),
            threads: field("Threads:"),
            open_files: None,
        }
    }
}

/// Fields 14 and 15 of `stat`; the second is a name that may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some((user + system) as f64 / TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says() {
        let status = "Name:\thotspan\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t7\n";
        let stat = "42 (a ) b) S 1 1 1 0 -1 4194560 10 0 0 0 250 50 0 0 20 0 7 0 1 2 3";
        let process = Process::parse(status, stat);
        assert_eq!(process.resident_bytes, Some(1 << 20));
        assert_eq!(process.resident_peak_bytes, Some(2 << 20));
        assert_eq!((process.cpu_seconds, process.threads), (Some(3.0), Some(7)));
        assert_eq!(Process::parse("", "no"), Process::default());
        let here = Process::now();
        assert!(here.resident_bytes > Some(0) && here.open_files > Some(0), "{here:?}");
    }
}
