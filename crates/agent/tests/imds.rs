//! The emulator as its users start it: arguments, what it prints, the request
//! log, how it stops, and that no secret leaves it but in answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use hotspan_testkit::leak::leaks;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1";
/// What the emulator hands out.
const SECRETS: [&str; 2] =
    ["EmulatedByHotspan/NotARealSecretKey+0000", "IQoJb3JpZ2luX2VjEEmulatedByHotspanNotAReal"];

struct Emulator {
    process: Child,
    address: String,
}

impl Emulator {
    fn start(arguments: &[&str]) -> Self {
        let mut process = command(arguments)
            .env("HOTSPAN_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(process.stdout.as_mut().expect("piped")).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        let address = line().strip_prefix("imds http://").expect("the address").to_owned();
        assert_eq!(line(), "ready");
        Self { process, address }
    }

    fn ask(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("to connect");
        let head = head.replace('\n', "\r\n");
        write!(stream, "{head}\r\nHost: 169.254.169.254\r\n\r\n").expect("to send");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Ends it as a service manager does; returns what it wrote to standard error.
    fn stop(mut self) -> (ExitStatus, String) {
        let signalled =
            Command::new("kill").arg(self.process.id().to_string()).status().expect("kill runs");
        assert!(signalled.success());
        let status = self.process.wait().expect("it ends");
        let mut errors = String::new();
        let mut stderr = self.process.stderr.take().expect("piped");
        stderr.read_to_string(&mut errors).expect("text");
        (status, errors)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It is gone already when the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
    command.arg("imds").args(arguments);
    command
}

fn refused(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary starts")
}

fn log_lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).expect("the log");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_lookup_as_sdks_make_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("requests.jsonl");
    let log_path = log.to_str().expect("text");
    let emulator = Emulator::start(&[
        "--listen",
        "127.0.0.1:0",
        "--role",
        "app-role",
        "--v1",
        "off",
        "--log",
        log_path,
    ]);
    let answer = emulator.ask(&format!(
        "PUT /latest/api/token?secret=query-secret HTTP/1.1\nX-aws-ec2-metadata-token-ttl-seconds: 60\nUser-Agent: test/1\nsentry-trace: {TRACE}"
    ));
    let token = answer.rsplit("\r\n").next().expect("a body").to_owned();
    assert_eq!(token.len(), 56, "{answer}");
    let list = "/latest/meta-data/iam/security-credentials/";
    let role = emulator.ask(&format!("GET {list} HTTP/1.1\nX-aws-ec2-metadata-token: {token}"));
    assert!(role.ends_with("app-role"), "{role}");
    let found =
        emulator.ask(&format!("GET {list}app-role HTTP/1.1\nX-aws-ec2-metadata-token: {token}"));
    assert!(SECRETS.iter().all(|secret| found.contains(secret)), "{found}");
    let refused = emulator.ask(&format!("GET {list} HTTP/1.1"));
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");

    let (status, errors) = emulator.stop();
    assert!(status.success(), "{status}");
    let lines = log_lines(&log);
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            (text("method"), text("path"), line["status"].as_u64(), text("version"))
        })
        .collect();
    let row = |method: &str, path: &str, status, version: &str| {
        (method.to_owned(), path.to_owned(), Some(status), version.to_owned())
    };
    assert_eq!(
        seen,
        [
            row("PUT", "/latest/api/token", 200, "v2"),
            row("GET", list, 200, "v2"),
            row("GET", &format!("{list}app-role"), 200, "v2"),
            row("GET", list, 401, "v1"),
        ]
    );
    assert_eq!(lines[0]["trace_id"], TRACE[..32]);
    assert_eq!(lines[0]["user_agent"], "test/1");

    let log = std::fs::read(&log).expect("the log");
    assert!(errors.contains("security-credentials"), "trace level shows requests: {errors}");
    for (place, written) in [("request log", log), ("standard error", errors.into_bytes())] {
        let secrets = [SECRETS[0], SECRETS[1], &token, "query-secret"];
        assert_eq!(leaks(&written, &secrets), Vec::<String>::new(), "{place}");
    }
}

#[test]
fn the_log_can_only_be_read_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("requests.jsonl");
    let log_path = log.to_str().expect("text");
    let emulator = Emulator::start(&["--listen", "127.0.0.1:0", "--log", log_path]);
    let (status, _) = emulator.stop();
    assert!(status.success());
    let mode = std::fs::metadata(&log).expect("the log").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn credentials_expire_when_asked_to() {
    let emulator = Emulator::start(&["--listen", "127.0.0.1:0", "--expires-in", "-1h"]);
    let path = "/latest/meta-data/iam/security-credentials/emulated-role";
    let answer = emulator.ask(&format!("GET {path} HTTP/1.1"));
    let text_of = |name: &str| {
        let line = answer.lines().find(|line| line.contains(name)).expect(name);
        line.split('"').nth(3).expect("a text").to_owned()
    };
    assert!(text_of("\"Expiration\"") < text_of("\"LastUpdated\""), "{answer}");
}

#[test]
fn wrong_arguments_are_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "abc\n").expect("to write");
    let token = token.to_str().expect("text");
    for (arguments, remedy) in [
        (&["--listen", "0.0.0.0:0"][..], "--allow-any-address"),
        (&["--fault", "token=200"], "use swallow, reset, garbage or a status from 400 to 599"),
        (&["--fault", "role=503"], "use token, list or credentials"),
        (&["--latency", "20"], "write 20ms"),
        (&["--role", "a/b"], "1 to 64 letters"),
        (&["--log", "/nowhere/at/all"], "cannot be opened"),
        (&["--listen", "127.0.0.1:0", "--container-token-file", token], "without a newline"),
    ] {
        let output = refused(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(errors.contains(remedy), "{arguments:?}: {errors}");
    }
}
