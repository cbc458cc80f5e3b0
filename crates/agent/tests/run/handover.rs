//! A service manager holds the sockets: whatever becomes of the agent, callers
//! wait in them and are answered by the next one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::host::{upstream, write_private};

/// Opens two sockets, prints the port of the first, and starts the agent with
/// both again and again, as systemd does. Prints the id of each.
const MANAGER: &str = "
import os, signal, socket, sys
program, config, path, template = sys.argv[1:]
tcp = socket.create_server(('127.0.0.1', 0), backlog=1024)
unix = socket.socket(socket.AF_UNIX); unix.bind(path); unix.listen(1024)
port = tcp.getsockname()[1]
with open(config, 'w') as file: file.write(open(template).read().replace('PORT', str(port)))
os.chmod(config, 0o600)
print(port, flush=True)
child = None
def end(*_):
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
    os._exit(0)
while True:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        a, b = os.dup(tcp.fileno()), os.dup(unix.fileno())
        a, b = os.dup2(a, 103), os.dup2(b, 104)
        os.dup2(103, 3); os.dup2(104, 4)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2')
        os.dup2(os.open('/dev/null', os.O_WRONLY), 1); os.dup2(1, 2)
        os.execv(program, [program, 'run', '--config', config])
    signal.signal(signal.SIGTERM, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    print(child, flush=True)
    os.waitpid(child, 0)
";

const CALLERS: usize = 4;

struct Manager(Child);

impl Drop for Manager {
    fn drop(&mut self) {
        // It ends the agent, too; gone already when the test went well.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn no_caller_is_refused_while_the_agent_is_started_anew() {
    if !Command::new("python3").arg("--version").output().is_ok_and(|out| out.status.success()) {
        // There is nothing else here that holds sockets for others.
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let service = upstream("127.0.0.1:0", &folder.path().join("upstream.jsonl"), &[]);
    let template = folder.path().join("template");
    write_private(&template, &configuration(folder.path(), service.address("imds")));
    let mut manager = start(folder.path(), &template);
    let mut lines = BufReader::new(manager.0.stdout.take().expect("piped")).lines();
    let mut number =
        || -> u32 { lines.next().expect("a line").expect("text").parse().expect("a number") };
    let port = u16::try_from(number()).expect("a port");
    let mut agent = number();
    let token = wait_for_token(folder.path());

    let calls = Calls::default();
    std::thread::scope(|scope| {
        let _stop = StopAtEnd(&calls);
        for _ in 0..CALLERS {
            scope.spawn(|| calls.call(port, &token));
        }
        // Planned first, then without warning.
        for (signal, broken_max) in [("TERM", 0), ("TERM", 0), ("KILL", CALLERS), ("KILL", CALLERS)]
        {
            calls.wait_for_more();
            let before = calls.broken.load(Ordering::Relaxed);
            signal_to(agent, signal);
            agent = number();
            calls.wait_for_more();
            // A request that is being answered dies with the agent; nothing else does.
            let broken = calls.broken.load(Ordering::Relaxed) - before;
            assert!(broken <= broken_max, "{signal}: {broken} requests broke off");
        }
    });
    let socket = folder.path().join("agent.sock");
    let mut credentials = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
    credentials.args(["credentials", "--socket"]).arg(&socket);
    assert!(credentials.output().expect("it starts").status.success());
    drop(manager);
    assert!(socket.exists(), "the file is the manager's");
}

fn configuration(folder: &Path, upstream: &str) -> String {
    let folder = folder.display();
    format!(
        "[[role]]\nname = \"app\"\nsource = \"instance\"\nendpoint = \"http://{upstream}\"\n[container]\nlisten = [\"127.0.0.1:PORT\"]\n[[container.consumer]]\nname = \"web\"\nrole = \"app\"\ntoken_file = \"{folder}/web.token\"\n[process]\nsocket = \"{folder}/agent.sock\"\n"
    )
}

fn start(folder: &Path, template: &Path) -> Manager {
    let mut command = Command::new("python3");
    command.args(["-c", MANAGER, env!("CARGO_BIN_EXE_hotspan-agent")]);
    command.arg(folder.join("agent.toml")).arg(folder.join("agent.sock")).arg(template);
    Manager(command.stdout(Stdio::piped()).spawn().expect("it starts"))
}

/// What callers count, and whether they are to go on.
#[derive(Default)]
struct Calls {
    stop: AtomicBool,
    answered: AtomicUsize,
    broken: AtomicUsize,
}

/// Ends the callers when a check fails, so that the test ends too.
struct StopAtEnd<'a>(&'a Calls);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

impl Calls {
    /// Asks until told to stop, a connection each. Connecting never fails; an
    /// answer may break off. 503 is the answer of an agent that has just begun.
    fn call(&self, port: u16, token: &str) {
        while !self.stop.load(Ordering::Relaxed) {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("never refused");
            let request = format!(
                "GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
            );
            let mut answer = String::new();
            let sent = stream.write_all(request.as_bytes());
            let read = stream.read_to_string(&mut answer);
            if sent.is_err() || read.is_err() || answer.is_empty() {
                self.broken.fetch_add(1, Ordering::Relaxed);
            } else {
                let status = answer.get(..12).unwrap_or_default();
                assert!(["HTTP/1.1 200", "HTTP/1.1 503"].contains(&status), "{answer}");
                self.answered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn wait_for_more(&self) {
        let begun = Instant::now();
        let wanted = self.answered.load(Ordering::Relaxed) + 20;
        while self.answered.load(Ordering::Relaxed) < wanted {
            assert!(begun.elapsed() < Duration::from_secs(60), "no answers");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn wait_for_token(folder: &Path) -> String {
    let begun = Instant::now();
    loop {
        if let Ok(token) = std::fs::read_to_string(folder.join("web.token")) {
            return token;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no token");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal_to(id: u32, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &id.to_string()]).status();
    assert!(sent.expect("kill").success());
}
