//! `hotspan demo`: a server on a temporary directory, filled with the incident
//! from recorded requests of real SDKs.
//!
//! The recordings are submitted like any request; only their times and ids are
//! changed, so that they spread over the last hours. What is recorded is in
//! [`recordings`].

mod recordings;

use std::sync::Arc;

use anyhow::Context;
use hotspan_ingest::{Clock, Ingest, Received, SystemClock};
use hotspan_store::FrameDoor;
use hotspan_wire::encoding::{self, Encoding};
use hotspan_wire::retime;
use tokio::task::JoinSet;

use crate::cli::print;
use crate::logging;
use crate::serve::Running;
use crate::settings::Settings;
use recordings::{Recording, STREAMS, Stream};

/// How far back the history goes.
const HISTORY_NS: i64 = 6 * 3_600 * 1_000_000_000;
/// The newest request is this old, so that none of its spans lies ahead.
const NEWEST_NS: i64 = 5_000_000_000;
/// Requests on their way at a time: enough to share each fsync.
const IN_FLIGHT: usize = 32;
/// Largest recording once decompressed.
const BODY_BYTES_MAX: usize = 16 << 20;

/// `demo`: like `serve`, on a directory that is removed at the end.
pub(crate) async fn run(mut settings: Settings) -> anyhow::Result<()> {
    logging::start(&settings.log)?;
    let folder = tempfile::Builder::new()
        .prefix("hotspan-demo-")
        .tempdir()
        .context("make a temporary directory")?;
    settings.data_dir = folder.path().to_owned();
    let running = Running::start(&settings, true).await?;
    for project in projects() {
        running.catalogue.add_project(project).await.context("add a project of the demo")?;
    }
    print("This is recorded data: requests of real SDKs in a lab, moved to the last six hours.")?;
    running.announce()?;
    // Beside the server, so that it answers, and stops when told to, meanwhile.
    let filling = tokio::spawn(fill_or_say_why(running.ingest.clone()));
    let outcome = running.until_stopped().await;
    filling.abort();
    outcome
}

async fn fill_or_say_why(ingest: Ingest) {
    if let Err(error) = fill(&ingest).await {
        tracing::error!("the demo is not complete: {error:#}");
    }
}

/// Submits every stream's requests, oldest first.
async fn fill(ingest: &Ingest) -> anyhow::Result<()> {
    let now_ns = SystemClock.now().0 - NEWEST_NS;
    let mut requests = Vec::new();
    for (number, stream) in STREAMS.iter().enumerate() {
        let loaded = load(stream)?;
        for index in 0..stream.requests {
            let (body, latest_ns) = &loaded[index % loaded.len()];
            let age_ns = (HISTORY_NS as f64 * age_share(number, index, stream.requests)) as i64;
            requests.push(Planned {
                stream,
                body: Arc::clone(body),
                by_ns: now_ns - age_ns - latest_ns,
                age_ns,
                salt: (number as u64) << 32 | index as u64,
            });
        }
    }
    requests.sort_by_key(|request| std::cmp::Reverse(request.age_ns));
    submit_all(ingest, requests).await
}

/// Names of the demo's projects, each once.
fn projects() -> Vec<&'static str> {
    let mut names: Vec<&str> = STREAMS.iter().map(|stream| stream.project).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// One request to come.
struct Planned {
    stream: &'static Stream,
    body: Arc<Vec<u8>>,
    by_ns: i64,
    age_ns: i64,
    salt: u64,
}

/// A stream's bodies, decompressed, each with the latest time in it.
fn load(stream: &Stream) -> anyhow::Result<Vec<(Arc<Vec<u8>>, i64)>> {
    stream
        .recordings
        .iter()
        .map(|recording: &Recording| {
            let encoding = Encoding::of_magic(recording.body);
            let body = encoding::decompress(recording.body.into(), encoding, BODY_BYTES_MAX)
                .with_context(|| recording.name)?;
            let latest = retime::latest_time_sentry(&body)
                .with_context(|| format!("{}: no times in it", recording.name))?;
            Ok((Arc::new(body.to_vec()), latest.0))
        })
        .collect()
}

/// How long ago a request was, as a share of the history: evenly spread with
/// some unevenness that is the same at each start, and denser towards now.
fn age_share(stream: usize, index: usize, requests: usize) -> f64 {
    let mixed = |number: usize, by: u64| (number as u64 + 1).wrapping_mul(by);
    let mut state = mixed(stream, 0x9E37_79B9_7F4A_7C15) ^ mixed(index, 0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let jitter = (state >> 40) as f64 / (1u64 << 24) as f64;
    ((index as f64 + jitter) / requests as f64).powf(1.4)
}

async fn submit_all(ingest: &Ingest, requests: Vec<Planned>) -> anyhow::Result<()> {
    let mut in_flight = JoinSet::new();
    for request in requests {
        if in_flight.len() >= IN_FLIGHT {
            finish_one(&mut in_flight).await?;
        }
        in_flight.spawn(submit(ingest.clone(), request));
    }
    while !in_flight.is_empty() {
        finish_one(&mut in_flight).await?;
    }
    Ok(())
}

async fn finish_one(in_flight: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    match in_flight.join_next().await {
        Some(outcome) => outcome.context("submit a recorded request")?,
        None => Ok(()),
    }
}

async fn submit(ingest: Ingest, request: Planned) -> anyhow::Result<()> {
    let Planned { stream, body, by_ns, salt, .. } = request;
    let moved = tokio::task::spawn_blocking(move || retime::sentry(&body, by_ns, salt));
    let body = moved.await?.context("move a recording to now")?;
    let received = Received {
        door: FrameDoor::SentryEnvelope,
        project: Arc::from(stream.project),
        content_type: "recorded".to_owned(),
        body: body.into(),
    };
    ingest.submit(received).await.context("submit a recorded request")?;
    Ok(())
}
