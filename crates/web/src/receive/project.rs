//! Which project a request belongs to, and whether its key lets it in.
//!
//! The decision ([`choose`]) is a pure function of the list of projects and
//! what the request claims. The list is kept in memory and read again when a
//! request names something it does not have, at most once a second, because
//! `hotspan project add` runs in another process.

use std::sync::Arc;
use std::time::Duration;

use hotspan_store::{Catalogue, Project, StoreError};
use subtle::{Choice as Equal, ConstantTimeEq};
use tokio::sync::RwLock;
use tokio::time::Instant;

use super::denial::Denial;

mod choose;
pub(crate) use choose::{Choice, Claim, Place, choose};

/// The list is read again after this long in any case.
const LIST_AGE_MAX: Duration = Duration::from_secs(30);
/// The list is read again for an unknown name or key at most this often.
const LIST_AGE_MIN: Duration = Duration::from_secs(1);

/// The projects as last read.
struct List {
    projects: Arc<[Project]>,
    read_at: Instant,
}

/// The list of projects, kept at hand.
pub(crate) struct Projects {
    catalogue: Catalogue,
    list: RwLock<Option<List>>,
    projects_max: usize,
}

impl Projects {
    pub(crate) fn new(catalogue: Catalogue, projects_max: usize) -> Self {
        Self { catalogue, list: RwLock::new(None), projects_max }
    }

    /// The name of the project that a request belongs to; makes it where a
    /// request may.
    pub(crate) async fn admit(
        &self,
        claim: &Claim<'_>,
        keys_required: bool,
    ) -> Result<Arc<str>, Denial> {
        let first = choose(&self.list(LIST_AGE_MAX).await?, claim, keys_required);
        let choice = match first {
            Ok(Choice::Existing(name)) => return Ok(name),
            // Perhaps it was added a moment ago.
            _ => choose(&self.list(LIST_AGE_MIN).await?, claim, keys_required),
        };
        match choice? {
            Choice::Existing(name) => Ok(name),
            Choice::Create(name) => self.create(name).await,
        }
    }

    async fn list(&self, age_max: Duration) -> Result<Arc<[Project]>, Denial> {
        let fresh = |list: &Option<List>| {
            let list = list.as_ref()?;
            (list.read_at.elapsed() < age_max).then(|| Arc::clone(&list.projects))
        };
        if let Some(projects) = fresh(&*self.list.read().await) {
            return Ok(projects);
        }
        // One reader at a time: whoever waited here finds the list fresh.
        let mut list = self.list.write().await;
        if let Some(projects) = fresh(&list) {
            return Ok(projects);
        }
        let projects: Arc<[Project]> = self.catalogue.projects().await.map_err(unavailable)?.into();
        *list = Some(List { projects: Arc::clone(&projects), read_at: Instant::now() });
        Ok(projects)
    }

    /// Makes a project that a request named. One at a time, so that two first
    /// requests make it once.
    async fn create(&self, name: String) -> Result<Arc<str>, Denial> {
        let mut list = self.list.write().await;
        let projects = self.catalogue.projects().await.map_err(unavailable)?;
        if projects.iter().any(|project| project.name == name) {
            return Ok(name.into());
        }
        if projects.len() >= self.projects_max {
            return Err(Denial::TooManyProjects { limit: self.projects_max });
        }
        self.catalogue.add_project(&name).await.map_err(unavailable)?;
        tracing::info!(project = name, "a request made a new project");
        *list = None;
        Ok(name.into())
    }
}

fn unavailable(error: StoreError) -> Denial {
    tracing::error!(%error, "could not read or change the list of projects");
    Denial::Unavailable
}

/// The project with this key. Every key is compared in full, so that answer
/// times tell nothing about where keys begin to differ.
fn with_key<'a>(projects: &'a [Project], key: &str) -> Option<&'a Project> {
    projects.iter().fold(None, |found, project| {
        let equal: Equal = project.key.as_bytes().ct_eq(key.as_bytes());
        if bool::from(equal) { Some(project) } else { found }
    })
}
