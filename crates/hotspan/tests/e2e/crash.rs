//! `kill -9` at random moments under load: what was acknowledged is there
//! after the restart, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::captures::settled;
use crate::incident::check;
use crate::otlp::{CLIENT, Trace, request};
use crate::server::{Outcome, Server, list, now_ns};

/// How often the server is killed.
const KILLS: u64 = 50;
/// Clients that send at once.
const SENDERS: u64 = 3;
/// Spans of each request: the entry span and its calls.
const SPANS: u64 = 4;
/// The requests of one sender in one round share a trace, so that a trial can
/// read everything back with few queries. Span ids tell the requests apart.
const ID_STEP: u64 = 16;

/// A request that was sent: its trace and its number.
type Sent = (u64, u64);

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("crash::every_acknowledged_span_survives_once", survives)]
}

fn survives() -> Outcome {
    let folder = tempfile::tempdir()?;
    let acknowledged = Mutex::new(BTreeSet::new());
    let next = AtomicU64::new(1);
    let begin_ns = now_ns() - 60_000_000_000;
    for round in 0..KILLS {
        let server = Server::serve(folder.path())?;
        load_until_killed(server, round, begin_ns, &next, &acknowledged);
    }
    let server = Server::serve(folder.path())?;
    let acknowledged = acknowledged.into_inner().expect("no sender panicked");
    check(
        acknowledged.len() as u64 > KILLS,
        "the senders got answers between kills",
        &Value::Null,
    )?;
    let stored = every_span_once(&server, &acknowledged)?;
    figures_agree(&server, acknowledged.len(), stored)
}

/// Sends without pause from a few threads and kills the server after a time
/// that differs from round to round.
fn load_until_killed(
    server: Server,
    round: u64,
    begin_ns: i64,
    next: &AtomicU64,
    acknowledged: &Mutex<BTreeSet<Sent>>,
) {
    let running = AtomicBool::new(true);
    let address = server.otlp_http().to_owned();
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (running, address) = (&running, &address);
            scope.spawn(move || {
                while running.load(Ordering::SeqCst) {
                    let sent = (round * SENDERS + sender, next.fetch_add(1, Ordering::SeqCst));
                    if send(address, sent, begin_ns) {
                        acknowledged.lock().expect("no sender panicked").insert(sent);
                    }
                }
            });
        }
        // Not waiting for anything: the moment of the kill is the test's input.
        std::thread::sleep(Duration::from_millis(20 + round * 37 % 400));
        server.kill_nine();
        running.store(false, Ordering::SeqCst);
    });
}

/// One request; true when it was acknowledged. Sends it again once, as SDKs do
/// when a connection breaks, so that duplicates are part of the test.
fn send(address: &str, (trace, number): Sent, begin_ns: i64) -> bool {
    let start_ns = begin_ns + number as i64 * 1_000;
    let mut request_spans =
        Trace::request_in(trace, number * ID_STEP, "GET /crash", start_ns, 5_000_000);
    for call in 1..SPANS as i64 {
        let attributes = [("db.system.name", "sqlite")];
        request_spans.push("SELECT 1", CLIENT, call * 1_000_000, 500_000, &attributes);
    }
    let body = request("crash", "rust", vec![request_spans]);
    let attempt = || {
        ureq::post(format!("{address}/v1/traces"))
            .header("Content-Type", "application/x-protobuf")
            .send(&body[..])
            .is_ok_and(|response| response.status() == 200)
    };
    attempt() || (number % 2 == 0 && attempt())
}

/// Checks every trace and gives back how many requests are stored: all that
/// were acknowledged, and those whose answer a kill swallowed.
fn every_span_once(server: &Server, acknowledged: &BTreeSet<Sent>) -> Result<usize, Failed> {
    let mut numbers: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for (trace, number) in acknowledged {
        numbers.entry(*trace).or_default().insert(*number);
    }
    let mut stored = 0;
    for trace in 0..KILLS * SENDERS {
        let id = Trace::new(trace, "GET /crash", 0, 0).id();
        let wanted = numbers.remove(&trace).unwrap_or_default();
        let Ok(document) = server.get(&format!("/api/v1/traces/{id}")) else {
            check(wanted.is_empty(), "a trace with acknowledged requests", &Value::from(id))?;
            continue;
        };
        stored += requests_of(&document, &wanted)?;
    }
    Ok(stored)
}

/// The requests of one trace, each with all its spans, each span once.
fn requests_of(document: &Value, wanted: &BTreeSet<u64>) -> Result<usize, Failed> {
    let mut found: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for span in list(document, "spans") {
        let text = span["span_id"].as_str().unwrap_or_default();
        let id = u64::from_str_radix(text, 16)?;
        let is_new = found.entry(id / ID_STEP).or_default().insert(id);
        check(is_new, "each span once", span)?;
    }
    let whole = found.values().all(|spans| spans.len() as u64 == SPANS);
    check(whole, "all spans of every stored request", &Value::Null)?;
    let missing: Vec<&u64> = wanted.iter().filter(|number| !found.contains_key(number)).collect();
    check(missing.is_empty(), &format!("acknowledged requests {missing:?}"), &Value::Null)?;
    Ok(found.len())
}

/// The endpoint's request count equals the requests that are stored.
fn figures_agree(server: &Server, acknowledged: usize, stored: usize) -> Outcome {
    settled(server)?;
    let document = server.get("/api/v1/endpoints")?;
    let row = list(&document, "endpoints").iter().find(|row| row["endpoint"] == "GET /crash");
    let requests = row.and_then(|row| row["requests"].as_f64());
    println!("crash: {acknowledged} acknowledged, {stored} stored, {requests:?} in roll-ups");
    check(requests == Some(stored as f64), "roll-ups count every stored request once", &document)
}
