//! The agent's privileged half: a process of its own that answers three
//! questions of the one that hears callers, and nothing else. It listens
//! nowhere, runs nothing, and ends when the other does.

use std::collections::HashSet;
use std::io::{self, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use anyhow::Context;
use caps::Capability;
use clap::Args;
use nix::sys::signal::{SigSet, Signal};
use zeroize::Zeroizing;

pub(crate) mod client;
pub(crate) mod folders;
mod protocol;

use crate::owners::Finder;
use crate::{hardening, privileges};
use folders::Folders;
use protocol::{Request, word};

/// To give a token file to its user, to read it again, and to look into the
/// processes of others.
const CAPABILITIES: [Capability; 3] =
    [Capability::CAP_CHOWN, Capability::CAP_DAC_READ_SEARCH, Capability::CAP_SYS_PTRACE];

/// What the helper is started with.
#[derive(Args)]
pub(crate) struct HelperSettings {
    /// A folder in which token files may be made
    #[arg(long = "folder", value_name = "FOLDER")]
    folders: Vec<PathBuf>,
}

/// Answers until nobody is left to ask. Says first whether it can.
pub(crate) fn run(settings: &HelperSettings) -> anyhow::Result<()> {
    // Its end is that of the other, who has to come to an end in order when a
    // service manager or a terminal tells them both.
    let untold: SigSet = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    untold.thread_block().context("signals")?;
    let mut stream = inherited().context(
        "the helper is started by hotspan-agent run, with a socket as its standard input",
    )?;
    let helper = Helper::start(settings);
    let said = match &helper {
        Ok(_) => stream.write_all(b"ok\n"),
        Err(error) => stream.write_all(&refusal(&format!("{error:#}"))),
    };
    said.context("own socket")?;
    // From here on it looks into processes beside answers that somebody waits for.
    hardening::yield_to_answers();
    helper?.answer_all(&stream)
}

fn inherited() -> io::Result<UnixStream> {
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // What is no socket, or a socket of another kind, has no such address.
    stream.peer_addr()?;
    Ok(stream)
}

struct Helper {
    folders: Folders,
    finder: Finder,
    /// Questions that were refused; the other half asks none such.
    refused: u64,
}

impl Helper {
    fn start(settings: &HelperSettings) -> anyhow::Result<Self> {
        hardening::harden();
        privileges::never_gain()?;
        privileges::keep_only(&HashSet::from(CAPABILITIES))?;
        let folders = Folders::open(&settings.folders)?;
        Ok(Self { folders, finder: Finder::new(), refused: 0 })
    }

    fn answer_all(mut self, stream: &UnixStream) -> anyhow::Result<()> {
        let mut questions = BufReader::new(stream);
        loop {
            let answer = match protocol::read_line(&mut questions) {
                Ok(Some(line)) => self.answer(&line),
                Ok(None) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    // What comes next could be the rest of it.
                    let answer = self.refuse("the line has no end");
                    (&*stream).write_all(&answer).context("own socket")?;
                    anyhow::bail!("a question without an end came");
                }
                Err(error) => return Err(error).context("own socket"),
            };
            let mut out = stream;
            out.write_all(&answer).context("own socket")?;
        }
    }

    fn answer(&mut self, line: &[u8]) -> Zeroizing<Vec<u8>> {
        match Request::parse(line) {
            Ok(Request::Token { uid, path }) => match self.folders.token(uid, path) {
                Ok(token) => {
                    let parts: [&[u8]; 4] = [word::OK, b" ", &token, b"\n"];
                    let mut answer = Zeroizing::new(Vec::with_capacity(token.len() + 8));
                    parts.iter().for_each(|part| answer.extend_from_slice(part));
                    answer
                }
                Err(error) => self.refuse(&format!("{error:#}")),
            },
            Ok(Request::Owner { uid, inodes, cgroup }) => {
                protocol::write_owners(&self.finder.find(uid, cgroup, &inodes))
            }
            // Later rules will be told here; until then there is nothing to do.
            Ok(Request::Rules) => Zeroizing::new(b"ok\n".to_vec()),
            Err(why) => self.refuse(why),
        }
    }

    fn refuse(&mut self, why: &str) -> Zeroizing<Vec<u8>> {
        self.refused += 1;
        tracing::warn!(why, refused = self.refused, "the helper refused");
        refusal(why)
    }
}

fn refusal(why: &str) -> Zeroizing<Vec<u8>> {
    let one_line = why.replace(['\n', '\r'], " ");
    let mut answer = Zeroizing::new(word::REFUSED.to_vec());
    answer.push(b' ');
    answer.extend_from_slice(one_line.as_bytes());
    // A path may be as long as a line; the answer has to fit one.
    answer.truncate(usize::try_from(protocol::LINE_BYTES_MAX).unwrap_or(usize::MAX) - 1);
    answer.push(b'\n');
    answer
}
