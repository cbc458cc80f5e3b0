//! Where credentials come from. Each source asks once when it is told to and
//! keeps no credentials of its own: what is cached, and for how long, is the
//! schedule's affair alone.
//!
//! What the AWS SDK does itself and what not was decided by reading it, with
//! the versions named: in [`crate::sts`], [`profile`] and [`instance`].

use std::time::Duration;

use crate::schedule::{Errand, Policy, Report};

pub mod assumed;
pub mod container;
pub mod instance;
pub mod keys;
pub mod process;
pub mod profile;
pub mod web_identity;

pub use assumed::AssumedSource;
pub use container::ContainerSource;
pub use instance::InstanceSource;
pub use keys::KeysSource;
pub use process::ProcessSource;
pub use profile::ProfileSource;
pub use web_identity::WebIdentitySource;

/// One of the sources there are.
#[derive(Debug)]
pub enum Source {
    /// The instance metadata service.
    Instance(std::sync::Arc<InstanceSource>),
    /// A container credentials endpoint.
    Container(ContainerSource),
    /// A program that prints credentials.
    Process(ProcessSource),
    /// A profile of AWS's files.
    Profile(ProfileSource),
    /// A token of an identity provider.
    WebIdentity(WebIdentitySource),
    /// Keys in a file.
    Keys(KeysSource),
    /// A role on top of another source.
    Assumed(AssumedSource),
}

impl Source {
    /// How often it may be asked.
    pub fn policy(&self) -> Policy {
        match self {
            Self::Instance(_) => Policy::Local,
            Self::Container(_)
            | Self::Process(_)
            | Self::Profile(_)
            | Self::WebIdentity(_)
            | Self::Keys(_)
            | Self::Assumed(_) => Policy::Remote,
        }
    }

    /// Longer than this, and it has failed.
    pub(crate) fn time_max(&self) -> Duration {
        match self {
            Self::Instance(_) | Self::Container(_) | Self::Keys(_) => Duration::from_secs(20),
            // May wait for a service far away.
            Self::Process(_) | Self::WebIdentity(_) => Duration::from_secs(60),
            // A program, and several roles one after another.
            Self::Profile(_) | Self::Assumed(_) => Duration::from_secs(120),
        }
    }

    /// Runs an errand.
    pub(crate) async fn fetch(&self, errand: &Errand) -> Report {
        match self {
            Self::Instance(source) => source.fetch(errand).await,
            Self::Container(source) => source.fetch().await,
            Self::Process(source) => source.fetch().await,
            Self::Profile(source) => source.fetch().await,
            Self::WebIdentity(source) => source.fetch().await,
            Self::Keys(source) => source.fetch(),
            Self::Assumed(source) => source.fetch().await,
        }
    }
}
