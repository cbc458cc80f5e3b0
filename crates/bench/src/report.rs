//! What is printed: the machine, the command, and a table.

use std::process::Command;

/// Rows of name and figure, with the target where one is set.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<[String; 3]>,
}

impl Report {
    pub(crate) fn row(&mut self, what: impl Into<String>, figure: impl Into<String>) {
        self.rows.push([what.into(), figure.into(), String::new()]);
    }

    pub(crate) fn against(
        &mut self,
        what: impl Into<String>,
        figure: impl Into<String>,
        target: impl Into<String>,
    ) {
        self.rows.push([what.into(), figure.into(), target.into()]);
    }

    /// Prints it below a heading that says how it came about.
    pub(crate) fn print(&self) {
        println!();
        println!("command  {}", std::env::args().collect::<Vec<_>>().join(" "));
        println!("machine  {}", machine());
        println!("date     {}", said_by("date", &["-u", "+%F %R UTC"]));
        println!();
        let widths = [0, 1].map(|column| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        for [what, figure, target] in &self.rows {
            let target = match target.is_empty() {
                true => String::new(),
                false => format!("   (target {target})"),
            };
            println!("{what:<w0$}  {figure:>w1$}{target}", w0 = widths[0], w1 = widths[1]);
        }
    }
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or("unknown CPU", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    let gib = kib.map_or(0, |kib: u64| kib >> 20);
    format!("{name}, {cores} cores, {gib} GiB; load {}", load_average())
}

fn load_average() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
