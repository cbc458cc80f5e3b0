//! Sockets that a service manager opened and holds: they outlive the agent, so
//! that callers wait in them while it is started anew, and none is refused.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;

/// What was handed over and is not yet in use.
#[derive(Default)]
pub(super) struct Inherited {
    tcp: BTreeMap<SocketAddr, TcpListener>,
    unix: BTreeMap<PathBuf, UnixListener>,
}

impl Inherited {
    /// Takes over what the environment names, if it names this process.
    pub(super) fn take() -> Self {
        let mut found = Self::default();
        let mut passed = ListenFd::from_env();
        for at in 0..passed.len() {
            if let Ok(Some(listener)) = passed.take_tcp_listener(at) {
                if let Ok(address) = listener.local_addr() {
                    found.tcp.insert(address, listener);
                }
            } else if let Ok(Some(listener)) = passed.take_unix_listener(at) {
                let address = listener.local_addr().ok();
                if let Some(path) = address.as_ref().and_then(|address| address.as_pathname()) {
                    found.unix.insert(path.to_owned(), listener);
                }
            }
        }
        found
    }

    /// The socket of a door, if it was handed over.
    pub(super) fn tcp(&mut self, address: &SocketAddr) -> Option<TcpListener> {
        self.tcp.remove(address)
    }

    /// The socket of the process door, if it was handed over.
    pub(super) fn unix(&mut self, path: &Path) -> Option<UnixListener> {
        self.unix.remove(path)
    }

    /// What was handed over and no door wants: whoever connects there would
    /// wait for ever.
    pub(super) fn unwanted(&self) -> Option<String> {
        let tcp = self.tcp.keys().map(ToString::to_string);
        tcp.chain(self.unix.keys().map(|path| path.display().to_string())).next()
    }
}
