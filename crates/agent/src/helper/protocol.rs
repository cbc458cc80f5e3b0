//! What the agent's two processes say to each other: a line asks, a line
//! answers, and after the answer to `owner` come as many lines as it says.
//!
//! ```text
//! token UID PATH                  ok TOKEN
//! owner UID INODE,INODE.. CGROUP  ok COUNT, then: INODE PID PROGRAM
//! rules                           ok
//!                                 refused WHY
//! ```
//!
//! The cgroup may be missing. Whoever hears callers may have been taken over by
//! one, so the helper believes nothing that it reads here.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::owners::Owner;

/// A path of 4,096 bytes, or the sockets below and a cgroup.
pub(crate) const LINE_BYTES_MAX: u64 = 8_192;
/// Sockets of one question.
pub(crate) const INODES_MAX: usize = 256;

/// The first word of an answer.
pub(crate) mod word {
    pub(crate) const OK: &[u8] = b"ok";
    pub(crate) const REFUSED: &[u8] = b"refused";
}

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// The token in a file of the user's, made when it is not there.
    Token { uid: u32, path: &'a Path },
    /// The processes that hold the sockets.
    Owner { uid: u32, inodes: Vec<u32>, cgroup: Option<&'a str> },
    /// Reserved.
    Rules,
}

impl<'a> Request<'a> {
    /// Reads a line without its end.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, &'static str> {
        let (verb, rest) = cut(line);
        match verb {
            b"token" => {
                let (uid, path) = cut(rest);
                let path = Path::new(std::ffi::OsStr::from_bytes(path));
                Ok(Self::Token { uid: number(uid)?, path })
            }
            b"owner" => {
                let (uid, rest) = cut(rest);
                let (inodes, cgroup) = cut(rest);
                let inodes: Vec<u32> =
                    inodes.split(|byte| *byte == b',').map(number).collect::<Result<_, _>>()?;
                if inodes.len() > INODES_MAX {
                    return Err("these are too many sockets");
                }
                let cgroup = std::str::from_utf8(cgroup).map_err(|_| "the cgroup is no text")?;
                let cgroup = Some(cgroup).filter(|cgroup| !cgroup.is_empty());
                Ok(Self::Owner { uid: number(uid)?, inodes, cgroup })
            }
            b"rules" if rest.is_empty() => Ok(Self::Rules),
            _ => Err("there is no such verb"),
        }
    }
}

fn number(text: &[u8]) -> Result<u32, &'static str> {
    let text = std::str::from_utf8(text).ok().filter(|text| !text.starts_with('+'));
    text.and_then(|text| text.parse().ok()).ok_or("a number is none")
}

/// The first word, and what follows it.
pub(crate) fn cut(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &[]),
    }
}

/// The next line without its end; none when there will be no more. A line
/// without an end is an error: what follows it cannot be told from it.
pub(crate) fn read_line(from: &mut impl BufRead) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(512));
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The answer to `owner`.
pub(super) fn write_owners(owners: &[Owner]) -> Zeroizing<Vec<u8>> {
    let mut text = format!("ok {}\n", owners.len());
    for Owner { inode, pid, program } in owners {
        let _ = writeln!(text, "{inode} {pid} {program}");
    }
    Zeroizing::new(text.into_bytes())
}

/// A line of the answer to `owner`.
pub(super) fn read_owner(line: &[u8]) -> Option<Owner> {
    let (inode, rest) = cut(line);
    let (pid, program) = cut(rest);
    Some(Owner {
        inode: number(inode).ok()?,
        pid: number(pid).ok()?,
        program: String::from_utf8_lossy(program).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_ask() {
        let many = format!("owner 0 1{}", ",1".repeat(INODES_MAX));
        let token = |uid, path| Ok(Request::Token { uid, path: Path::new(path) });
        for (line, expected) in [
            ("token 1000 /run/a b/web.token", token(1_000, "/run/a b/web.token")),
            ("token 1000", token(1_000, "")),
            ("token -1 /run/a", Err("a number is none")),
            ("token +1 /run/a", Err("a number is none")),
            ("token 4294967296 /run/a", Err("a number is none")),
            ("token", Err("a number is none")),
            (
                "owner 0 7,8 /a b.slice",
                Ok(Request::Owner { uid: 0, inodes: vec![7, 8], cgroup: Some("/a b.slice") }),
            ),
            ("owner 0 7", Ok(Request::Owner { uid: 0, inodes: vec![7], cgroup: None })),
            ("owner 0 7,", Err("a number is none")),
            ("owner 0", Err("a number is none")),
            (&many, Err("these are too many sockets")),
            ("rules", Ok(Request::Rules)),
            ("rules now", Err("there is no such verb")),
            ("Token 0 /run/a", Err("there is no such verb")),
            ("write 0 /run/a", Err("there is no such verb")),
            ("", Err("there is no such verb")),
        ] {
            assert_eq!(Request::parse(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn owners_are_read_as_they_are_written() {
        let owners = [
            Owner { inode: 7, pid: 8, program: "/usr/bin/a program".to_owned() },
            Owner { inode: 9, pid: 10, program: String::new() },
        ];
        let text = write_owners(&owners);
        let mut lines = text.split(|byte| *byte == b'\n');
        assert_eq!(lines.next(), Some(&b"ok 2"[..]));
        assert_eq!(lines.filter_map(read_owner).collect::<Vec<_>>(), owners);
    }
}
