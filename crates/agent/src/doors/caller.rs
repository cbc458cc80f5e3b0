//! Who is at the other end of a TCP connection on this machine: asked of the
//! kernel's socket table, by the four numbers of the connection. For the audit
//! log, and for rules that let users and cgroups in.
//!
//! ```text
//! request   nlmsghdr(16)  family protocol ext pad  states(4)  id(48)
//! answer    nlmsghdr(16)  family state timer retrans  id(48)  expires rqueue wqueue uid inode  attributes
//! id        sport(2) dport(2) src(16) dst(16) interface(4) cookie(8)
//! ```

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::ledger::callers::Callers;

const NETLINK: i32 = 16;
const SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const REQUEST: u16 = 1;
const TCP: u8 = 6;
const INET: u8 = 2;
const INET6: u8 = 10;
/// The kernel answers within the call; this is for a kernel that never does.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(20);

const HEADER_BYTES: usize = 16;
const REQUEST_BYTES: usize = HEADER_BYTES + 56;
const PORTS: usize = HEADER_BYTES + 4;
const UID: usize = HEADER_BYTES + 64;
const INODE: usize = HEADER_BYTES + 68;
const ATTRIBUTES: usize = HEADER_BYTES + 72;
/// A cgroup's id, which is the inode of its folder; kernels from 5.7 tell it.
const CGROUP_ID: u16 = 21;

/// What the kernel tells of a caller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The user; none when it is not known.
    pub(crate) uid: Option<u32>,
    /// The inode of its cgroup's folder.
    pub(crate) cgroup_id: Option<u64>,
    /// The socket's inode, by which its process is found.
    pub(crate) inode: Option<u32>,
}

/// The kernel's socket table.
pub(crate) struct SocketTable {
    table: Option<Mutex<(Socket, u32)>>,
    /// Told of whoever is found, to look for the process.
    callers: Option<Callers>,
}

impl SocketTable {
    /// Opens it; where that is not permitted, nobody is known.
    pub(crate) fn open(callers: Option<Callers>) -> Self {
        let table = match open() {
            Ok(socket) => Some(Mutex::new((socket, 0))),
            Err(error) => {
                tracing::info!(%error, "callers are not known; the kernel's socket table is closed");
                None
            }
        };
        Self { table, callers }
    }

    /// Who connected from `peer` to `own`.
    pub(crate) fn caller(&self, peer: SocketAddr, own: SocketAddr) -> Caller {
        let caller = self.look_up(peer, own);
        if let Some(callers) = &self.callers {
            callers.seek(&caller);
        }
        caller
    }

    fn look_up(&self, peer: SocketAddr, own: SocketAddr) -> Caller {
        let Some(table) = &self.table else { return Caller::default() };
        // What a panic left behind has another number, and is skipped.
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        let (socket, sequence) = &mut *table;
        *sequence = sequence.wrapping_add(1);
        ask(socket, *sequence, peer, own).unwrap_or_default()
    }
}

fn open() -> io::Result<Socket> {
    let socket = Socket::new(Domain::from(NETLINK), Type::DGRAM, Some(Protocol::from(SOCK_DIAG)))?;
    socket.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    Ok(socket)
}

fn ask(mut socket: &Socket, sequence: u32, peer: SocketAddr, own: SocketAddr) -> Option<Caller> {
    socket.send(&request(sequence, peer, own)).ok()?;
    let mut buffer = [0; 1_024];
    // An answer that came too late for its question may come first.
    for _ in 0..4 {
        let length = socket.read(&mut buffer).ok()?;
        let answer = buffer.get(..length)?;
        if number(answer, 8) == Some(sequence) {
            return read(answer, peer.port(), own.port());
        }
    }
    None
}

