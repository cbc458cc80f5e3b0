//! The endpoint form of detection: after segments of an endpoint are booked,
//! its last hour is looked at as a whole, once in a few seconds at most.

use std::collections::HashMap;
use std::sync::Arc;

use hotspan_model::{Endpoint, UnixNanos};
use hotspan_store::{Part, Store, StoreError};

use crate::IngestConfig;
use crate::clock::Clock;
use crate::config::nanos;
use crate::steady::Steady;
use crate::waiting::Waiting;

/// Endpoints looked at in one go, so that booking never waits long.
const ROUND_MAX: usize = 20;
/// Endpoints whose last look is remembered.
const REMEMBERED_MAX: usize = 20_000;

/// Which endpoints wait for a look.
pub(crate) struct Profiles {
    clock: Arc<dyn Clock>,
    /// A clock set back must not keep endpoints waiting.
    steady: Steady,
    interval_ns: i64,
    window_ns: i64,
    waiting: Waiting,
    looked_at: HashMap<i64, UnixNanos>,
}

impl Profiles {
    pub(crate) fn new(clock: Arc<dyn Clock>, config: &IngestConfig) -> Self {
        Self {
            clock,
            steady: Steady::default(),
            interval_ns: nanos(config.profile_interval),
            window_ns: nanos(config.profile_window),
            waiting: Waiting::default(),
            looked_at: HashMap::new(),
        }
    }

    /// Puts touched endpoints on the list.
    pub(crate) fn touch(
        &mut self,
        touched: &[(i64, Endpoint)],
        latest: &HashMap<Endpoint, UnixNanos>,
    ) {
        self.waiting.touch(self.clock.now(), touched, latest);
    }

    /// Endpoints on the list.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Looks at those whose turn has come.
    pub(crate) async fn detect_due(&mut self, store: &Store) {
        let now = self.steady.at(self.clock.now());
        let due =
            |id: &i64| self.looked_at.get(id).is_none_or(|at| now.since(*at) >= self.interval_ns);
        let round: Vec<i64> = self.waiting.ids().filter(due).take(ROUND_MAX).collect();
        self.detect(store, &round).await;
    }

    /// Looks at every one that waits: before the server stops.
    pub(crate) async fn detect_all(&mut self, store: &Store) {
        let all: Vec<i64> = self.waiting.ids().collect();
        self.detect(store, &all).await;
    }

    async fn detect(&mut self, store: &Store, endpoints: &[i64]) {
        for id in endpoints {
            let Some(latest) = self.waiting.take(*id) else { continue };
            if self.looked_at.len() >= REMEMBERED_MAX {
                self.looked_at.clear();
            }
            let now = self.steady.at(self.clock.now());
            self.looked_at.insert(*id, now);
            let from = latest.plus(-self.window_ns);
            if let Err(error) = look(store, *id, from, latest.plus(1)).await {
                tracing::error!(%error, endpoint = id, "could not look at an endpoint as a whole");
            }
        }
    }
}

async fn look(store: &Store, id: i64, from: UnixNanos, to: UnixNanos) -> Result<(), StoreError> {
    let Some(profile) = store.endpoint_profile(id, from, to).await? else { return Ok(()) };
    let findings = store.effort().of(Part::Profile, || hotspan_analysis::analyze_profile(&profile));
    if findings.is_empty() {
        return Ok(());
    }
    store.record_endpoint_findings(id, &findings).await
}
