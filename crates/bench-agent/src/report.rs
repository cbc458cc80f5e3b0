//! What is printed: the machine, the command, and a table.

use std::process::Command;

use crate::process;

/// Rows of what, figure and target, in parts with a title.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<[String; 3]>,
}

impl Table {
    /// A row; no target where there is none.
    pub(crate) fn row(
        &mut self,
        what: impl Into<String>,
        figure: impl Into<String>,
        target: impl Into<String>,
    ) {
        self.rows.push([what.into(), figure.into(), target.into()]);
    }

    /// Says why something was not measured.
    pub(crate) fn skipped(&mut self, what: &str, why: &str) {
        self.row(what, format!("skipped: {why}"), "");
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        // Headings and what has no target may be longer than the columns.
        let width = |column: usize| {
            let full = self.rows.iter().filter(|row| !row[column + 1].is_empty());
            full.map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let (first, second) = (width(0), width(1));
        println!();
        for [what, figure, target] in &self.rows {
            let line = match (figure.as_str(), target.as_str()) {
                ("", _) => what.clone(),
                (_, "") => format!("{what:<first$}  {figure}"),
                _ => format!("{what:<first$}  {figure:<second$}  target {target}"),
            };
            println!("{line}");
        }
    }
}

/// The machine and the conditions, before anything is measured.
pub(crate) fn heading() {
    println!("command  {}", std::env::args().collect::<Vec<_>>().join(" "));
    println!("machine  {}", machine());
    println!("date     {}", said_by("date", &["-u", "+%F %R UTC"]));
    let where_ = match process::is_pinned() {
        true => "servers on core 0, load on core 1",
        false => "servers and load share all cores",
    };
    println!("servers  one worker each; {where_}");
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or("unknown CPU", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
    format!("{name}, {cores} cores; load {load} before this")
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

/// Megabytes, for people.
pub(crate) fn mb(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The middle one; of two in the middle, the greater.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
