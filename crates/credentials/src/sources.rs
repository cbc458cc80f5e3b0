//! Where credentials come from. Each source asks once when it is told to and
//! keeps no credentials of its own: what is cached, and for how long, is the
//! schedule's affair alone.

use std::time::Duration;

use crate::schedule::{Errand, Policy, Report};

pub mod container;
pub mod instance;
pub mod process;

pub use container::ContainerSource;
pub use instance::InstanceSource;
pub use process::ProcessSource;

/// One of the sources there are.
#[derive(Debug)]
pub enum Source {
    /// The instance metadata service.
    Instance(std::sync::Arc<InstanceSource>),
    /// A container credentials endpoint.
    Container(ContainerSource),
    /// A program that prints credentials.
    Process(ProcessSource),
}

impl Source {
    /// How often it may be asked.
    pub fn policy(&self) -> Policy {
        match self {
            Self::Instance(_) => Policy::Local,
            Self::Container(_) | Self::Process(_) => Policy::Remote,
        }
    }

    /// Longer than this, and it has failed.
    pub(crate) fn time_max(&self) -> Duration {
        match self {
            Self::Instance(_) | Self::Container(_) => Duration::from_secs(20),
            // May wait for a service far away.
            Self::Process(_) => Duration::from_secs(60),
        }
    }

    /// Runs an errand.
    pub(crate) async fn fetch(&self, errand: &Errand) -> Report {
        match self {
            Self::Instance(source) => source.fetch(errand).await,
            Self::Container(source) => source.fetch().await,
            Self::Process(source) => source.fetch().await,
        }
    }
}
