//! The secrets of callers: a token file for each consumer of the container
//! door, and the key of the tokens at the metadata door. Both outlast a
//! restart, so that SDKs that hold one go on.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hotspan_imds::secret::Secret;
use hotspan_imds::token::TokenKey;
use nix::libc::O_NOFOLLOW;
use zeroize::Zeroizing;

use crate::settings::ConsumerSettings;

const TOKEN_RANDOM_BYTES: usize = 32;
/// Someone may write a token of their own; a short one can be guessed.
const TOKEN_CHARS_MIN: usize = 22;
const FILE_BYTES_MAX: u64 = 4_096;
const KEY_FILE: &str = "imds-token.key";
const KEY_BYTES: usize = 64;

/// Someone who may ask at the container door.
pub(crate) struct Consumer {
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) token: Secret,
}

/// Reads the consumer's token, or makes one. No newline ends the file, because
/// SDKs send what is in it as it is.
pub(crate) fn consumer(settings: &ConsumerSettings) -> anyhow::Result<Consumer> {
    let path = &settings.token_file;
    let place = || format!("token file {}", path.display());
    let text = match read_private(path, settings.uid).with_context(place)? {
        Some(text) => text,
        None => make(path, settings.uid).with_context(|| {
            format!("token file {} cannot be made; make its folder, and run the agent as root or without uid", path.display())
        })?,
    };
    let token = std::str::from_utf8(&text).unwrap_or_default();
    if token.len() < TOKEN_CHARS_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!(
            "token file {} needs at least {TOKEN_CHARS_MIN} characters and no white space, no newline at its end either; remove it to have one made",
            path.display()
        );
    }
    Ok(Consumer {
        name: settings.name.clone(),
        role: settings.role.clone(),
        token: Secret::new(token.to_owned()),
    })
}

/// Reads the key of the metadata door's tokens, or makes one.
pub(crate) fn token_key(state_dir: &Path) -> anyhow::Result<TokenKey> {
    let path = state_dir.join(KEY_FILE);
    let place = || format!("token key {}", path.display());
    if let Some(bytes) = read_private(&path, None).with_context(place)? {
        let bytes: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| {
            anyhow::anyhow!("token key {} is damaged; remove it to have one made", path.display())
        })?;
        return Ok(TokenKey::new(bytes));
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .with_context(|| format!("state_dir {} cannot be made", state_dir.display()))?;
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).context("no random bytes")?;
    write_private(&path, &bytes, None).with_context(place)?;
    Ok(TokenKey::new(bytes))
}

fn make(path: &Path, uid: Option<u32>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut random = Zeroizing::new([0; TOKEN_RANDOM_BYTES]);
    getrandom::fill(&mut *random).map_err(|_| io::Error::other("no random bytes"))?;
    let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(random.as_slice()).into_bytes());
    write_private(path, &token, uid)?;
    Ok(token)
}

/// A file that only its owner may read, or nothing when there is none. Follows
/// no link, so that nobody can have another file taken for it.
fn read_private(path: &Path, owner: Option<u32>) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut file = match OpenOptions::new().read(true).custom_flags(O_NOFOLLOW).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("cannot be read"),
    };
    let metadata = file.metadata().context("cannot be looked at")?;
    if metadata.mode() & 0o077 != 0 {
        bail!("can be read by others than its owner; chmod it to 600");
    }
    let own = nix::unistd::geteuid().as_raw();
    if metadata.uid() != own && Some(metadata.uid()) != owner {
        bail!("belongs to user {}; chown it, or remove it to have one made", metadata.uid());
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(256));
    Read::by_ref(&mut file)
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .context("cannot be read")?;
    Ok(Some(bytes))
}

/// Written beside its place and moved there, so that nobody reads half of it.
fn write_private(path: &Path, bytes: &[u8], owner: Option<u32>) -> io::Result<()> {
    let beside = beside(path);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file: File =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    if let Some(owner) = owner {
        std::os::unix::fs::fchown(&file, Some(owner), None)?;
    }
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn settings(token_file: PathBuf) -> ConsumerSettings {
        ConsumerSettings { name: "web".into(), role: "app".into(), token_file, uid: None }
    }

    #[test]
    fn a_token_is_made_once_and_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("web.token");
        let first = consumer(&settings(file.clone())).expect("made");
        let mode = std::fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&file).expect("text"), first.token.expose());
        let second = consumer(&settings(file)).expect("kept");
        assert!(second.token.matches(first.token.expose()));
    }

    #[test]
    fn weak_token_files_are_refused() {
        let long = "0123456789abcdefghijklmnop";
        for (content, mode, remedy) in [
            (long, 0o640, "chmod it to 600"),
            ("short", 0o600, "at least 22 characters"),
            ("0123456789abcdefghijklmnop\n", 0o600, "no newline"),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("web.token");
            std::fs::write(&file, content).expect("to write");
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("to set");
            let error = consumer(&settings(file)).err().expect("refused");
            let text = format!("{error:#}");
            assert!(text.contains(remedy), "{text}");
            assert!(!text.contains(content.trim()), "the token is not told: {text}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("web.token");
        std::os::unix::fs::symlink("/etc/hostname", &link).expect("to link");
        assert!(consumer(&settings(link)).is_err(), "a link");
    }

    #[test]
    fn the_key_outlasts_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        let now = hotspan_imds::civil::UnixSeconds(1_795_392_000);
        let token = token_key(&state).expect("made").issue(now.plus(60)).expect("random bytes");
        let after = token_key(&state).expect("kept");
        assert_eq!(after.remaining(token.expose(), now), Some(60));
    }
}
