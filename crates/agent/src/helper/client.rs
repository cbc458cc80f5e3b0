//! The helper as the other half sees it: started before rights are given up,
//! asked one question at a time, and gone for good when it does not answer.

use std::ffi::OsString;
use std::io::{self, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use zeroize::Zeroizing;

use super::protocol::{self, INODES_MAX, cut, word};
use crate::owners::Owner;

/// A look through all processes takes half a second at most.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// The helper.
pub(crate) struct Helper {
    pid: u32,
    /// None once it has failed to answer: what comes later could be the answer
    /// to another question.
    stream: Mutex<Option<BufReader<UnixStream>>>,
    child: Mutex<Option<Child>>,
    is_gone: AtomicBool,
    refused: AtomicU64,
}

/// Why there is no answer.
enum NoAnswer {
    Refused(String),
    Gone(io::Error),
}

impl From<io::Error> for NoAnswer {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl Helper {
    /// Starts this program anew, as the helper, and waits until it is ready.
    pub(crate) fn start(folders: &[PathBuf]) -> anyhow::Result<Self> {
        let (own, its) = UnixStream::pair().context("a socket for the helper")?;
        own.set_read_timeout(Some(ANSWER_TIME_MAX)).context("a socket for the helper")?;
        own.set_write_timeout(Some(ANSWER_TIME_MAX)).context("a socket for the helper")?;
        let mut command = Command::new("/proc/self/exe");
        command.arg("helper").env_clear();
        for folder in folders {
            let mut argument = OsString::from("--folder=");
            argument.push(folder);
            command.arg(argument);
        }
        command.stdin(OwnedFd::from(its)).stdout(Stdio::null());
        let child = command.spawn().context("the helper cannot be started")?;
        // The command holds the helper's end, and a helper's end is only told
        // when nobody holds it.
        drop(command);
        let helper = Self {
            pid: child.id(),
            stream: Mutex::new(Some(BufReader::new(own))),
            child: Mutex::new(Some(child)),
            is_gone: AtomicBool::new(false),
            refused: AtomicU64::new(0),
        };
        match helper.converse(|stream| Ok(first_line(stream)?.to_vec())) {
            Ok(_) => Ok(helper),
            Err(NoAnswer::Refused(why)) => bail!("{why}"),
            Err(NoAnswer::Gone(error)) => Err(error).context("the helper did not start"),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has ended, or failed to answer.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// Questions that it refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Looks whether it has ended; for when a child has.
    pub(crate) fn look(&self) {
        let mut child = lock(&self.child);
        if let Some(Ok(Some(status))) = child.as_mut().map(Child::try_wait) {
            *child = None;
            self.gone(&status.to_string());
        }
    }

    /// The token in a file of the user's; the file is made when it is not there.
    pub(crate) fn token(&self, path: &Path, uid: u32) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let path = path.as_os_str().as_bytes();
        if path.contains(&b'\n') {
            bail!("has a line break in its name; give it another");
        }
        let mut question = format!("token {uid} ").into_bytes();
        question.extend_from_slice(path);
        match self.ask(&question, |_, token| Ok(Zeroizing::new(token.to_vec()))) {
            Ok(token) => Ok(token),
            Err(NoAnswer::Refused(why)) => bail!("{why}"),
            Err(NoAnswer::Gone(error)) => {
                Err(error).context("the helper is gone; restart the agent")
            }
        }
    }

    /// The processes of a user that hold one of the sockets; nobody when the
    /// helper is gone.
    pub(crate) fn owners(&self, uid: u32, cgroup: Option<&str>, inodes: &[u32]) -> Vec<Owner> {
        let inodes = &inodes[..inodes.len().min(INODES_MAX)];
        let listed: Vec<String> = inodes.iter().map(u32::to_string).collect();
        let cgroup = cgroup.filter(|cgroup| !cgroup.contains('\n')).unwrap_or_default();
        let question = format!("owner {uid} {} {cgroup}", listed.join(","));
        let answer = self.ask(question.as_bytes(), |stream, count| {
            let count: usize = std::str::from_utf8(count)
                .ok()
                .and_then(|count| count.parse().ok())
                .filter(|count| *count <= INODES_MAX)
                .ok_or(io::ErrorKind::InvalidData)?;
            let owner = |_| {
                let line = protocol::read_line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
                protocol::read_owner(&line).ok_or(io::ErrorKind::InvalidData.into())
            };
            (0..count).map(owner).collect::<io::Result<Vec<_>>>()
        });
        let mut owners = answer.unwrap_or_default();
        // What was not asked for is not believed.
        owners.retain(|owner| inodes.contains(&owner.inode));
        owners
    }

    fn ask<T>(
        &self,
        question: &[u8],
        read: impl FnOnce(&mut BufReader<UnixStream>, &[u8]) -> io::Result<T>,
    ) -> Result<T, NoAnswer> {
        self.converse(|stream| {
            let mut line = question.to_vec();
            line.push(b'\n');
            stream.get_mut().write_all(&line)?;
            let rest = first_line(stream)?;
            Ok(read(stream, &rest)?)
        })
    }

    fn converse<T>(
        &self,
        talk: impl FnOnce(&mut BufReader<UnixStream>) -> Result<T, NoAnswer>,
    ) -> Result<T, NoAnswer> {
        let mut held = lock(&self.stream);
        let stream = held.as_mut().ok_or(io::Error::from(io::ErrorKind::NotConnected))?;
        let answer = talk(stream);
        match &answer {
            Err(NoAnswer::Gone(error)) => {
                // Its own end is closed with this, and it ends.
                *held = None;
                self.gone(&error.to_string());
            }
            Err(NoAnswer::Refused(_)) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
        }
        answer
    }

    fn gone(&self, why: &str) {
        if !self.is_gone.swap(true, Ordering::Relaxed) {
            tracing::error!(
                why,
                "the helper is gone: callers have no process from now on, and no token file is made; restart the agent"
            );
        }
    }
}

/// What follows the first word of an answer.
fn first_line(stream: &mut BufReader<UnixStream>) -> Result<Zeroizing<Vec<u8>>, NoAnswer> {
    let line = protocol::read_line(stream)?
        .ok_or(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended"))?;
    match cut(&line) {
        (word::OK, rest) => Ok(Zeroizing::new(rest.to_vec())),
        (word::REFUSED, why) => Err(NoAnswer::Refused(String::from_utf8_lossy(why).into_owned())),
        _ => Err(NoAnswer::Gone(io::ErrorKind::InvalidData.into())),
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    // A conversation that a panic broke off was not answered, and the next one
    // would read its answer; there is no panic in one.
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
