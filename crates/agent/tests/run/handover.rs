//! A service manager holds the sockets: whatever becomes of the agent, callers
//! wait in them and are answered by the next one.
//!
//! The manager is the test, which keeps the sockets, and systemd's own
//! `systemd-socket-activate`, which hands them to the agent on the first
//! connection. It becomes the agent then and starts it only once, so the test
//! starts it anew.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::Ordering;

use crate::callers::{Caller, Counts, asking, wait_for_more};
use crate::host::{copy_program, raw, upstream, wait_until, write_private};

/// Moves the sockets from where a process can be given them to where it looks.
const START: &str = "
exec 3<&0 4<&1 5<&2 0</dev/null 1>/dev/null 2>>\"$1\"
shift
export LISTEN_PID=$$ LISTEN_FDS=3
exec systemd-socket-activate \"$@\"
";
const LIST: &str = "/latest/meta-data/iam/security-credentials/";
const AGENT: &str = env!("CARGO_BIN_EXE_hotspan-agent");

struct Manager {
    folder: PathBuf,
    container: TcpListener,
    imds: TcpListener,
    process: UnixListener,
    agent: Option<Child>,
}

impl Drop for Manager {
    fn drop(&mut self) {
        if let Some(agent) = &mut self.agent {
            // Gone already when the test went well.
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}

impl Manager {
    /// Opens the sockets and starts the agent with them.
    fn start(folder: &Path, upstream: &str) -> Self {
        let tcp = || TcpListener::bind("127.0.0.1:0").expect("a port");
        let process = UnixListener::bind(folder.join("agent.sock")).expect("a socket");
        let folder = folder.to_owned();
        let mut manager = Self { folder, container: tcp(), imds: tcp(), process, agent: None };
        write_private(&manager.folder.join("agent.toml"), &manager.configuration(upstream));
        manager.start_agent(Path::new(AGENT));
        manager
    }

    fn configuration(&self, upstream: &str) -> String {
        let folder = self.folder.display();
        let (container, imds) = (self.container(), self.imds());
        format!(
            "state_dir = \"{folder}/state\"\n[[role]]\nname = \"app\"\nsource = \"instance\"\nendpoint = \"http://{upstream}\"\n[container]\nlisten = [\"{container}\"]\n[[container.consumer]]\nname = \"web\"\nrole = \"app\"\ntoken_file = \"{folder}/web.token\"\n[imds]\nlisten = [\"{imds}\"]\nrole = \"app\"\n[process]\nsocket = \"{folder}/agent.sock\"\n"
        )
    }

    fn container(&self) -> SocketAddr {
        self.container.local_addr().expect("an address")
    }

    fn imds(&self) -> SocketAddr {
        self.imds.local_addr().expect("an address")
    }

    fn start_agent(&mut self, program: &Path) {
        let mut command = Command::new("sh");
        command.args(["-c", START, "sh"]).arg(self.folder.join("agent.log"));
        command.arg(program).args(["run", "--config"]).arg(self.folder.join("agent.toml"));
        let tcp = |socket: &TcpListener| OwnedFd::from(socket.try_clone().expect("a socket"));
        command.stdin(tcp(&self.container)).stdout(tcp(&self.imds));
        command.stderr(OwnedFd::from(self.process.try_clone().expect("a socket")));
        self.agent = Some(command.spawn().expect("it starts"));
    }

    /// Ends the agent with `signal` and starts another.
    fn restart(&mut self, signal: &str, program: &Path) {
        let agent = self.agent.as_mut().expect("an agent");
        let sent = Command::new("kill").args(["-s", signal, &agent.id().to_string()]).status();
        assert!(sent.expect("kill").success());
        let ended = agent.wait().expect("it ends");
        assert_eq!(ended.success(), signal == "TERM", "{signal}: {ended}: {}", self.log());
        self.start_agent(program);
    }

    /// The program that runs: it is one and the same process that systemd's was.
    fn program(&self) -> String {
        let id = self.agent.as_ref().expect("an agent").id();
        let line = std::fs::read_to_string(format!("/proc/{id}/cmdline")).expect("the agent runs");
        line.split('\0').next().unwrap_or_default().to_owned()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default()
    }

    fn ask_container(&self, token: &str) -> u16 {
        let request = format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}");
        raw(&self.container().to_string(), &request).status
    }

    fn ask_imds(&self, session: &str) -> u16 {
        let request =
            format!("GET {LIST} HTTP/1.1\nHost: 127.0.0.1\nX-aws-ec2-metadata-token: {session}");
        raw(&self.imds().to_string(), &request).status
    }

    /// A session, which is what starts the agent, and the token that it made.
    fn tickets(&self) -> (String, String) {
        let request = "PUT /latest/api/token HTTP/1.1\nHost: 127.0.0.1\nX-aws-ec2-metadata-token-ttl-seconds: 21600";
        let answer = raw(&self.imds().to_string(), request);
        assert_eq!(answer.status, 200, "{}", self.log());
        let token = std::fs::read_to_string(self.folder.join("web.token")).expect("the token");
        (token, answer.body)
    }

    fn credentials(&self) -> bool {
        let mut command = Command::new(AGENT);
        command.args(["credentials", "--socket"]).arg(self.folder.join("agent.sock"));
        command.output().expect("it starts").status.success()
    }
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
fn is_skipped() -> bool {
    let found = Command::new("systemd-socket-activate").arg("--version").output();
    let is_missing = !found.is_ok_and(|output| output.status.success());
    if is_missing {
        println!("skipped: restarts under a service manager: no systemd-socket-activate here");
    }
    is_missing
}

#[test]
fn no_caller_is_refused_while_the_agent_is_started_anew() {
    if is_skipped() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let service = upstream("127.0.0.1:0", &folder.path().join("upstream.jsonl"), &[]);
    let mut manager = Manager::start(folder.path(), service.address("imds"));
    let (token, session) = manager.tickets();
    let next = folder.path().join("hotspan-agent-next");
    copy_program(Path::new(AGENT), &next);
    let callers = callers(&manager, &token, &session);

    asking(&callers, || {
        // A restart, an upgrade, and no warning.
        for (signal, program) in [
            ("TERM", Path::new(AGENT)),
            ("TERM", &next),
            ("KILL", &next),
            ("KILL", Path::new(AGENT)),
        ] {
            wait_for_more(&callers);
            let broken = |caller: &Caller| caller.counts.broken.load(Ordering::Relaxed);
            let before: Vec<_> = callers.iter().map(broken).collect();
            manager.restart(signal, program);
            wait_for_more(&callers);
            assert_eq!(Path::new(&manager.program()), program);
            assert!(manager.credentials(), "{signal}: at the process door");
            // A request that is being answered dies with the agent; no other does.
            let broken_max = usize::from(signal == "KILL");
            for (caller, before) in callers.iter().zip(before) {
                let broken = broken(caller) - before;
                assert!(broken <= broken_max, "{signal}: {}: {:?}", caller.name, caller.counts);
            }
        }
    });
    drop(manager);
    assert!(folder.path().join("agent.sock").exists(), "the file is the manager's");
}

/// At both doors, with a connection for all requests and with one for each.
fn callers(manager: &Manager, token: &str, session: &str) -> [Caller; 4] {
    let container =
        format!("GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}");
    let imds =
        format!("GET {LIST} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-aws-ec2-metadata-token: {session}");
    let caller = |name, address, request: &str, keeps| Caller {
        name,
        address,
        request: request.to_owned(),
        keeps,
        counts: Counts::default(),
    };
    [
        caller("container, a connection each", manager.container(), &container, false),
        caller("container, one connection", manager.container(), &container, true),
        caller("imds, a connection each", manager.imds(), &imds, false),
        caller("imds, one connection", manager.imds(), &imds, true),
    ]
}

#[test]
fn a_crash_while_upstream_is_down_too() {
    if is_skipped() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("upstream.jsonl");
    let service = upstream("127.0.0.1:0", &log, &[]);
    let address = service.address("imds").to_owned();
    let mut manager = Manager::start(folder.path(), &address);
    let (token, session) = manager.tickets();
    wait_until("it has credentials", || manager.ask_container(&token) == 200);

    drop(service);
    manager.restart("KILL", Path::new(AGENT));
    let asked = [manager.ask_container(&token), manager.ask_imds(&session)];
    assert_eq!(asked, [503, 503], "{}", manager.log());
    assert!(!manager.credentials());

    let _service = upstream(&address, &log, &[]);
    wait_until("upstream is back", || manager.ask_container(&token) == 200);
    assert_eq!(manager.ask_imds(&session), 200);
    assert!(manager.credentials());
    let agent = manager.agent.as_mut().expect("an agent");
    assert!(agent.try_wait().expect("its state").is_none(), "it has not been started again");
}
