//! The roles that are kept: one task each, and what doors see of it. Doors read
//! memory; only the task asks upstream.

use std::sync::Arc;
use std::time::Duration;

use hotspan_credentials::clock::{Clock, MachineClock, since_boot, wall_millis};
use hotspan_credentials::keeper::{self, Snapshot};
use hotspan_credentials::schedule::{Schedule, Standing};
use hotspan_credentials::sources::{
    AssumedSource, ContainerSource, InstanceSource, KeysSource, ProcessSource, ProfileSource,
    Source, WebIdentitySource,
};
use hotspan_credentials::sts::Sts;
use hotspan_imds::civil::UnixSeconds;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::documents::Documents;
use crate::report::Reports;
use crate::settings::{RoleSettings, SourceSettings};

/// A caller that comes while there is nothing waits this long for the fetch
/// under way; SDKs wait a second, and the shortest of them half of that.
const COLD_WAIT: Duration = Duration::from_millis(200);

/// A role that is kept as long as this lives.
pub(crate) struct Role {
    /// What it is called here.
    pub(crate) name: String,
    /// Where its credentials come from.
    pub(crate) settings: RoleSettings,
    /// The metadata service they come from, if they do.
    pub(crate) instance: Option<Arc<InstanceSource>>,
    view: watch::Receiver<View>,
    force: Arc<Notify>,
    task: AbortHandle,
}

/// What doors see.
#[derive(Clone)]
pub(crate) struct View {
    /// How it stands.
    pub(crate) snapshot: Snapshot,
    documents: Option<Arc<Documents>>,
}

/// Why there is nothing to hand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// Not yet, or no longer; ask again.
    Later,
    /// Upstream took the role away.
    Removed,
}

impl View {
    /// What may be handed out now.
    pub(crate) fn documents(&self) -> Result<Arc<Documents>, Absent> {
        match (&self.documents, self.snapshot.held_at(since_boot())) {
            (Some(documents), Some(_)) => Ok(Arc::clone(documents)),
            _ if matches!(self.snapshot.standing, Standing::Removed(_)) => Err(Absent::Removed),
            _ => Err(Absent::Later),
        }
    }

    /// From the issue of what may be handed out now to its end, if its source
    /// tells both.
    pub(crate) fn life_seconds(&self) -> Option<i64> {
        let credentials = &self.snapshot.held_at(since_boot())?.credentials;
        credentials.expiration().0.checked_sub(credentials.issued()?.0)
    }

    fn is_cold(&self) -> bool {
        self.snapshot.standing == Standing::Cold
    }
}

impl Role {
    /// Begins to keep a role, and to report on its fetches if anyone is told.
    pub(crate) fn start(
        name: &str,
        settings: &RoleSettings,
        seed: u64,
        reports: Option<&Arc<Reports>>,
    ) -> Self {
        let (source, instance) = source_of(name, settings);
        let now = MachineClock.read();
        let schedule = Schedule::new(source.policy(), seed, now);
        // In flight from the start: the first fetch begins as soon as the task runs.
        let first = View { snapshot: Snapshot::of(&schedule, now.boot, true), documents: None };
        let (publish, view) = watch::channel(first);
        let force = Arc::new(Notify::new());
        let (reports, role) = (reports.cloned(), name.to_owned());
        let task = tokio::spawn(keeper::keep(
            source,
            schedule,
            MachineClock,
            Arc::clone(&force),
            move |snapshot| publish_to(&publish, snapshot),
            move |attempt| {
                if let Some(reports) = &reports {
                    reports.fetch(&role, attempt);
                }
            },
        ))
        .abort_handle();
        Self { name: name.to_owned(), settings: settings.clone(), instance, view, force, task }
    }

    /// How it stands now.
    pub(crate) fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// What may be handed out; when there is nothing, waits a moment for the
    /// fetch that is under way.
    pub(crate) async fn documents(&self) -> Result<Arc<Documents>, Absent> {
        let found = self.view.borrow().documents();
        if found.is_ok() || !self.view.borrow().snapshot.in_flight {
            return found;
        }
        let mut changes = self.view.clone();
        let landed = changes.wait_for(|view| !view.snapshot.in_flight);
        // A time-out and a task that ended both leave what there is.
        let _ = tokio::time::timeout(COLD_WAIT, landed).await;
        self.view.borrow().documents()
    }

    /// Waits for the first answer of upstream.
    pub(crate) async fn warm(&self) {
        let _ = self.view.clone().wait_for(|view| !view.is_cold()).await;
    }

    /// Asks for a fetch as soon as may be.
    pub(crate) fn refresh(&self) {
        self.force.notify_one();
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The source, and the metadata service that it leads to.
fn source_of(name: &str, settings: &RoleSettings) -> (Source, Option<Arc<InstanceSource>>) {
    let sts = Sts::new(settings.sts.clone());
    let (base, instance) = base_of(name, settings.source.clone(), &sts);
    let Some(assume) = settings.assume.clone() else { return (base, instance) };
    let assumed = AssumedSource { role: name.to_owned(), base: Box::new(base), assume, sts };
    (Source::Assumed(assumed), instance)
}

fn base_of(
    name: &str,
    settings: SourceSettings,
    sts: &Sts,
) -> (Source, Option<Arc<InstanceSource>>) {
    let (role, sts) = (name.to_owned(), sts.clone());
    let source = match settings {
        SourceSettings::Instance { endpoint } => {
            let source = Arc::new(InstanceSource::new(endpoint));
            return (Source::Instance(Arc::clone(&source)), Some(source));
        }
        SourceSettings::Container { endpoint, path, token_file } => {
            Source::Container(ContainerSource { role, endpoint, path, token_file })
        }
        SourceSettings::Process { command, environment } => {
            let mut command = command.into_iter();
            let program = command.next().unwrap_or_default().into();
            let arguments = command.collect();
            let environment = environment.into_iter().collect();
            Source::Process(ProcessSource { role, program, arguments, environment })
        }
        SourceSettings::Profile { files, profile, environment } => {
            let environment = environment.into_iter().collect();
            Source::Profile(ProfileSource { role, files, profile, environment, sts })
        }
        SourceSettings::WebIdentity { token_file, assume } => {
            Source::WebIdentity(WebIdentitySource { role, token_file, assume, sts })
        }
        SourceSettings::Static { credentials_file, profile } => {
            Source::Keys(KeysSource { credentials_file, profile })
        }
    };
    (source, None)
}

fn publish_to(publish: &watch::Sender<View>, snapshot: Snapshot) {
    publish.send_modify(|view| {
        let is_same = match (&view.snapshot.held, &snapshot.held) {
            (Some(before), Some(after)) => Arc::ptr_eq(before, after),
            _ => false,
        };
        if !is_same {
            view.documents = snapshot.held.as_ref().and_then(|held| {
                Documents::of(held, wall_now())
                    .inspect_err(|_| tracing::error!("credentials cannot be written as JSON"))
                    .ok()
                    .map(Arc::new)
            });
        }
        view.snapshot = snapshot;
    });
}

/// The wall clock: for headers, tokens and logs, never for how long
/// credentials hold.
pub(crate) fn wall_now() -> UnixSeconds {
    UnixSeconds(wall_millis().div_euclid(1_000))
}
