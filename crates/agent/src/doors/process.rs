//! The socket for `credential_process` and for the agent's own commands: one
//! line asks, one answer comes, the connection ends. Who asks is told by the
//! kernel, so there is nothing to steal.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotspan_credentials::trust::distrust_folder;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::peer::Peer;
use super::per_uid::PerUid;
use crate::documents::Documents;
use crate::ledger::{Cgroup, Door, Ending, Ledger, Lookup};
use crate::live::{Current, Live};
use crate::roles::{Absent, Role};
use crate::status;

const CONNECTIONS_MAX: usize = 512;
/// So that one user cannot take them all.
const CONNECTIONS_PER_UID_MAX: usize = 128;
const LINE_BYTES_MAX: u64 = 256;
const LINE_TIME_MAX: Duration = Duration::from_secs(2);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The first line of an answer; what follows is the answer itself, or why not.
pub(crate) mod word {
    pub(crate) const OK: &str = "ok";
    pub(crate) const REFUSED: &str = "refused";
    pub(crate) const UNAVAILABLE: &str = "unavailable";
}

/// Answers at the socket.
pub(crate) struct ProcessDoor {
    current: Arc<Current>,
    ledger: Arc<Ledger>,
    per_uid: Arc<PerUid>,
}

/// The socket, and its file, which is removed with this.
pub(crate) struct Socket {
    /// None when a service manager holds the socket: the file is its own.
    path: Option<PathBuf>,
    listener: std::os::unix::net::UnixListener,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Gone already is as good, and one that may not be removed is
            // replaced at the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Socket {
    /// Binds the socket. A file that a dead agent left is replaced; one that
    /// answers, or is no socket, is not.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        if let Ok(metadata) = path.symlink_metadata() {
            use std::os::unix::fs::FileTypeExt;
            if !metadata.file_type().is_socket() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            std::fs::remove_file(path)?;
        }
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        // Whoever can replace it could have any file of ours opened to all.
        if let Some(what) = path.parent().and_then(distrust_folder) {
            let _ = std::fs::remove_file(path);
            let remedy = "name one in a folder that only root or the agent's user can write";
            return Err(io::Error::other(format!("its folder {what}; {remedy}")));
        }
        // Anyone may ask; who gets an answer is decided by who they are.
        std::fs::set_permissions(path, Permissions::from_mode(0o666))?;
        Ok(Self { path: Some(path.to_owned()), listener })
    }

    /// Takes over a socket that a service manager holds.
    pub(crate) fn inherited(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { path: None, listener })
    }

    /// Serves until `stop` is told.
    pub(crate) async fn serve(self, door: Arc<ProcessDoor>, mut stop: watch::Receiver<bool>) {
        let listener = self.listener.try_clone().and_then(UnixListener::from_std);
        let listener = match listener {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "the process door cannot be opened");
                return;
            }
        };
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            // The semaphore is never closed.
            let permit = Arc::clone(&permits).acquire_owned().await;
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let door = Arc::clone(&door);
                    connections.spawn(async move {
                        // A peer that goes away concerns only itself.
                        let _ = door.connection(stream).await;
                        drop(permit);
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
        let ending = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LINE_TIME_MAX, ending).await;
    }
}

