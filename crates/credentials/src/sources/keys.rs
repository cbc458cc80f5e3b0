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
        if !is_private(metadata.mode(), metadata.uid()) {
            let what = what("can be read by others than its owner".to_owned());
            let remedy = "chmod it to 600; or have root own it, chgrp it to the agent's user and chmod it to 640";
            return Err(Unusable::new(what, remedy));
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

/// Its owner reads it and nobody else, but for a group that root has chosen:
/// an agent that root starts and that becomes another user reads it as that.
fn is_private(mode: u32, owner: u32) -> bool {
    match mode & 0o077 {
        0 => true,
        0o040 => owner == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_read_keys() {
        for (mode, owner, expected) in [
            (0o100_600, 1_000, true),
            (0o100_400, 0, true),
            (0o100_640, 0, true),
            (0o100_640, 1_000, false),
            (0o100_660, 0, false),
            (0o100_644, 0, false),
            (0o100_602, 0, false),
        ] {
            assert_eq!(is_private(mode, owner), expected, "{mode:o} of {owner}");
        }
    }
}
