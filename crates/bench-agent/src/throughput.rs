//! Requests a second at full speed, sent by `wrk`, and what each costs the
//! server: on a machine that others use, too, the cost is the steadier figure.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::contender::Contender;
use crate::process::{self, Core};
use crate::report::{Table, median};
use crate::setup::Setup;

const CONNECTIONS: usize = 50;
/// Against `return 200`, and against the cache.
const SHARE_OF_FIXED: f64 = 0.9;
const SHARE_OF_CACHE: f64 = 1.5;

/// One run.
#[derive(Debug, Clone, Copy)]
struct Run {
    per_second: f64,
    cpu_micros: f64,
}

/// Rounds of one run for each server, so that all have the same weather.
pub(crate) fn measure(
    setup: &Setup,
    run: Duration,
    rounds: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    if !process::has("wrk") {
        table.skipped("full speed", "there is no wrk; install Debian's wrk");
        return Ok(());
    }
    let nginx = match &setup.nginx {
        Ok(nginx) => nginx.as_slice(),
        Err(why) => {
            table.skipped("nginx", why);
            &[]
        }
    };
    let own = [&setup.hyper, &setup.agent, &setup.agent_imds];
    let all: Vec<&Contender> = nginx.iter().chain(own).collect();
    for (mode, is_kept) in [("kept connections", true), ("a connection each", false)] {
        let mut runs = vec![Vec::new(); all.len()];
        for _ in 0..rounds {
            for (contender, runs) in all.iter().zip(&mut runs) {
                let measured = one(contender, is_kept, run);
                runs.push(measured.with_context(|| contender.name)?);
            }
        }
        table.row("", "", "");
        table.row(format!("full speed, {mode}, {CONNECTIONS} at once"), "", "");
        let of = |name: &str, figure: fn(&Run) -> f64| {
            let at = all.iter().position(|contender| contender.name == name)?;
            Some(median(&runs[at].iter().map(figure).collect::<Vec<_>>()))
        };
        for contender in &all {
            let rate = of(contender.name, |run| run.per_second).unwrap_or(f64::NAN);
            let cost = of(contender.name, |run| run.cpu_micros).unwrap_or(f64::NAN);
            let figure = format!("{rate:>8.0} requests/s, {cost:.1} µs CPU of the server each");
            table.row(format!("  {}", contender.name), figure, "");
        }
        for agent in [setup.agent.name, setup.agent_imds.name] {
            for (other, share) in
                [("nginx, return 200", SHARE_OF_FIXED), ("nginx, proxy_cache", SHARE_OF_CACHE)]
            {
                let rate = |run: &Run| run.per_second;
                let cost = |run: &Run| run.cpu_micros;
                let (Some(own), Some(theirs)) = (of(agent, rate), of(other, rate)) else {
                    continue;
                };
                let costs = of(other, cost).zip(of(agent, cost));
                let by_cost = costs.map_or(f64::NAN, |(theirs, own)| theirs / own);
                table.row(
                    format!("  {agent} ÷ {other}"),
                    format!("{:>8.2} (by CPU {by_cost:.2})", own / theirs),
                    format!("≥ {share}"),
                );
            }
        }
    }
    Ok(())
}

fn one(contender: &Contender, is_kept: bool, time: Duration) -> anyhow::Result<Run> {
    let mut command = Core::Load.command(Path::new("wrk"));
    command.args(["-t", "1", "-c", &CONNECTIONS.to_string()]);
    command.args(["-d", &format!("{}s", time.as_secs())]);
    for (name, value) in &contender.headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    if !is_kept {
        command.args(["-H", "Connection: close"]);
    }
    command.arg(format!("http://{}{}", contender.address, contender.path));
    let before = contender.process.cpu_seconds()?;
    let output = command.output().context("wrk")?;
    let cpu = contender.process.cpu_seconds()? - before;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // It mentions what went wrong only when something did. On a machine that
    // others use, too, some sockets wait longer than it likes.
    for line in said.lines() {
        if line.contains("Non-2xx") {
            bail!("wrk says:{line}");
        }
        if line.contains("Socket errors") {
            eprintln!("{}: wrk says:{line}", contender.name);
        }
    }
    let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    let per_second: f64 = rate.context("no rate from wrk")?.trim().parse()?;
    let requests = said.lines().find_map(|line| line.split_once(" requests in "));
    let requests: f64 = requests.context("no count from wrk")?.0.trim().parse()?;
    Ok(Run { per_second, cpu_micros: cpu * 1e6 / requests })
}
