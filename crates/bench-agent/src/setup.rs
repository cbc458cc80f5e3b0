//! Everything that is measured, started: the emulator, the agent before it,
//! the bare server, and nginx twice.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::contender::Contender;
use crate::http::Connection;
use crate::nginx;
use crate::process::{self, Core, Process};

/// How long the agent may take to have credentials.
const READY_TIME_MAX: Duration = Duration::from_secs(30);
/// What the emulator calls its role.
const ROLE: &str = "app-role";
const CONTAINER_PATH: &str = "/v2/credentials/app";
const SESSION_HEADER: &str = "X-aws-ec2-metadata-token";

/// All of it, as long as this lives.
pub(crate) struct Setup {
    /// The agent at its container door, with a token.
    pub(crate) agent: Contender,
    /// The agent at its metadata door, with a session.
    pub(crate) agent_imds: Contender,
    /// The bare server.
    pub(crate) hyper: Contender,
    /// nginx with a fixed answer, and with a cache before the emulator; or why not.
    pub(crate) nginx: Result<[Contender; 2], String>,
    metrics: String,
    folder: TempDir,
    _emulator: Process,
}

impl Setup {
    /// Starts all of it, and waits until the agent has credentials.
    pub(crate) fn start(agent: &Path) -> anyhow::Result<Self> {
        move_to_load_core();
        let folder = tempfile::tempdir().context("a temporary folder")?;
        let mut emulator = Core::Load.command(agent);
        emulator.args(["imds", "--listen", "127.0.0.1:0", "--role", ROLE]);
        let (emulator, announced) = Process::start_announced(&mut emulator)?;
        let upstream = address(&announced, "imds")?;
        let ([container, metadata], metrics) = start_agent(agent, folder.path(), &upstream)?;
        let bytes = wait_for(&container)?;
        let metadata = with_session(metadata)?;
        let headers = container.headers.clone();
        let hyper = start_bare(bytes, headers.clone())?;
        let nginx = nginx::start(folder.path(), bytes, &upstream, CONTAINER_PATH, &headers);
        let nginx = nginx.map_err(|error| format!("{error:#}"));
        println!("answer   {bytes} bytes of JSON at every server");
        Ok(Self {
            agent: container,
            agent_imds: metadata,
            hyper,
            nginx,
            metrics,
            folder,
            _emulator: emulator,
        })
    }

    /// Size of a copy of the binary without symbols, where there is `strip`.
    pub(crate) fn stripped_bytes(&self, agent: &Path) -> Option<u64> {
        let copy = self.folder.path().join("stripped");
        let stripped = Command::new("strip").arg("-o").arg(&copy).arg(agent).status();
        stripped.is_ok_and(|status| status.success()).then_some(())?;
        Some(std::fs::metadata(copy).ok()?.len())
    }

    /// What the audit log holds, and what the agent counts as lost.
    pub(crate) fn audit_lines(&self) -> anyhow::Result<String> {
        let text = std::fs::read(audit_file(self.folder.path())).context("the audit log")?;
        let lines = text.iter().filter(|byte| **byte == b'\n').count();
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", self.metrics);
        let mut connection = Connection::open(&self.metrics)?;
        let metrics = String::from_utf8_lossy(connection.ask(request.as_bytes())?).into_owned();
        let name = "hotspan_agent_audit_lines_lost_total ";
        let lost = metrics.lines().find_map(|line| line.strip_prefix(name));
        Ok(format!("{lines} lines, {} lost", lost.context("no count of lost lines")?))
    }
}

/// This process and what it starts, unless that is put elsewhere.
fn move_to_load_core() {
    if process::is_pinned() {
        let mut pin = Command::new("taskset");
        pin.args(["-cp", "1", &std::process::id().to_string()]).stdout(Stdio::null());
        // Without it the figures are a little worse, for all alike.
        let _ = pin.status();
    }
}

