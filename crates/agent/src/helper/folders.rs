//! The folders in which the helper makes token files: opened once, at its
//! start, and only such as nobody else can write in.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use zeroize::Zeroizing;

use crate::{settings, token_file};

/// By the name that they were given.
pub(super) struct Folders(BTreeMap<PathBuf, OwnedFd>);

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
        Ok(Self(named.iter().map(open).collect::<anyhow::Result<_>>()?))
    }

    /// The token in a file of the user's in one of the folders.
    pub(super) fn token(&self, uid: u32, path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let Some((folder, name)) = split(path) else {
            bail!("is no name of a file in a folder");
        };
        // As they are written: no dots and no second spelling leads elsewhere.
        let named = self.0.iter().find(|(named, _)| named.as_os_str() == folder.as_os_str());
        let Some((_, folder)) = named else {
            bail!("cannot be made; its folder was not named when the agent started, restart it");
        };
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
