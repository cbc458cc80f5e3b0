//! Upstream is down while long-lived processes ask once a second. Whatever
//! life their credentials have left, none may fail.

use std::process::Command;
use std::time::Duration;

use super::host::{Host, Plan};
use super::run::{Clients, Run, run as run_program};
use super::sdks::{Door, Installed, SDKS, Sdk};
use super::{millis, side_by_side};

/// Nothing but errors at each step of a lookup.
const DOWN: &str = "token=503\nlist=reset\ncredentials=503\n";
/// From an hour down to less than any SDK is content with.
const LIVES: [&str; 5] = ["60m", "31m", "26m", "14m", "4m"];
const LIVES_SHORT: [&str; 2] = ["14m", "4m"];
const OUTAGE_SECONDS: usize = 180;
const OUTAGE_SECONDS_SHORT: usize = 20;
const PAUSE: Duration = Duration::from_secs(1);

struct Trial<'a> {
    sdk: &'a Sdk,
    door: Door,
    life: &'static str,
}

/// Prints the table and returns what is not as it should be.
pub(super) fn run(installed: &Installed, short: bool) -> anyhow::Result<Vec<String>> {
    let lives: &[&'static str] = if short { &LIVES_SHORT } else { &LIVES };
    let count = if short { OUTAGE_SECONDS_SHORT } else { OUTAGE_SECONDS };
    let there =
        SDKS.iter().filter(|sdk| !sdk.best.is_empty() && installed.lack(sdk.start).is_none());
    let rows: Vec<(&Sdk, Door)> =
        there.flat_map(|sdk| sdk.best.iter().map(move |door| (sdk, *door))).collect();
    let trials: Vec<Trial<'_>> = rows
        .iter()
        .flat_map(|(sdk, door)| lives.iter().map(move |life| Trial { sdk, door: *door, life }))
        .collect();
    println!(
        "Upstream is down for {count} s, and each process asks once a second. \
         Calls at the agent, and the slowest answer after the first in ms, by the life left:"
    );
    let head: Vec<String> = lives.iter().map(|life| format!("{life:>16}")).collect();
    println!("{:<20} {:<10}{}", "SDK", "door", head.concat());
    // They sleep nearly all the time, so all run at once.
    let outcomes = side_by_side(&trials, trials.len(), |_, trial| try_one(trial, installed, count));
    let mut wrong = Vec::new();
    for ((sdk, door), outcomes) in rows.iter().zip(outcomes.chunks(lives.len())) {
        let cells: Vec<String> = outcomes.iter().map(cell).collect();
        println!("{:<20} {:<10}{}", sdk.name, door.name(), cells.concat());
        for (life, outcome) in lives.iter().zip(outcomes) {
            let why = complaint(outcome, count);
            wrong.extend(
                why.map(|why| format!("{}, {}, {life} left: {why}", sdk.name, door.name())),
            );
        }
    }
    Ok(wrong)
}

/// How a program fared, and how often it asked the agent.
type Outcome = anyhow::Result<(Run, u64)>;

fn try_one(trial: &Trial<'_>, installed: &Installed, count: usize) -> Outcome {
    let binary = installed.binaries.join("hotspan-agent");
    let plan = Plan { binary: &binary, has_agent: true, life: trial.life, port_80: None };
    let host = Host::start(&plan)?;
    host.set_faults(DOWN)?;
    let led = |command: &mut Command| host.lead(command, Some(trial.door), trial.sdk.slash);
    let run = run_program(trial.sdk, installed, Clients::Shared, (count, PAUSE), led)?;
    Ok((run, host.calls_at_agent()?))
}

fn cell(outcome: &Outcome) -> String {
    match outcome {
        Ok((run, calls)) => format!("{:>6} {:>9}", calls, millis(run.slowest_later())),
        Err(_) => format!("{:>16}", "-"),
    }
}

fn complaint(outcome: &Outcome, count: usize) -> Option<String> {
    match outcome {
        Ok((run, _)) if run.is_good(count) => None,
        Ok((run, _)) => {
            let failed = run.failures().count();
            let why = run.failures().next().map_or("", String::as_str);
            Some(format!("{failed} of {count} calls failed, {} came: {why}", run.calls.len()))
        }
        Err(error) => Some(format!("{error:#}")),
    }
}
