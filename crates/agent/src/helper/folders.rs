//! The folders in which the helper makes token files: opened once, at its
//! start, and only such as nobody else can write in.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use zeroize::Zeroizing;

use crate::{settings, token_file};

/// Files of one life of the helper, so that it never fills a disk.
const FILES_MAX: usize = 1_024;

pub(super) struct Folders {
    /// By the name that they were given.
    open: BTreeMap<PathBuf, OwnedFd>,
    files: BTreeSet<PathBuf>,
}

impl Folders {
    /// Opens them all.
    pub(super) fn open(named: &[PathBuf]) -> anyhow::Result<Self> {
        let open = |path: &PathBuf| {
            let place = || format!("folder {} of token files", path.display());
            let folder = path
                .canonicalize()
                .and_then(|real| token_file::open_folder(&real))
                .context("cannot be opened; make its folder, or name another token_file")
                .with_context(place)?;
            if let Some(weakness) = settings::distrust(path) {
                bail!(
                    "{} {weakness}; whoever can write in it could put their own token there: chmod go-w and chown it to root",
                    place()
                );
            }
            Ok((path.clone(), folder))
        };
        let open = named.iter().map(open).collect::<anyhow::Result<_>>()?;
        Ok(Self { open, files: BTreeSet::new() })
    }

    /// The token in a file of the user's in one of the folders.
    pub(super) fn token(&mut self, uid: u32, path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let Some((folder, name)) = split(path) else {
            bail!("is no name of a file in a folder");
        };
        // As they are written: no dots and no second spelling leads elsewhere.
        let named = self.open.iter().find(|(named, _)| named.as_os_str() == folder.as_os_str());
        let Some((_, folder)) = named else {
            bail!("cannot be made; its folder was not named when the agent started, restart it");
        };
        if self.files.len() >= FILES_MAX && !self.files.contains(path) {
            bail!("is one of more than {FILES_MAX}; restart the agent");
        }
        self.files.insert(path.to_owned());
        token_file::keep(folder, name.as_os_str(), Some(uid))
    }
}

/// Folder and name, with nothing made of them.
fn split(path: &Path) -> Option<(&Path, &Path)> {
    let bytes = path.as_os_str().as_bytes();
    let at = bytes.iter().rposition(|byte| *byte == b'/')?;
    let name = &bytes[at + 1..];
    let is_name = !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
    let part = |bytes| Path::new(std::ffi::OsStr::from_bytes(bytes));
    is_name.then_some((part(&bytes[..at]), part(name)))
}

/// The folder of a token file, as [`Folders::token`] compares it.
pub(crate) fn folder_of(token_file: &Path) -> Option<PathBuf> {
    split(token_file).map(|(folder, _)| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_not_filled() {
        let root = tempfile::tempdir().expect("a folder");
        let mut folders = Folders::open(&[root.path().to_owned()]).expect("to open");
        let own = nix::unistd::geteuid().as_raw();
        let first = root.path().join("first");
        folders.token(own, &first).expect("made");
        for number in 1..FILES_MAX {
            folders.files.insert(number.to_string().into());
        }
        let more = root.path().join("more");
        let error = folders.token(own, &more).expect_err("refused");
        assert!(error.to_string().contains("more than 1024"), "{error}");
        assert!(!more.exists());
        folders.token(own, &first).expect("read again");
    }

    #[test]
    fn folders_of_token_files() {
        for (file, folder) in [
            ("/run/a/web.token", Some("/run/a")),
            ("/web.token", Some("")),
            ("/run/a/..", None),
            ("/run/a/.", None),
            ("/run/a/", None),
            ("web.token", None),
        ] {
            assert_eq!(folder_of(Path::new(file)), folder.map(PathBuf::from), "{file}");
        }
    }
}
