//! What every handler shares: the store, ingest, settings, and the small
//! pieces of memory the doors keep.

use std::sync::Arc;

use hotspan_ingest::{Clock, Ingest};
use hotspan_model::UnixNanos;
use hotspan_store::{Catalogue, Store};
use tokio::sync::Semaphore;

use crate::config::WebConfig;
use crate::history::History;
use crate::metrics::doors::AnswerTimes;
use crate::receive::budget::Budget;
use crate::receive::project::Projects;
use crate::security::attempts::Attempts;

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// Where everything is kept.
    pub store: Store,
    /// Where requests go.
    pub ingest: Ingest,
    /// Projects, users and logins.
    pub catalogue: Catalogue,
    /// Settings.
    pub config: Arc<WebConfig>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    pub(crate) doors: Arc<Doors>,
    pub(crate) history: Arc<History>,
}

/// Memory of the doors; none of it outlives the process.
pub(crate) struct Doors {
    /// Room for bodies that are being read.
    pub(crate) budget: Budget,
    /// Which projects there are.
    pub(crate) projects: Projects,
    /// Failed logins.
    pub(crate) attempts: Attempts,
    /// Password checks at one time: each takes 19 MiB and a core.
    pub(crate) password_checks: Arc<Semaphore>,
    /// Pages and API requests at one time.
    pub(crate) pages: Arc<Semaphore>,
    /// How long answers took.
    pub(crate) answer_times: AnswerTimes,
}

/// Password checks at one time.
const PASSWORD_CHECKS_MAX: usize = 2;

impl AppState {
    /// Puts the parts together.
    pub fn new(store: Store, ingest: Ingest, config: WebConfig, clock: Arc<dyn Clock>) -> Self {
        let catalogue = store.catalogue();
        let doors = Doors {
            budget: Budget::new(config.receiving_bytes_max, config.decompressions_max),
            projects: Projects::new(catalogue.clone(), config.projects_max),
            attempts: Attempts::default(),
            password_checks: Arc::new(Semaphore::new(PASSWORD_CHECKS_MAX)),
            pages: Arc::new(Semaphore::new(config.page_requests_max)),
            answer_times: AnswerTimes::default(),
        };
        let history = Arc::default();
        let (config, doors) = (Arc::new(config), Arc::new(doors));
        Self { store, ingest, catalogue, config, clock, doors, history }
    }

    /// The time now.
    pub fn now(&self) -> UnixNanos {
        self.clock.now()
    }

    /// Counts a request that was refused before ingest saw it.
    pub(crate) fn count_refusal(&self, reason: &str) {
        self.ingest.refuse(reason);
    }
}