/// The agent at both doors, and where its metrics are.
fn start_agent(
    agent: &Path,
    folder: &Path,
    upstream: &str,
) -> anyhow::Result<([Contender; 2], String)> {
    let configuration = folder.join("agent.toml");
    write_private(&configuration, &agent_configuration(folder, upstream))?;
    let mut command = Core::Server.command(agent);
    command.args(["run", "--config"]).arg(&configuration);
    let (process, announced) = Process::start_announced(&mut command)?;
    let process = Rc::new(process);
    let token = std::fs::read_to_string(folder.join("web.token")).context("the token")?;
    let contender = |name, door: &str, path: &str| -> anyhow::Result<Contender> {
        Ok(Contender {
            name,
            address: address(&announced, door)?,
            path: path.to_owned(),
            headers: vec![
                ("User-Agent", "Boto3/1.43 md/Botocore#1.43 ua/2.1 os/linux".to_owned()),
                ("Accept", "*/*".to_owned()),
            ],
            process: Rc::clone(&process),
        })
    };
    let mut container = contender("agent, container", "container", "/credentials")?;
    container.headers.push(("Authorization", token));
    let path = format!("/latest/meta-data/iam/security-credentials/{ROLE}");
    let metrics = address(&announced, "metrics")?;
    Ok(([container, contender("agent, imds", "imds", &path)?], metrics))
}

fn agent_configuration(folder: &Path, upstream: &str) -> String {
    let audit = audit_file(folder);
    let (folder, audit) = (folder.display(), audit.display());
    format!(
        "state_dir = \"{folder}/state\"
[[role]]
name = \"app\"
source = \"instance\"
endpoint = \"http://{upstream}\"
[container]
listen = [\"127.0.0.1:0\"]
[[container.consumer]]
name = \"web\"
role = \"app\"
token_file = \"{folder}/web.token\"
[imds]
listen = [\"127.0.0.1:0\"]
role = \"app\"
[metrics]
listen = \"127.0.0.1:0\"
[process]
socket = \"{folder}/agent.sock\"
[audit]
file = \"{audit}\"
"
    )
}

fn audit_file(folder: &Path) -> PathBuf {
    folder.join("audit.jsonl")
}

/// Waits for the first answer, and returns the length of its body.
fn wait_for(container: &Contender) -> anyhow::Result<usize> {
    let begun = Instant::now();
    let request = container.request(true);
    loop {
        let asked = Connection::open(&container.address)
            .and_then(|mut connection| Ok(connection.ask(request.as_bytes())?.len()));
        match asked {
            Ok(bytes) => return Ok(bytes),
            Err(error) if begun.elapsed() > READY_TIME_MAX => {
                return Err(error).context("the agent has no credentials");
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn with_session(mut metadata: Contender) -> anyhow::Result<Contender> {
    let request = format!(
        "PUT /latest/api/token HTTP/1.1\r\nHost: {}\r\n{SESSION_HEADER}-ttl-seconds: 21600\r\n\r\n",
        metadata.address
    );
    let mut connection = Connection::open(&metadata.address)?;
    let session = connection.ask(request.as_bytes()).context("a session")?;
    let session = String::from_utf8_lossy(session).into_owned();
    metadata.headers.push((SESSION_HEADER, session));
    Ok(metadata)
}

fn start_bare(bytes: usize, headers: Vec<(&'static str, String)>) -> anyhow::Result<Contender> {
    let own = std::env::current_exe().context("own program")?;
    let mut command = Core::Server.command(&own);
    command.args(["bare", "--bytes", &bytes.to_string()]);
    let (process, announced) = Process::start_announced(&mut command)?;
    Ok(Contender {
        name: "bare hyper",
        address: address(&announced, "bare")?,
        path: "/credentials".to_owned(),
        headers,
        process: Rc::new(process),
    })
}

fn address(announced: &[(String, String)], wanted: &str) -> anyhow::Result<String> {
    match announced.iter().find(|(name, _)| name == wanted) {
        Some((_, address)) => Ok(address.clone()),
        None => bail!("{wanted} was not announced"),
    }
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::File::options();
    let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(path)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    Ok(())
}
