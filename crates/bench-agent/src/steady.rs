//! 10,000 lookups a second over kept connections, for a minute at each door,
//! without a single error.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::contender::Contender;
use crate::http::Connection;
use crate::report::Table;
use crate::setup::Setup;

const PER_SECOND: u32 = 10_000;
/// Threads with a connection each, so that one that waits holds up no other.
const CONNECTIONS: u32 = 20;

/// What one connection did.
#[derive(Debug, Default)]
struct Done {
    answered: u64,
    errors: Vec<String>,
    slowest: Duration,
}

/// Both doors, one after the other.
pub(crate) fn measure(setup: &Setup, time: Duration, table: &mut Table) -> anyhow::Result<()> {
    table.row("", "", "");
    for contender in [&setup.agent, &setup.agent_imds] {
        let done = all(contender, time)?;
        let answered: u64 = done.iter().map(|done| done.answered).sum();
        let errors: Vec<&String> = done.iter().flat_map(|done| &done.errors).collect();
        let slowest = done.iter().map(|done| done.slowest).max().unwrap_or_default();
        let first = errors.first().map(|error| format!(", e.g. {error}")).unwrap_or_default();
        table.row(
            format!("{PER_SECOND}/s for {} s, {}", time.as_secs(), contender.name),
            format!(
                "{answered} answered ({:.0}/s), {} errors{first}; slowest {:.1} ms",
                answered as f64 / time.as_secs_f64(),
                errors.len(),
                slowest.as_secs_f64() * 1e3
            ),
            "0 errors",
        );
    }
    Ok(())
}

fn all(contender: &Contender, time: Duration) -> anyhow::Result<Vec<Done>> {
    let (address, request) = (&contender.address, contender.request(true));
    thread::scope(|scope| {
        let request = request.as_bytes();
        let threads: Vec<_> =
            (0..CONNECTIONS).map(|_| scope.spawn(move || one(address, request, time))).collect();
        threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(done) => done.context("a connection"),
                Err(_) => bail!("a thread of the load panicked"),
            })
            .collect()
    })
}

/// Keeps to its times: who was held up catches up.
fn one(address: &str, request: &[u8], time: Duration) -> anyhow::Result<Done> {
    let mut connection = Connection::open(address)?;
    let mut done = Done::default();
    let pause = Duration::from_secs(1) * CONNECTIONS / PER_SECOND;
    let begun = Instant::now();
    let mut due = Duration::ZERO;
    while due < time {
        thread::sleep(due.saturating_sub(begun.elapsed()));
        let asked = Instant::now();
        match connection.ask(request) {
            Ok(_) => done.answered += 1,
            Err(error) => {
                done.errors.push(format!("{error:#}"));
                connection = Connection::open(address)?;
            }
        }
        done.slowest = done.slowest.max(asked.elapsed());
        due += pause;
    }
    Ok(done)
}
