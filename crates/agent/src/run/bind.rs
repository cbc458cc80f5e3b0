//! What is opened with the rights of the start and kept: the doors' sockets,
//! the audit log, the key of sessions, that of reports. Nothing of it can be opened later.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use hotspan_imds::token::TokenKey;
use socket2::{Domain, Socket as Any, Type};

use super::inherited::Inherited;
use crate::doors::process::Socket;
use crate::ledger::audit::Audit;
use crate::report::Reports;
use crate::settings::Settings;
use crate::tokens;

/// Callers that wait to be let in.
const BACKLOG: i32 = 1_024;

/// The doors, bound and not yet open.
pub(super) struct Doors {
    pub(super) container: Vec<TcpListener>,
    pub(super) imds: Vec<TcpListener>,
    pub(super) metrics: Option<TcpListener>,
    pub(super) process: Option<Socket>,
}

/// What else is opened.
pub(super) struct Files {
    pub(super) audit: Option<File>,
    /// With the metadata door only.
    pub(super) key: Option<TokenKey>,
    /// With a server to tell only; the project's key is read for it.
    pub(super) reports: Option<Arc<Reports>>,
}

impl Doors {
    pub(super) fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let container = settings.container.as_ref().map(|door| door.listen.as_slice());
        let imds = settings.imds.as_ref().map(|door| door.listen.as_slice());
        let metrics = settings.metrics.as_slice();
        let mut inherited = Inherited::take();
        let doors = Self {
            container: bind_all(container.unwrap_or_default(), &mut inherited)?,
            imds: bind_all(imds.unwrap_or_default(), &mut inherited)?,
            metrics: bind_all(metrics, &mut inherited)?.pop(),
            process: match &settings.process {
                Some(door) => Some(bind_socket(&door.socket, &mut inherited)?),
                None => None,
            },
        };
        if let Some(unwanted) = inherited.unwanted() {
            bail!(
                "socket {unwanted} was handed over and is no door; name it in the configuration, or close it in the service manager"
            );
        }
        Ok(doors)
    }

    /// What tells a caller (a person or a test) where to ask, and that it may.
    pub(super) fn announcement(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        let listeners = [
            ("container", self.container.as_slice()),
            ("imds", self.imds.as_slice()),
            ("metrics", self.metrics.as_slice()),
        ];
        for (name, listeners) in listeners {
            for listener in listeners {
                let address = listener.local_addr().context("own address")?;
                text.push_str(&format!("{name} http://{address}\n"));
            }
        }
        text.push_str("ready\n");
        Ok(text)
    }
}

impl Files {
    pub(super) fn open(settings: &Settings) -> anyhow::Result<Self> {
        let audit = settings.audit.as_deref().map(Audit::open).transpose();
        let audit = audit.with_context(|| {
            let path = settings.audit.as_deref().unwrap_or(Path::new("")).display();
            format!("audit log {path} cannot be opened; make its folder, and chown the file to whoever starts the agent")
        })?;
        let owner = settings.user.as_ref().map(|user| user.uid);
        let key = settings.imds.as_ref().map(|_| tokens::token_key(&settings.state_dir, owner));
        let reports = settings.report.as_ref().map(Reports::new).transpose()?;
        Ok(Self { audit, key: key.transpose()?, reports: reports.map(Arc::new) })
    }
}

fn bind_socket(path: &Path, inherited: &mut Inherited) -> anyhow::Result<Socket> {
    let socket = match inherited.unix(path) {
        Some(listener) => Socket::inherited(listener),
        None => Socket::bind(path),
    };
    socket.with_context(|| format!("socket {} cannot be bound", path.display()))
}

fn bind_all(
    addresses: &[SocketAddr],
    inherited: &mut Inherited,
) -> anyhow::Result<Vec<TcpListener>> {
    let mut bound = Vec::new();
    for address in addresses {
        if let Some(listener) = inherited.tcp(address) {
            listener.set_nonblocking(true).context("a socket that was handed over")?;
            bound.push(listener);
            continue;
        }
        match listen(*address) {
            Ok(listener) => bound.push(listener),
            // A machine without IPv6; nobody on it asks there.
            Err(error)
                if is_without_ipv6(&error) && address.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST) =>
            {
                tracing::warn!(%address, "there is no IPv6 on this machine");
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("address {address} cannot be bound; name one that is free and this machine's, and below port 1024 run as root or with CAP_NET_BIND_SERVICE")
                });
            }
        }
    }
    Ok(bound)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Any::new(Domain::for_address(address), Type::STREAM, None)?;
    // Connections of the agent before this one may not be over yet.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn is_without_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(nix::libc::EAFNOSUPPORT)
}