/// The caller's own end of the connection: its source is our peer.
fn request(sequence: u32, peer: SocketAddr, own: SocketAddr) -> [u8; REQUEST_BYTES] {
    let mut bytes = [0; REQUEST_BYTES];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    put(0, &u32::try_from(REQUEST_BYTES).unwrap_or_default().to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &REQUEST.to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    let (peer_ip, own_ip) = (peer.ip().to_canonical(), own.ip().to_canonical());
    put(16, &[if peer_ip.is_ipv4() { INET } else { INET6 }, TCP]);
    put(20, &u32::MAX.to_ne_bytes());
    put(24, &peer.port().to_be_bytes());
    put(26, &own.port().to_be_bytes());
    for (at, ip) in [(28, peer_ip), (44, own_ip)] {
        match ip {
            IpAddr::V4(v4) => put(at, &v4.octets()),
            IpAddr::V6(v6) => put(at, &v6.octets()),
        }
    }
    // No cookie is known.
    put(64, &[0xff; 8]);
    bytes
}

/// A closed socket has no inode and says user 0: that is nobody, not root. When
/// there is none, the kernel tells of whoever listens on the peer's port; that
/// one has no other end.
fn read(answer: &[u8], peer_port: u16, own_port: u16) -> Option<Caller> {
    let short = |at: usize| answer.get(at..at + 2)?.try_into().ok();
    let kind = short(4).map(u16::from_ne_bytes)?;
    let ports = [short(PORTS)?, short(PORTS + 2)?].map(u16::from_be_bytes);
    let inode = number(answer, INODE)?;
    if kind != SOCK_DIAG_BY_FAMILY || ports != [peer_port, own_port] || inode == 0 {
        return None;
    }
    let cgroup_id = cgroup_id(answer.get(ATTRIBUTES..)?);
    Some(Caller { uid: number(answer, UID), cgroup_id, inode: Some(inode) })
}

fn cgroup_id(mut attributes: &[u8]) -> Option<u64> {
    loop {
        let length = usize::from(u16::from_ne_bytes(attributes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(attributes.get(2..4)?.try_into().ok()?);
        let value = attributes.get(4..length)?;
        if kind == CGROUP_ID {
            return value.try_into().ok().map(u64::from_ne_bytes);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn who_has_connected() {
        let table = SocketTable::open(None);
        if table.table.is_none() {
            // A sandbox without netlink: there is nothing to look into.
            return;
        }
        let uid = nix::unistd::geteuid().as_raw();
        for listen in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(listen) else { continue };
            let own = listener.local_addr().expect("an address");
            let stream = TcpStream::connect(own).expect("to connect");
            let (accepted, peer) = listener.accept().expect("a connection");
            assert_eq!(table.caller(peer, own).uid, Some(uid), "{listen}");
            drop(stream);
            assert_eq!(table.caller(peer, own), Caller::default(), "closed: {listen}");
            drop(accepted);
            // Whoever listens there is not who connected from there.
            assert_eq!(table.caller(own, peer), Caller::default(), "gone: {listen}");
        }
    }

    #[test]
    fn answers_of_the_kernel() {
        let answer = |kind: u16, uid: u32, inode: u32, attributes: &[u8]| {
            let mut bytes = vec![0; ATTRIBUTES];
            bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
            bytes[PORTS..PORTS + 4].copy_from_slice(&[0, 7, 0, 8]);
            bytes[UID..UID + 4].copy_from_slice(&uid.to_ne_bytes());
            bytes[INODE..INODE + 4].copy_from_slice(&inode.to_ne_bytes());
            bytes.extend_from_slice(attributes);
            bytes
        };
        let mut attributes = vec![5, 0, 8, 0, 3, 0, 0, 0];
        attributes.extend_from_slice(&12_u16.to_ne_bytes());
        attributes.extend_from_slice(&CGROUP_ID.to_ne_bytes());
        attributes.extend_from_slice(&4_711_u64.to_ne_bytes());
        let known = |uid, cgroup_id| Some(Caller { uid: Some(uid), cgroup_id, inode: Some(7) });
        for (case, bytes, expected) in [
            ("a user", answer(SOCK_DIAG_BY_FAMILY, 1_000, 7, &[]), known(1_000, None)),
            (
                "with a cgroup",
                answer(SOCK_DIAG_BY_FAMILY, 1_000, 7, &attributes),
                known(1_000, Some(4_711)),
            ),
            ("a closed socket", answer(SOCK_DIAG_BY_FAMILY, 0, 0, &[]), None),
            ("an error", answer(2, 0, 0, &[]), None),
            ("cut", answer(SOCK_DIAG_BY_FAMILY, 1_000, 7, &[])[..60].to_vec(), None),
            (
                "an attribute of no length",
                answer(SOCK_DIAG_BY_FAMILY, 1_000, 7, &[0; 8]),
                known(1_000, None),
            ),
        ] {
            assert_eq!(read(&bytes, 7, 8), expected, "{case}");
            assert_eq!(read(&bytes, 7, 0), None, "{case}, of another connection");
        }
    }
}
