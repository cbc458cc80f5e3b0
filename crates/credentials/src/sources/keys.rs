//! Keys in a credentials file. They ask for roles and are handed to nobody.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::keys::Keys;
use crate::schedule::{Outcome, Report};
use crate::sources::profile::file::{Files, lasting_keys};
use crate::unusable::Unusable;

/// The keys of one profile of one credentials file.
#[derive(Debug)]
pub struct KeysSource {
    /// The file, whose owner alone may read it.
    pub credentials_file: PathBuf,
    /// Which part of it.
    pub profile: String,
}

impl KeysSource {
    /// There is nothing to hand out; a configuration that asks for it is refused.
    pub(crate) fn fetch(&self) -> Report {
        let why = "keys have no end and are handed to nobody; add [role.assume]".to_owned();
        Report { outcome: Outcome::Failed(why), date: None }
    }

    /// The keys as they are now.
    pub fn keys(&self) -> Result<Keys, Unusable> {
        let file = &self.credentials_file;
        let what = |what: String| format!("{} {what}", file.display());
        let metadata = file.metadata().map_err(|error| {
            Unusable::new(
                what(format!("cannot be read: {}", error.kind())),
                "name a file that is there",
            )
        })?;
        if metadata.mode() & 0o077 != 0 {
            let what = what("can be read by others than its owner".to_owned());
            return Err(Unusable::new(what, "chmod it to 600"));
        }
        let files = Files { config: None, credentials: Some(file.clone()) };
        let sections = files.read()?;
        let profile = sections.get_profile(&self.profile);
        profile.and_then(lasting_keys).ok_or_else(|| {
            Unusable::new(
                what(format!("has no keys under [{}]", self.profile)),
                "write aws_access_key_id and aws_secret_access_key there, or name another profile",
            )
        })
    }
}
