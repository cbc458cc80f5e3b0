//! A host for one trial: an emulated metadata service, and an agent beside it
//! unless the SDK is to ask the service itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::sdks::Door;

/// Added to every answer of the emulated service.
pub(super) const UPSTREAM_LATENCY: &str = "3ms";
const READY_TIME_MAX: Duration = Duration::from_secs(90);

pub(super) struct Plan<'a> {
    pub(super) binary: &'a Path,
    pub(super) has_agent: bool,
    /// The life that credentials have left.
    pub(super) life: &'a str,
    /// For SDKs that ignore the port: what they ask is at port 80 of this address.
    pub(super) port_80: Option<Ipv4Addr>,
}

pub(super) struct Host {
    folder: TempDir,
    upstream: Process,
    agent: Option<Process>,
    binary: std::path::PathBuf,
}

impl Host {
    pub(super) fn start(plan: &Plan<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("a folder for a trial")?;
        let any = || "127.0.0.1:0".to_owned();
        let asked = plan.port_80.map_or_else(any, |address| format!("{address}:80"));
        let listen = if plan.has_agent { any() } else { asked.clone() };
        let mut command = Command::new(plan.binary);
        command.args(["imds", "--listen", &listen, "--control", "127.0.0.1:0", "--v1", "off"]);
        command.args(["--role", "app-role", "--latency", UPSTREAM_LATENCY]);
        command.args(["--expires-in", plan.life, "--log"]).arg(folder.path().join("upstream"));
        let upstream = Process::start(command)?;
        let agent = if plan.has_agent {
            let file = folder.path().join("agent.toml");
            let text = configuration(folder.path(), upstream.address("imds")?, &asked);
            std::fs::write(&file, text)?;
            let mut command = Command::new(plan.binary);
            command.args(["run", "--config"]).arg(file);
            Some(Process::start(command)?)
        } else {
            None
        };
        let host = Self { folder, upstream, agent, binary: plan.binary.to_owned() };
        host.wait_until_ready()?;
        Ok(host)
    }

    /// Makes a program ask at a door, or at the service itself.
    pub(super) fn lead(
        &self,
        command: &mut Command,
        door: Option<Door>,
        slash: bool,
    ) -> anyhow::Result<()> {
        command.env("HOME", self.folder.path());
        let agent = self.agent.as_ref().unwrap_or(&self.upstream);
        match door {
            Some(Door::Container) => {
                let endpoint = format!("http://{}/credentials", agent.address("container")?);
                command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint);
                let token = self.folder.path().join("web.token");
                command.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token);
            }
            Some(Door::Imds) | None => {
                let slash = if slash { "/" } else { "" };
                let endpoint = format!("http://{}{slash}", agent.address("imds")?);
                command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint);
            }
            Some(Door::Process) => {
                let file = self.folder.path().join("aws-config");
                let socket = self.folder.path().join("agent.sock");
                let (binary, socket) = (self.binary.display(), socket.display());
                let line = format!("credential_process = {binary} credentials --socket {socket}\n");
                std::fs::write(&file, format!("[profile agent]\n{line}"))?;
                command.env("AWS_CONFIG_FILE", file).env("AWS_PROFILE", "agent");
            }
        }
        Ok(())
    }

    /// An answer at a door: its status and its body. `TOKEN` in the request is
    /// the consumer's.
    pub(super) fn ask(&self, door: Door, request: &str) -> anyhow::Result<(u16, String)> {
        let agent = self.agent.as_ref().context("no agent")?;
        let token = std::fs::read_to_string(self.folder.path().join("web.token"))?;
        raw(agent.address(door.name())?, &request.replace("TOKEN", &token), "")
    }

    /// Puts faults in force at the service; an empty text ends them.
    pub(super) fn set_faults(&self, faults: &str) -> anyhow::Result<()> {
        let head =
            format!("PUT /faults HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}", faults.len());
        match raw(self.upstream.address("control")?, &head, faults)? {
            (200, _) => Ok(()),
            (status, body) => bail!("the emulator answered {status} to {faults:?}: {body}"),
        }
    }

    /// Requests that the agent answered from memory.
    pub(super) fn calls_at_agent(&self) -> anyhow::Result<u64> {
        self.status()?["answered_from_memory"].as_u64().context("the agent's status")
    }

    /// Requests that the service saw.
    pub(super) fn calls_upstream(&self) -> anyhow::Result<usize> {
        Ok(self.upstream_log()?.lines().count())
    }

    /// How often the service was asked for credentials.
    pub(super) fn fetches(&self) -> anyhow::Result<usize> {
        Ok(self.upstream_log()?.matches("/security-credentials/app-role\"").count())
    }

    fn upstream_log(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(self.folder.path().join("upstream")).context("the emulator's log")
    }

    fn status(&self) -> anyhow::Result<serde_json::Value> {
        let mut command = Command::new(&self.binary);
        command.args(["status", "--json", "--socket"]).arg(self.folder.path().join("agent.sock"));
        let output = command.output().context("the agent's status")?;
        serde_json::from_slice(&output.stdout).context("the agent's status")
    }

    fn wait_until_ready(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.agent.is_some() && self.status()?["roles"][0]["standing"] != "good" {
            if begun.elapsed() > READY_TIME_MAX {
                bail!("the agent got no credentials: {}", self.status()?);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

fn configuration(folder: &Path, upstream: &str, imds: &str) -> String {
    let folder = folder.display();
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
listen = [\"{imds}\"]
role = \"app\"
[process]
socket = \"{folder}/agent.sock\"
"
    )
}

/// A process that ends with this.
struct Process {
    child: Child,
    /// What it announced: a name and an address each.
    announced: Vec<(String, String)>,
}

impl Process {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        command.env("HOTSPAN_LOG", "error").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
        let out = child.stdout.as_mut().context("its output")?;
        let mut announced = Vec::new();
        let mut is_ready = false;
        for line in BufReader::new(out).lines() {
            let line = line?;
            is_ready = line == "ready";
            if is_ready {
                break;
            }
            if let Some((name, address)) = line.split_once(" http://") {
                announced.push((name.to_owned(), address.to_owned()));
            }
        }
        let started = Self { child, announced };
        if is_ready { Ok(started) } else { bail!("{command:?} ended at once, see above") }
    }

    fn address(&self, name: &str) -> anyhow::Result<&str> {
        let found = self.announced.iter().find(|(announced, _)| announced == name);
        Ok(&found.with_context(|| format!("nothing announced {name}"))?.1)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn raw(address: &str, head: &str, body: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "{head}\r\nConnection: close\r\n\r\n{body}")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("an answer without an end")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.context("an answer without a status")?, body.to_owned()))
}
