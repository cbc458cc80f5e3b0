//! The commands that talk to a running agent through its socket:
//! `credentials`, `status`, `refresh`.

use std::io::{self, Read, Write, stdout};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use zeroize::Zeroizing;

use crate::doors::process::word;
use crate::exit::Failure;
use crate::settings::SOCKET;
use crate::status::{self, Status};

/// The agent answers from memory; longer, and it is not well.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: u64 = 1_024 * 1_024;

/// Where the agent is.
#[derive(Args)]
pub(crate) struct Place {
    /// Socket of the agent
    #[arg(long, default_value = SOCKET, env = "HOTSPAN_AGENT_SOCKET", value_name = "FILE")]
    socket: PathBuf,
}

/// Settings of `credentials` and `refresh`.
#[derive(Args)]
pub(crate) struct RoleSettings {
    /// Name of the role in the agent's configuration; where it is left out, the
    /// first that the caller may have
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    role: String,
    #[command(flatten)]
    place: Place,
}

/// Settings of `status`.
#[derive(Args)]
pub(crate) struct StatusSettings {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Prints credentials as `credential_process` wants them: in one write, and
/// nothing else anywhere, because some SDKs read both outputs as one.
pub(crate) fn credentials(settings: &RoleSettings) -> anyhow::Result<()> {
    print(&ask(&settings.place.socket, &format!("credentials {}", settings.role))?)
}

/// Asks the agent to fetch.
pub(crate) fn refresh(settings: &RoleSettings) -> anyhow::Result<()> {
    print(&ask(&settings.place.socket, &format!("refresh {}", settings.role))?)
}

/// Prints how the agent is.
pub(crate) fn status(settings: &StatusSettings) -> anyhow::Result<()> {
    let answer = ask(&settings.place.socket, "status")?;
    if settings.json {
        print(&answer)?;
        return print(b"\n");
    }
    let status: Status =
        serde_json::from_slice(&answer).context("the agent is of another version")?;
    print(status::table(&status).as_bytes())
}

fn ask(socket: &Path, line: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let answer = exchange(socket, line).with_context(|| format!("socket {}", socket.display()));
    let answer = answer.context(Failure::NoAgent)?;
    let end = answer.iter().position(|byte| *byte == b'\n').unwrap_or(answer.len());
    let (word, rest) = answer.split_at(end);
    let body = Zeroizing::new(rest.get(1..).unwrap_or_default().to_vec());
    let why = |body: &[u8]| anyhow::anyhow!("{}", String::from_utf8_lossy(body));
    match std::str::from_utf8(word).unwrap_or_default() {
        word::OK => Ok(body),
        word::UNAVAILABLE => Err(why(&body).context(Failure::NoCredentials)),
        word::REFUSED => Err(why(&body).context(Failure::Refused)),
        _ => Err(anyhow::anyhow!("what answers is no agent").context(Failure::NoAgent)),
    }
}

fn exchange(socket: &Path, line: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
    stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = Zeroizing::new(Vec::with_capacity(16 * 1_024));
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).context("standard output")
}
