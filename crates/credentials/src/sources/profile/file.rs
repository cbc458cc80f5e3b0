//! AWS's profile files: read anew each time, and only when nobody else could
//! have written them. The SDK's reader knows their form; what it is given is
//! text, so it looks for no file and no variable itself.

use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::{EnvConfigSections, Profile};
use aws_runtime::env_config::source;
use aws_types::os_shim_internal::{Env, Fs};
use zeroize::Zeroizing;

use crate::keys::Keys;
use crate::trust::{REMEDY, distrust};
use crate::unusable::Unusable;

const FILE_BYTES_MAX: u64 = 1_024 * 1_024;

/// Which files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// With `[profile NAME]`.
    pub config: Option<PathBuf>,
    /// With `[NAME]`.
    pub credentials: Option<PathBuf>,
}

impl Files {
    /// What they say now.
    pub(crate) fn read(&self) -> Result<EnvConfigSections, Unusable> {
        let mut files = EnvConfigFiles::builder();
        for (kind, path) in [
            (EnvConfigFileKind::Config, &self.config),
            (EnvConfigFileKind::Credentials, &self.credentials),
        ] {
            // A file that is not named is an empty one: with none at all the
            // reader would look for its own.
            let text = path.as_deref().map(trusted).transpose()?.unwrap_or_default();
            files = files.with_contents(kind, text.as_str());
        }
        // It writes lines that it does not understand to the log.
        let none = tracing::Dispatch::none();
        tracing::dispatcher::with_default(&none, || parse(&files.build()))
    }
}

fn trusted(path: &Path) -> Result<Zeroizing<String>, Unusable> {
    let what = |what: &str| format!("{} {what}", path.display());
    if let Some(weakness) = distrust(path) {
        return Err(Unusable::new(what(&weakness), REMEDY));
    }
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| {
            let what = what(&format!("cannot be read: {}", error.kind()));
            Unusable::new(what, "make it readable for the agent")
        })?;
    Ok(text)
}

fn parse(files: &EnvConfigFiles) -> Result<EnvConfigSections, Unusable> {
    // Its message may repeat a line of the file.
    let refused = || {
        Unusable::new(
            "the profile files are not of the form that AWS's tools read",
            "try `aws configure list --profile NAME`, which says where",
        )
    };
    let env = Env::from_slice(&[]);
    let fs = Fs::from_slice(&[]);
    let reading = pin!(source::load(&env, &fs, files));
    // With texts only there is nothing to wait for.
    let Poll::Ready(source) = reading.poll(&mut Context::from_waker(Waker::noop())) else {
        return Err(refused());
    };
    EnvConfigSections::parse(source.map_err(|_| refused())?).map_err(|_| refused())
}

/// The keys that stand in a profile.
pub(crate) fn lasting_keys(profile: &Profile) -> Option<Keys> {
    Keys::new(
        profile.get("aws_access_key_id")?,
        profile.get("aws_secret_access_key")?,
        profile.get("aws_session_token"),
    )
}
