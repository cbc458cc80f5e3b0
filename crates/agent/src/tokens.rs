//! The secrets of callers: a token file for each consumer of the container
//! door, and the key of the tokens at the metadata door. Both outlast a
//! restart, so that SDKs that hold one go on.

use std::ffi::OsStr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::Context;
use hotspan_imds::secret::Secret;
use hotspan_imds::token::TokenKey;
use zeroize::Zeroizing;

use crate::helper::client::Helper;
use crate::settings::{CallerRule, ConsumerSettings, Settings};
use crate::token_file;

const KEY_FILE: &str = "imds-token.key";
const KEY_BYTES: usize = 64;

/// Someone who may ask at the container door.
pub(crate) struct Consumer {
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) token: Secret,
    /// Who may use the token; whoever has it, when not given.
    pub(crate) allow: Option<Vec<CallerRule>>,
}

/// All consumers, each with the token in its file, which is made when it is not
/// there: by the helper, when there is one, or with this process's own rights.
pub(crate) fn consumers(
    settings: &Settings,
    helper: Option<&Helper>,
) -> anyhow::Result<Vec<Consumer>> {
    let wanted = settings.container.iter().flat_map(|door| &door.consumers);
    wanted.map(|settings| consumer(settings, helper)).collect()
}

fn consumer(settings: &ConsumerSettings, helper: Option<&Helper>) -> anyhow::Result<Consumer> {
    let token = match helper {
        Some(helper) => {
            let own = nix::unistd::geteuid().as_raw();
            helper.token(&settings.token_file, settings.uid.unwrap_or(own))
        }
        None => own_token(settings),
    };
    let token = token.with_context(|| format!("token file {}", settings.token_file.display()))?;
    Ok(Consumer {
        name: settings.name.clone(),
        role: settings.role.clone(),
        token: Secret::new(String::from_utf8_lossy(&token).into_owned()),
        allow: settings.allow.clone(),
    })
}

fn own_token(settings: &ConsumerSettings) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let path = &settings.token_file;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let folder = token_file::open_folder(folder)
        .context("cannot be made; make its folder, and run the agent as root or without uid")?;
    let kept = token_file::keep(&folder, path.file_name().unwrap_or_default(), settings.uid);
    kept.map_err(|error| match error.downcast_ref::<std::io::Error>() {
        Some(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
            error.context("run the agent as root, or without uid in a folder of its own user")
        }
        _ => error,
    })
}

/// Reads the key of the metadata door's tokens, or makes one. It may be
/// `owner`'s, who the agent was before.
pub(crate) fn token_key(state_dir: &Path, owner: Option<u32>) -> anyhow::Result<TokenKey> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .with_context(|| format!("state_dir {} cannot be made", state_dir.display()))?;
    let folder = token_file::open_folder(state_dir)
        .with_context(|| format!("state_dir {} cannot be read", state_dir.display()))?;
    let name = OsStr::new(KEY_FILE);
    let place = || format!("token key {}", state_dir.join(KEY_FILE).display());
    if let Some(bytes) = token_file::read(&folder, name, owner).with_context(place)? {
        let bytes: [u8; KEY_BYTES] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| anyhow::anyhow!("{} is damaged; remove it to have one made", place()))?;
        return Ok(TokenKey::new(bytes));
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(&mut *bytes).context("no random bytes")?;
    token_file::write(&folder, name, &*bytes, None).with_context(|| {
        format!("{} cannot be made; chown its folder to whoever starts the agent", place())
    })?;
    Ok(TokenKey::new(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_outlasts_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        let now = hotspan_imds::civil::UnixSeconds(1_795_392_000);
        let token = token_key(&state, None).expect("made").issue(now.plus(60)).expect("random");
        let after = token_key(&state, None).expect("kept");
        assert_eq!(after.remaining(token.expose(), now), Some(60));
    }
}
