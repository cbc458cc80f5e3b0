//! Whether a file can be trusted: whether anyone but root and the agent's user
//! could have written it, or put another in its place. Asked when a
//! configuration is read and again before each fetch, because files change.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const WRITABLE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// What to do about a file that cannot be trusted.
pub const REMEDY: &str = "whoever can write it decides who gets credentials; chmod go-w and chown it to root or the agent";

/// Why the file at `path` cannot be trusted.
pub fn distrust(path: &Path) -> Option<String> {
    doubt(path, false)
}

/// Why what is made in the folder at `path` could be replaced.
pub fn distrust_folder(path: &Path) -> Option<String> {
    doubt(path, true)
}

fn doubt(path: &Path, is_folder: bool) -> Option<String> {
    // Links are followed: what counts is the file that is read or run.
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(error) => return Some(format!("cannot be found: {error}")),
    };
    let own = nix::unistd::geteuid().as_raw();
    // As it is written, too: who owns a link, or can replace it, decides where it
    // leads when it is opened.
    let written = path.ancestors().filter(|place| place.is_symlink());
    for link in written {
        let folder = link.parent().unwrap_or(link);
        let weakness = match (link.symlink_metadata(), folder.metadata()) {
            (Ok(link), _) if link.uid() != 0 && link.uid() != own => {
                Some("belongs to another user")
            }
            (Ok(_), Ok(folder)) => weakness(&folder, true, own),
            _ => Some("cannot be looked at"),
        };
        if let Some(weakness) = weakness {
            return Some(format!("is behind the link {}, which {weakness}", link.display()));
        }
    }
    real.ancestors().enumerate().find_map(|(above, place)| match place.metadata() {
        Ok(metadata) => weakness(&metadata, is_folder || above > 0, own).map(|weakness| {
            if above == 0 {
                weakness.to_owned()
            } else {
                format!("is in {}, which {weakness}", place.display())
            }
        }),
        Err(error) => {
            Some(format!("is in {}, which cannot be looked at: {error}", place.display()))
        }
    })
}

fn weakness(metadata: &Metadata, is_folder: bool, own: u32) -> Option<&'static str> {
    // In a folder such as /tmp nobody can replace what is another's.
    let is_shared = is_folder && metadata.mode() & STICKY != 0;
    if metadata.mode() & WRITABLE != 0 && !is_shared {
        return Some("can be written by others");
    }
    (metadata.uid() != 0 && metadata.uid() != own).then_some("belongs to another user")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn links_that_others_can_replace() {
        for (mode, trusted) in [(0o755, true), (0o777, false)] {
            let (folder, open) =
                (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
            std::fs::write(folder.path().join("agent.toml"), "").expect("to write");
            let link = open.path().join("link");
            std::os::unix::fs::symlink(folder.path(), &link).expect("to link");
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(open.path(), permissions).expect("to set");
            let found = distrust(&link.join("agent.toml"));
            assert_eq!(found.is_none(), trusted, "{mode:o}: {found:?}");
        }
    }

    #[test]
    fn files_that_others_can_write() {
        for (folder_mode, file_mode, trusted) in [
            (0o700, 0o600, true),
            (0o755, 0o644, true),
            (0o755, 0o664, false),
            (0o755, 0o646, false),
            (0o777, 0o600, false),
            (0o770, 0o600, false),
            (0o1777, 0o600, true),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("agent.toml");
            std::fs::write(&file, "").expect("to write");
            let set = |path: &Path, mode| {
                let permissions = std::fs::Permissions::from_mode(mode);
                std::fs::set_permissions(path, permissions).expect("to set");
            };
            set(&file, file_mode);
            set(folder.path(), folder_mode);
            let found = distrust(&file);
            assert_eq!(found.is_none(), trusted, "{folder_mode:o} {file_mode:o}: {found:?}");
        }
    }
}
