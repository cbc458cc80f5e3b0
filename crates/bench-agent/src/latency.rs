//! How long one lookup takes when there is little to do: the agent and the bare
//! server in turn, so that what disturbs the machine disturbs both.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::contender::Contender;
use crate::http::Connection;
use crate::report::{Table, median};
use crate::setup::Setup;

/// One at a time, so many a second.
const PER_SECOND: u32 = 500;
const SAMPLES: usize = 1_000;
/// Not counted: the first find cold caches.
const WARM_UP: usize = 50;
const MORE_THAN_BARE: &str = "≤ 50 µs";

/// Half and all but a hundredth of the samples were faster, in microseconds.
#[derive(Debug, Clone, Copy)]
struct Quantiles {
    p50: f64,
    p99: f64,
}

/// Pairs of agent and bare server.
pub(crate) fn measure(setup: &Setup, pairs: usize, table: &mut Table) -> anyhow::Result<()> {
    for (mode, is_kept) in [("one kept connection", true), ("a connection each", false)] {
        let (mut agent, mut bare) = (Vec::new(), Vec::new());
        for pair in 0..pairs {
            let mut both = [(&setup.agent, &mut agent), (&setup.hyper, &mut bare)];
            // Whoever comes first may find another machine than who comes second.
            if pair % 2 == 1 {
                both.reverse();
            }
            for (contender, found) in both {
                found.push(one(contender, is_kept).with_context(|| contender.name)?);
            }
        }
        table.row("", "", "");
        table.row(format!("low load, {mode}, {PER_SECOND}/s, medians of {pairs}"), "", "");
        let middle = |found: &[Quantiles], which: fn(&Quantiles) -> f64| {
            median(&found.iter().map(which).collect::<Vec<_>>())
        };
        for (contender, found) in [(&setup.agent, &agent), (&setup.hyper, &bare)] {
            let (p50, p99) = (middle(found, |one| one.p50), middle(found, |one| one.p99));
            let figure = format!("p50 {p50:.0} µs, p99 {p99:.0} µs");
            table.row(format!("  {}", contender.name), figure, "");
        }
        let more = |which: fn(&Quantiles) -> f64| {
            let both = agent.iter().zip(&bare);
            median(&both.map(|(agent, bare)| which(agent) - which(bare)).collect::<Vec<_>>())
        };
        let figure = format!("{:+.0} µs (p50 {:+.0} µs)", more(|one| one.p99), more(|one| one.p50));
        table.row("  agent over bare hyper, p99, median of pairs", figure, MORE_THAN_BARE);
    }
    Ok(())
}

fn one(contender: &Contender, is_kept: bool) -> anyhow::Result<Quantiles> {
    let request = contender.request(is_kept);
    let mut kept = Connection::open(&contender.address)?;
    let pause = Duration::from_secs(1) / PER_SECOND;
    let mut micros = Vec::with_capacity(SAMPLES);
    for sample in 0..WARM_UP + SAMPLES {
        let begun = Instant::now();
        if is_kept {
            kept.ask(request.as_bytes())?;
        } else {
            Connection::open(&contender.address)?.ask(request.as_bytes())?;
        }
        let took = begun.elapsed();
        if sample >= WARM_UP {
            micros.push(took.as_secs_f64() * 1e6);
        }
        std::thread::sleep(pause.saturating_sub(took));
    }
    micros.sort_by(f64::total_cmp);
    let at = |share: usize| micros.get(SAMPLES * share / 100).copied().unwrap_or(f64::NAN);
    Ok(Quantiles { p50: at(50), p99: at(99) })
}
