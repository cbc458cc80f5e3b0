//! The table: every SDK at every door, with one client and with one a call,
//! and the same with no agent.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use super::host::{Host, Plan, UPSTREAM_LATENCY};
use super::run::{Clients, Run, run as run_program};
use super::sdks::{DOORS, Door, Installed, SDKS, Sdk, Start, Support};
use super::{millis, side_by_side};

/// More would measure the queue for the processors.
const AT_ONCE: usize = 2;

struct Cell<'a> {
    sdk: &'a Sdk,
    /// `None` for the SDK at the metadata service itself.
    door: Option<Door>,
    clients: Clients,
}

/// What came of a cell.
struct Outcome {
    run: Run,
    at_agent: Option<u64>,
    upstream: usize,
    fetches: usize,
}

/// Prints the table and returns what is not as it should be.
pub(super) fn run(installed: &Installed, short: bool) -> anyhow::Result<Vec<String>> {
    let there: Vec<&Sdk> = SDKS.iter().filter(|sdk| is_there(sdk, installed)).collect();
    let cells: Vec<Cell<'_>> =
        there.iter().flat_map(|sdk| cells_of(sdk)).filter(can_be_tried).collect();
    let count = |sdk: &Sdk| match (sdk.start == Start::Cli, short) {
        (true, true) => 1,
        (true, false) => 3,
        (false, true) => 3,
        (false, false) => 20,
    };
    let outcomes =
        side_by_side(&cells, AT_ONCE, |at, cell| try_cell(at, cell, installed, count(cell.sdk)));
    println!("A lookup upstream is three requests of {UPSTREAM_LATENCY} each.");
    println!(
        "{:<20} {:<11} {:<10} {:<11} {:>5} {:<8} {:>6} {:>8} {:>9} {:>9}",
        "SDK",
        "version",
        "door",
        "clients",
        "calls",
        "works",
        "agent",
        "upstream",
        "first ms",
        "median ms"
    );
    let mut wrong = Vec::new();
    for (cell, outcome) in cells.iter().zip(outcomes) {
        let count = count(cell.sdk);
        match outcome {
            Ok(outcome) => {
                print(cell, &outcome, count);
                wrong.extend(judge(cell, &outcome, count));
            }
            Err(error) => wrong.push(format!("{}: {error:#}", title(cell))),
        }
    }
    Ok(wrong)
}

fn is_there(sdk: &Sdk, installed: &Installed) -> bool {
    let lack = installed.lack(sdk.start);
    if let Some(why) = &lack {
        println!("skipped: {}: not run with the SDK: {why}", sdk.name);
    }
    lack.is_none()
}

fn cells_of(sdk: &Sdk) -> Vec<Cell<'_>> {
    let doors = [None].into_iter().chain(DOORS.map(Some));
    let clients: &[Clients] = match sdk.start {
        Start::Cli => &[Clients::Fresh],
        _ => &[Clients::Shared, Clients::Fresh],
    };
    doors
        .flat_map(|door| clients.iter().map(move |clients| Cell { sdk, door, clients: *clients }))
        .collect()
}

fn title(cell: &Cell<'_>) -> String {
    let door = cell.door.map_or("no agent", Door::name);
    format!("{}, {door}, {}", cell.sdk.name, cell.clients.words())
}

/// No agent is the metadata service as it is.
fn support(cell: &Cell<'_>) -> Support {
    cell.sdk.support(cell.door.unwrap_or(Door::Imds))
}

/// Port 80 is root's on most machines.
fn can_be_tried(cell: &Cell<'_>) -> bool {
    if support(cell) != Support::OnPort80 {
        return true;
    }
    let bound = TcpListener::bind((Ipv4Addr::new(127, 80, 0, 1), 80));
    if let Err(error) = &bound {
        println!("skipped: {}: port 80 cannot be had: {error}", title(cell));
    }
    bound.is_ok()
}

fn try_cell(
    at: usize,
    cell: &Cell<'_>,
    installed: &Installed,
    count: usize,
) -> anyhow::Result<Outcome> {
    // An address of its own, since cells that run at once cannot share the port.
    let address = Ipv4Addr::new(127, 80, 0, u8::try_from(at)?.saturating_add(1));
    let is_on_80 = support(cell) == Support::OnPort80;
    let binary = installed.binaries.join("hotspan-agent");
    let host = Host::start(&Plan {
        binary: &binary,
        has_agent: cell.door.is_some(),
        life: "6h",
        port_80: is_on_80.then_some(address),
    })?;
    let led = |command: &mut std::process::Command| host.lead(command, cell.door, cell.sdk.slash);
    let run = run_program(cell.sdk, installed, cell.clients, (count, Duration::ZERO), led)?;
    let at_agent = cell.door.map(|_| host.calls_at_agent()).transpose()?;
    Ok(Outcome { run, at_agent, upstream: host.calls_upstream()?, fetches: host.fetches()? })
}

fn print(cell: &Cell<'_>, outcome: &Outcome, count: usize) {
    let Outcome { run, at_agent, upstream, .. } = outcome;
    println!(
        "{:<20} {:<11} {:<10} {:<11} {:>5} {:<8} {:>6} {:>8} {:>9} {:>9}{}",
        cell.sdk.name,
        run.version,
        cell.door.map_or("no agent", Door::name),
        cell.clients.words(),
        count,
        if run.is_good(count) { "yes" } else { "no" },
        at_agent.map_or_else(|| "-".to_owned(), |calls| calls.to_string()),
        upstream,
        millis(run.first()),
        millis(run.median()),
        match support(cell) {
            Support::No(why) => format!("  {why}"),
            Support::OnPort80 => "  on port 80".to_owned(),
            Support::Yes => String::new(),
        }
    );
}

fn judge(cell: &Cell<'_>, outcome: &Outcome, count: usize) -> Vec<String> {
    let Outcome { run, fetches, at_agent, .. } = outcome;
    let works = run.is_good(count);
    let mut wrong = Vec::new();
    match support(cell) {
        Support::No(why) if run.first().is_some() => {
            wrong.push(format!("{}: works, though {why}", title(cell)));
        }
        Support::No(_) => {}
        _ if works && *at_agent == Some(0) => {
            wrong.push(format!("{}: has credentials that are not the agent's", title(cell)));
        }
        _ if works => {}
        _ => {
            let why = run.failures().next();
            let why = why.map_or("fewer answers than calls", String::as_str);
            wrong.push(format!("{}: {why}", title(cell)));
        }
    }
    // However many clients there are, and whether they could come in.
    if cell.door.is_some() && *fetches != 1 {
        wrong.push(format!("{}: {fetches} lookups upstream, not one", title(cell)));
    }
    wrong
}
