//! A host for tests: an emulated metadata service, an agent beside it, and
//! ways to ask both.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What the emulator hands out.
pub(crate) const SECRETS: [&str; 2] =
    ["EmulatedByHotspan/NotARealSecretKey+0000", "IQoJb3JpZ2luX2VjEEmulatedByHotspanNotAReal"];
pub(crate) const KEY_ID: &str = "ASIAEMULATED00000000";
/// Long enough for a slow machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(90);

/// A process that is ended with this.
pub(crate) struct Process {
    pub(crate) child: Child,
    /// What it announced: a name and an address each.
    announced: Vec<(String, String)>,
}

impl Process {
    /// Starts the program and reads what it announces.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let lines = BufReader::new(child.stdout.as_mut().expect("piped")).lines();
        let announced = lines
            .map(|line| line.expect("text"))
            .take_while(|line| line != "ready")
            .filter_map(|line| {
                let (name, address) = line.split_once(" http://")?;
                Some((name.to_owned(), address.to_owned()))
            })
            .collect();
        Self { child, announced }
    }

    /// The first address that was announced under `name`.
    pub(crate) fn address(&self, name: &str) -> &str {
        let found = self.announced.iter().find(|(announced, _)| announced == name);
        &found.unwrap_or_else(|| panic!("{name} in {:?}", self.announced)).1
    }

    /// All addresses that were announced under `name`.
    pub(crate) fn addresses(&self, name: &str) -> Vec<&str> {
        let found = self.announced.iter().filter(|(announced, _)| announced == name);
        found.map(|(_, address)| address.as_str()).collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().expect("kill").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is gone already when a test ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts an emulated metadata service; `listen` is `127.0.0.1:0` for any port.
pub(crate) fn upstream(listen: &str, log: &Path, arguments: &[&str]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
    let role: &[&str] = if arguments.contains(&"--role") { &[] } else { &["--role", "app-role"] };
    command.args(["imds", "--listen", listen, "--v1", "off"]).args(role).arg("--log");
    command.arg(log).args(arguments).stderr(Stdio::null());
    Process::start(command)
}

/// An agent and the metadata service that it asks.
pub(crate) struct Host {
    pub(crate) folder: TempDir,
    pub(crate) upstream: Option<Process>,
    pub(crate) agent: Process,
    upstream_address: String,
}

impl Host {
    /// All doors, one role.
    pub(crate) fn start() -> Self {
        Self::with(&[], "")
    }

    /// `upstream_arguments` go to the emulator; `more` to the end of the configuration.
    pub(crate) fn with(upstream_arguments: &[&str], more: &str) -> Self {
        Self::build(upstream_arguments, "", "", more, &[])
    }

    /// With more in the agent's environment.
    pub(crate) fn with_environment(more: &str, environment: &[(&str, &Path)]) -> Self {
        Self::build(&[], "", "", more, environment)
    }

    /// With other settings of the metadata door.
    pub(crate) fn with_imds(imds: &str) -> Self {
        Self::build(&[], "", imds, "", &[])
    }

    /// With settings at the top of the file, of the metadata door, and at the
    /// end. The agent's user can read it.
    pub(crate) fn with_top(top: &str, imds: &str, more: &str) -> Self {
        Self::build(&[], top, imds, more, &[])
    }

    fn build(
        upstream_arguments: &[&str],
        top: &str,
        imds: &str,
        more: &str,
        environment: &[(&str, &Path)],
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let service =
            upstream("127.0.0.1:0", &folder.path().join("upstream.jsonl"), upstream_arguments);
        let upstream_address = service.address("imds").to_owned();
        let file = folder.path().join("agent.toml");
        let text = configuration(folder.path(), &upstream_address, imds, more);
        write_private(&file, &format!("{top}\n{text}"));
        if !top.is_empty() {
            open_to_all(folder.path(), 0o755);
            open_to_all(&file, 0o644);
        }
        let agent = start_agent(folder.path(), &file, environment);
        Self { folder, upstream: Some(service), agent, upstream_address }
    }

    /// Before an upstream that the test has started.
    pub(crate) fn before(upstream: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("agent.toml");
        write_private(&file, &configuration(folder.path(), upstream, "", ""));
        let agent = start_agent(folder.path(), &file, &[]);
        Self { folder, upstream: None, agent, upstream_address: upstream.to_owned() }
    }

    /// Ends upstream and starts it anew at the same address.
    pub(crate) fn replace_upstream(&mut self, arguments: &[&str]) {
        self.upstream = None;
        self.upstream =
            Some(upstream(&self.upstream_address, &self.file("upstream.jsonl"), arguments));
    }

    /// Ends the agent with no warning and starts it anew at the same addresses.
    pub(crate) fn crash_agent(&mut self) {
        let fixed = self.configuration_with_addresses();
        self.agent.child.kill().expect("to kill");
        self.agent.child.wait().expect("it ends");
        write_private(&self.file("agent.toml"), &fixed);
        self.agent = start_agent(self.folder.path(), &self.file("agent.toml"), &[]);
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.file("web.token")).expect("the token")
    }

    /// A request as it is written, to the door of this name.
    pub(crate) fn raw(&self, door: &str, request: &str) -> Answer {
        raw(self.agent.address(door), request)
    }

    /// A lookup at the container door.
    pub(crate) fn container(&self) -> Answer {
        let token = self.token();
        self.raw(
            "container",
            &format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}"),
        )
    }

    /// A session at the metadata door.
    pub(crate) fn session(&self) -> String {
        let answer = self.raw(
            "imds",
            "PUT /latest/api/token HTTP/1.1\nHost: 127.0.0.1\nX-aws-ec2-metadata-token-ttl-seconds: 21600",
        );
        assert_eq!(answer.status, 200);
        answer.body
    }

    /// A `GET` at the metadata door.
    pub(crate) fn metadata(&self, path: &str, session: &str) -> Answer {
        self.raw(
            "imds",
            &format!("GET {path} HTTP/1.1\nHost: 127.0.0.1\nX-aws-ec2-metadata-token: {session}"),
        )
    }

    /// A command of the agent, with its socket.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
        command.args(arguments).arg("--socket").arg(self.file("agent.sock"));
        command.env_remove("HOTSPAN_LOG").output().expect("the binary starts")
    }

    pub(crate) fn status(&self) -> serde_json::Value {
        let output = self.command(&["status", "--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Waits until `is_so` of the status of the role.
    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) {
        self.wait_for_status(what, |status| is_so(&status["roles"][0]));
    }

    /// Waits until `is_so` of the status.
    pub(crate) fn wait_for_status(&self, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.status()) {
            assert!(begun.elapsed() < PATIENCE, "{what}: {}", self.status());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the agent's log has said `text` so often.
    pub(crate) fn wait_for_log(&self, text: &str, times: usize) {
        let begun = Instant::now();
        let log = || std::fs::read_to_string(self.file("agent.log")).expect("the log");
        while log().matches(text).count() < times {
            assert!(begun.elapsed() < PATIENCE, "{text} in {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the agent has credentials.
    pub(crate) fn ready(self) -> Self {
        self.wait_for("good", |role| role["standing"] == "good");
        self
    }

    /// Paths that upstream was asked for, in their order.
    pub(crate) fn asked(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.file("upstream.jsonl")).expect("the log");
        let line = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
        text.lines().map(|text| line(text)["path"].as_str().expect("a path").to_owned()).collect()
    }

    /// How often upstream was asked for credentials.
    pub(crate) fn fetches(&self) -> usize {
        self.asked().iter().filter(|path| path.ends_with("/security-credentials/app-role")).count()
    }

    fn configuration_with_addresses(&self) -> String {
        let text = std::fs::read_to_string(self.file("agent.toml")).expect("the configuration");
        ["container", "imds", "metrics"]
            .iter()
            .fold(text, |text, door| text.replacen("127.0.0.1:0", self.agent.address(door), 1))
    }
}

fn configuration(folder: &Path, upstream: &str, imds: &str, more: &str) -> String {
    let folder = folder.display();
    format!(
        "state_dir = \"{folder}/state\"
[[role]]
name = \"app\"
source = \"instance\"
endpoint = \"http://{upstream}\"
[container]
listen = [\"127.0.0.1:0\", \"[::1]:0\"]
[[container.consumer]]
name = \"web\"
role = \"app\"
token_file = \"{folder}/web.token\"
[imds]
listen = [\"127.0.0.1:0\"]
role = \"app\"
deny = [\"user-data\"]
{imds}
[metrics]
listen = \"127.0.0.1:0\"
[process]
socket = \"{folder}/agent.sock\"
[audit]
file = \"{folder}/audit.jsonl\"
{more}"
    )
}

fn start_agent(folder: &Path, configuration: &Path, environment: &[(&str, &Path)]) -> Process {
    let errors = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("agent.log"))
        .expect("the log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
    command.args(["run", "--config"]).arg(configuration);
    // Everything that there is to say, and what would mislead an SDK.
    command.env("HOTSPAN_LOG", "trace").stderr(errors);
    for (name, value) in [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
        ("AWS_ACCESS_KEY_ID", "AKIAINHERITED0000000"),
        ("AWS_SECRET_ACCESS_KEY", "inherited"),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("http_proxy", "http://127.0.0.1:1"),
    ] {
        command.env(name, value);
    }
    command.envs(environment.iter().copied());
    Process::start(command)
}

pub(crate) fn write_private(path: &Path, text: &str) {
    let mut options = std::fs::File::options();
    options.create(true).write(true).truncate(true).mode(0o600);
    let mut file = options.open(path).expect("to open");
    file.write_all(text.as_bytes()).expect("to write");
}

fn open_to_all(path: &Path, mode: u32) {
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, permissions).expect("to open");
}

/// Says why something was not tried.
#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// Whether this is root, who alone can be somebody else. Says so when it is not.
pub(crate) fn is_root(what: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skipped(&format!("{what} needs root"));
    }
    is_root
}

/// Waits until `is_so`.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Copies a program so that it can be started at once. By another process: a
/// file that this one writes may be open in a child that a test beside this one
/// is just starting, and such a file cannot be run.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg(from).arg(to).status().expect("cp");
    assert!(copied.success());
}

/// An answer over HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Sends a request with `Connection: close` and takes all that comes.
pub(crate) fn raw(address: &str, request: &str) -> Answer {
    raw_with(address, request, "")
}

/// The same with a body.
pub(crate) fn raw_with(address: &str, request: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("to connect");
    let head = request.replace('\n', "\r\n");
    let request = format!("{head}\r\nConnection: close\r\n\r\n{body}");
    // A server that has heard enough closes, or resets what is left.
    let _ = stream.write_all(request.as_bytes());
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
