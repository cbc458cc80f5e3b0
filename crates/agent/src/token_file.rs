//! A token file, and files like it: readable by their owner only, reached
//! through an open folder, so that nobody can have another file taken for one.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::fs::{AtFlags, Mode, OFlags};
use zeroize::Zeroizing;

const TOKEN_RANDOM_BYTES: usize = 32;
/// Someone may write a token of their own; a short one can be guessed.
const TOKEN_CHARS_MIN: usize = 22;
const FILE_BYTES_MAX: u64 = 4_096;

/// Opens a folder, to reach files in it.
pub(crate) fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// The token in a file; makes one when there is none. No newline ends it,
/// because SDKs send what is in it as it is.
pub(crate) fn keep(
    folder: impl AsFd,
    name: &OsStr,
    owner: Option<u32>,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let token = match read(&folder, name, owner)? {
        Some(token) => token,
        None => make(&folder, name, owner).context("cannot be made")?,
    };
    if token.len() < TOKEN_CHARS_MIN || !token.iter().all(u8::is_ascii_graphic) {
        bail!(
            "needs at least {TOKEN_CHARS_MIN} characters and no white space, no newline at its end either; remove it to have one made"
        );
    }
    Ok(token)
}

fn make(folder: impl AsFd, name: &OsStr, owner: Option<u32>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut random = Zeroizing::new([0; TOKEN_RANDOM_BYTES]);
    getrandom::fill(&mut *random).map_err(|_| io::Error::other("no random bytes"))?;
    let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(random.as_slice()).into_bytes());
    write(folder, name, &token, owner)?;
    Ok(token)
}

/// What is in a file that only its owner may read, or nothing when there is
/// none. The owner is this process's user, or `owner`.
pub(crate) fn read(
    folder: impl AsFd,
    name: &OsStr,
    owner: Option<u32>,
) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
    // Without waiting: a pipe in its place would hold up whoever reads.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file: File = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(file) => file.into(),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => bail!("is a link; remove it to have one made"),
        Err(error) => return Err(io::Error::from(error)).context("cannot be read"),
    };
    let metadata = file.metadata().context("cannot be looked at")?;
    if !metadata.is_file() {
        bail!("is no file; remove it to have one made");
    }
    if metadata.nlink() != 1 {
        bail!("is another file's second name; remove it to have one made");
    }
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
pub(crate) fn write(
    folder: impl AsFd,
    name: &OsStr,
    bytes: &[u8],
    owner: Option<u32>,
) -> io::Result<()> {
    let beside = beside(name);
    match rustix::fs::unlinkat(&folder, &beside, AtFlags::empty()).map_err(io::Error::from) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let mut file: File = rustix::fs::openat(&folder, &beside, flags, mode)?.into();
    file.write_all(bytes)?;
    if let Some(owner) = owner {
        std::os::unix::fs::fchown(&file, Some(owner), None)?;
    }
    file.sync_all()?;
    Ok(rustix::fs::renameat(&folder, &beside, &folder, name)?)
}

fn beside(name: &OsStr) -> OsString {
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(".new");
    beside
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const GOOD: &str = "0123456789abcdefghijklmnop";

    fn keep_in(folder: &Path) -> anyhow::Result<String> {
        let open = open_folder(folder).expect("to open");
        let token = keep(&open, OsStr::new("web.token"), None)?;
        Ok(String::from_utf8(token.to_vec()).expect("text"))
    }

    #[test]
    fn a_token_is_made_once_and_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = keep_in(folder.path()).expect("made");
        let file = folder.path().join("web.token");
        let mode = std::fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&file).expect("text"), first);
        assert_eq!(keep_in(folder.path()).expect("kept"), first);
    }

    #[test]
    fn weak_token_files_are_refused() {
        for (content, mode, remedy) in [
            (GOOD, 0o640, "chmod it to 600"),
            ("short", 0o600, "at least 22 characters"),
            ("0123456789abcdefghijklmnop\n", 0o600, "no newline"),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("web.token");
            std::fs::write(&file, content).expect("to write");
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("to set");
            let text = format!("{:#}", keep_in(folder.path()).expect_err("refused"));
            assert!(text.contains(remedy), "{text}");
            assert!(!text.contains(content.trim()), "the token is not told: {text}");
        }
    }

    #[test]
    fn what_is_no_file_of_its_own_is_refused() {
        type Make = fn(&Path, &Path) -> io::Result<()>;
        let make_pipe: Make = |_, at| {
            let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(at).status()?;
            made.success().then_some(()).ok_or(io::ErrorKind::Other.into())
        };
        for (case, make, reason) in [
            ("a link", (|other, at| std::os::unix::fs::symlink(other, at)) as Make, "is a link"),
            ("a second name", |other, at| std::fs::hard_link(other, at), "second name"),
            ("a folder", |_, at| std::fs::create_dir(at), "is no file"),
            ("a pipe", make_pipe, "is no file"),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let other = folder.path().join("other");
            std::fs::write(&other, GOOD).expect("to write");
            std::fs::set_permissions(&other, PermissionsExt::from_mode(0o600)).expect("to set");
            make(&other, &folder.path().join("web.token")).expect(case);
            let text = format!("{:#}", keep_in(folder.path()).expect_err(case));
            assert!(text.contains(reason), "{case}: {text}");
        }
    }
}
