//! One run of an SDK's program and what it printed.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::sdks::{Installed, Sdk, Start};

/// The end of the only key there is.
const KEY_END: &str = "0000";
/// No SDK tries for so long; a program that does is ended.
const TIME_MAX: Duration = Duration::from_secs(120);

/// Whether calls share a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    Shared,
    Fresh,
}

impl Clients {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Shared => "one shared",
            Self::Fresh => "one a call",
        }
    }
}

/// What a program printed.
#[derive(Default)]
pub(super) struct Run {
    pub(super) version: String,
    /// A time for each call, or why it failed.
    pub(super) calls: Vec<Result<Duration, String>>,
}

impl Run {
    pub(super) fn first(&self) -> Option<Duration> {
        self.calls.first()?.as_ref().ok().copied()
    }

    pub(super) fn median(&self) -> Option<Duration> {
        let mut times: Vec<_> = self.calls.iter().filter_map(|call| call.as_ref().ok()).collect();
        times.sort();
        times.get(times.len() / 2).map(|time| **time)
    }

    /// Of all but the first, in which an SDK loads itself.
    pub(super) fn slowest_later(&self) -> Option<Duration> {
        self.calls.iter().skip(1).filter_map(|call| call.as_ref().ok()).max().copied()
    }

    pub(super) fn failures(&self) -> impl Iterator<Item = &String> {
        self.calls.iter().filter_map(|call| call.as_ref().err())
    }

    /// Whether each of so many calls came back with the key.
    pub(super) fn is_good(&self, count: usize) -> bool {
        self.calls.len() == count && self.failures().next().is_none()
    }
}

/// Starts a program, `led` to where it is to ask.
pub(super) fn run(
    sdk: &Sdk,
    installed: &Installed,
    clients: Clients,
    (count, pause): (usize, Duration),
    led: impl Fn(&mut Command) -> anyhow::Result<()>,
) -> anyhow::Result<Run> {
    let program = || -> anyhow::Result<Command> {
        let mut command = installed.program(sdk.start).map_err(anyhow::Error::msg)?;
        led(&mut command)?;
        Ok(command)
    };
    if sdk.start == Start::Cli {
        return cli(count, program);
    }
    let mut command = program()?;
    command.arg(if clients == Clients::Shared { "shared" } else { "fresh" });
    command.args([count.to_string(), pause.as_millis().to_string()]);
    let allowed = TIME_MAX + pause * u32::try_from(count)?;
    let output = limited(&command, allowed).output().context("the program does not start")?;
    let mut run = Run::default();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        read(line, &mut run);
    }
    if run.calls.is_empty() {
        run.calls.push(Err(short(&String::from_utf8_lossy(&output.stderr))));
    }
    Ok(run)
}

/// The CLI is a process each time, and shows the end of the key.
fn cli(count: usize, program: impl Fn() -> anyhow::Result<Command>) -> anyhow::Result<Run> {
    let mut run = Run::default();
    let version = Command::new("aws").arg("--version").output()?.stdout;
    let version = String::from_utf8_lossy(&version);
    version.split(['/', ' ']).nth(1).unwrap_or_default().clone_into(&mut run.version);
    for _ in 0..count {
        let command = program()?;
        let begun = Instant::now();
        let output = limited(&command, TIME_MAX).output()?;
        let took = begun.elapsed();
        let text = String::from_utf8_lossy(&output.stdout);
        let has_key = text.contains(&format!("*{KEY_END}"));
        run.calls.push(if has_key { Ok(took) } else { Err(short(&text)) });
    }
    Ok(run)
}

/// The same command, ended when it takes too long.
fn limited(command: &Command, time: Duration) -> Command {
    let mut limited = Command::new("timeout");
    limited.args(["-k", "5", &time.as_secs().to_string()]);
    limited.arg(command.get_program()).args(command.get_args()).env_clear();
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    limited
}

fn read(line: &str, run: &mut Run) {
    let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { return };
    let micros = Duration::from_micros(line["micros"].as_u64().unwrap_or_default());
    match (line["sdk"].as_str(), line["key"].as_str(), line["error"].as_str()) {
        (Some(version), ..) => version.clone_into(&mut run.version),
        (_, Some(KEY_END), _) => run.calls.push(Ok(micros)),
        (_, Some(other), _) => run.calls.push(Err(format!("another key, …{other}"))),
        (.., error) => run.calls.push(Err(short(error.unwrap_or("no error, no key")))),
    }
}

/// The beginning of a message on one line.
fn short(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(120).collect()
}
