//! What is in force: the roles that are kept and who may have which. Replaced
//! whole when the configuration is read anew; doors take what is there when a
//! request comes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::report::Reports;
use crate::roles::Role;
use crate::settings::{AllowSettings, ImdsSettings, Settings};
use crate::status::doors::{self, DoorStatus};
use crate::tokens::Consumer;

/// What is in force at one moment.
pub(crate) struct Live {
    /// By name.
    pub(crate) roles: BTreeMap<String, Arc<Role>>,
    /// Who may ask at the container door.
    pub(crate) consumers: Vec<Consumer>,
    /// The metadata door.
    pub(crate) imds: Option<ImdsSettings>,
    /// Who gets which role at the socket.
    pub(crate) allow: Vec<AllowSettings>,
    /// The doors there are, and what to set at an SDK for each.
    pub(crate) doors: Vec<DoorStatus>,
    /// What the server is told, if there is one.
    pub(crate) reports: Option<Arc<Reports>>,
}

impl Live {
    /// Puts settings in force. Roles that are in force already and come from
    /// the same place go on with what they have.
    pub(crate) fn from(
        settings: &Settings,
        consumers: Vec<Consumer>,
        before: Option<&Self>,
        reports: Option<&Arc<Reports>>,
    ) -> Self {
        let roles = settings.roles.iter().map(|(name, wanted)| {
            let same = before.and_then(|live| live.roles.get(name));
            let role = match same.filter(|role| role.settings == *wanted) {
                Some(role) => Arc::clone(role),
                None => Arc::new(Role::start(name, wanted, seed(), reports)),
            };
            (name.clone(), role)
        });
        Self {
            roles: roles.collect(),
            consumers,
            imds: settings.imds.clone(),
            allow: settings.process.as_ref().map(|door| door.allow.clone()).unwrap_or_default(),
            doors: doors::of(settings),
            reports: reports.cloned(),
        }
    }
}

/// Hosts that start together are to ask upstream apart.
fn seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()))
}

/// What is in force now.
pub(crate) struct Current(RwLock<Arc<Live>>);

impl Current {
    pub(crate) fn new(live: Live) -> Self {
        Self(RwLock::new(Arc::new(live)))
    }

    /// For the length of one request.
    pub(crate) fn get(&self) -> Arc<Live> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on.
    pub(crate) fn set(&self, live: Live) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
    }
}