/// What is answered, before it is bytes.
struct Reply(&'static str, Vec<u8>);

impl ProcessDoor {
    pub(crate) fn new(current: Arc<Current>, ledger: Arc<Ledger>) -> Self {
        let per_uid = Arc::new(PerUid::new(CONNECTIONS_PER_UID_MAX));
        Self { current, ledger, per_uid }
    }

    async fn connection(&self, mut stream: UnixStream) -> io::Result<()> {
        let peer = Peer::of(&stream)?;
        let reply = match self.per_uid.enter(Some(peer.uid)) {
            Some(_place) => match tokio::time::timeout(LINE_TIME_MAX, line(&mut stream)).await {
                Ok(Ok(line)) => self.reply(&line, &peer).await,
                Ok(Err(error)) => return Err(error),
                Err(_) => refused("the question did not come in time"),
            },
            None => {
                self.ledger.refused(Door::Process, "connections");
                refused("too many connections of this user")
            }
        };
        let Reply(word, body) = reply;
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(word.len() + 1 + body.len()));
        bytes.extend_from_slice(word.as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(&zeroize::Zeroizing::new(body));
        stream.write_all(&bytes).await?;
        stream.shutdown().await
    }

    async fn reply(&self, line: &str, peer: &Peer) -> Reply {
        let live = self.current.get();
        let (verb, role) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "credentials" => self.credentials(&live, role, peer).await,
            "status" | "refresh" if !peer.is_master() => {
                self.ledger.refused(Door::Process, "command");
                refused("only root and the agent's own user may ask this")
            }
            "status" => match serde_json::to_vec(&status::of(&live, &self.ledger).await) {
                Ok(json) => Reply(word::OK, json),
                Err(_) => refused("the status cannot be written"),
            },
            "refresh" => refresh(&live, role),
            _ => refused("ask for credentials, status or refresh"),
        }
    }

    async fn credentials(&self, live: &Live, asked: &str, peer: &Peer) -> Reply {
        let began = Instant::now();
        let Some(role) = role_for(live, asked, peer) else {
            self.tell("", peer, Ending::Denied, None, began);
            return refused("no rule gives this user and cgroup that role; see [[process.allow]]");
        };
        match role.documents().await {
            Ok(documents) => {
                self.tell(&role.name, peer, Ending::Given, Some(&documents), began);
                Reply(word::OK, documents.process.expose().as_bytes().to_vec())
            }
            Err(Absent::Later) => {
                self.tell(&role.name, peer, Ending::Unavailable, None, began);
                unavailable("there are no credentials now; ask again")
            }
            Err(Absent::Removed) => {
                self.tell(&role.name, peer, Ending::Removed, None, began);
                unavailable("upstream took the role away")
            }
        }
    }

    fn tell(
        &self,
        role: &str,
        peer: &Peer,
        ending: Ending,
        documents: Option<&Documents>,
        began: Instant,
    ) {
        self.ledger.lookup(&Lookup {
            door: Door::Process,
            role,
            consumer: "",
            ending,
            last_four: documents.map(|documents| documents.last_four.as_str()),
            uid: Some(peer.uid),
            cgroup: peer.cgroup.as_deref().map(Cgroup::Path),
            inode: None,
            pid: peer.pid,
            trace: None,
            began,
        });
    }
}

async fn line(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    Ok(line.trim().to_owned())
}

/// The role that `peer` gets when it asks for `asked`, which may be empty.
fn role_for<'a>(live: &'a Live, asked: &str, peer: &Peer) -> Option<&'a Arc<Role>> {
    let fits = |role: &str| asked.is_empty() || role == asked;
    if let Some(role) = peer.roles(&live.allow).find(|role| fits(role)) {
        return live.roles.get(role);
    }
    if !peer.is_master() {
        return None;
    }
    match live.roles.values().next() {
        only if asked.is_empty() && live.roles.len() == 1 => only,
        _ => live.roles.get(asked),
    }
}

fn refresh(live: &Live, asked: &str) -> Reply {
    let roles: Vec<_> =
        live.roles.values().filter(|role| asked.is_empty() || role.name == asked).collect();
    if roles.is_empty() {
        return refused("there is no such role");
    }
    for role in roles {
        role.refresh();
    }
    Reply(word::OK, b"asked for; attempts are at least 30 s apart\n".to_vec())
}

fn refused(why: &str) -> Reply {
    Reply(word::REFUSED, why.as_bytes().to_vec())
}

fn unavailable(why: &str) -> Reply {
    Reply(word::UNAVAILABLE, why.as_bytes().to_vec())
}
