//! Who is let in at the TCP doors when rules say so, and who is told of: other
//! users, other namespaces, cgroups, and callers that nobody knows.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::host::{Host, KEY_ID, is_root, skipped, wait_until};

const LIST: &str = "/latest/meta-data/iam/security-credentials/";
const OTHER: u32 = 4_711;

/// Somebody who asks.
enum Who {
    /// This test, which is root.
    Root,
    /// A user.
    User(u32),
    /// A user who is root in a namespace of its own.
    Contained(u32),
    /// Root, in a cgroup.
    In(PathBuf),
}

/// Has a shell of somebody's send a request; what it got, or none when there
/// are no namespaces to be had.
fn ask(who: &Who, address: &str, request: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':').expect("a port");
    let request =
        format!("{request}\nHost: 127.0.0.1\nConnection: close\n\n").replace('\n', "\r\n");
    // A reader that stays until all has come holds the socket open.
    let script = "exec 3<>\"/dev/tcp/$0/$1\"; printf %s \"$2\" >&3; cat <&3";
    let shell = ["bash", "-c", script, host, port, &request];
    let mut command = match who {
        Who::Root => Command::new("env"),
        Who::User(uid) => {
            let mut command = Command::new("env");
            command.uid(*uid);
            command
        }
        Who::Contained(uid) => {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-root-user"]).uid(*uid);
            command
        }
        Who::In(cgroup) => {
            let mut command = Command::new("bash");
            command.args(["-c", "echo $$ >\"$0/cgroup.procs\"; exec \"$@\""]).arg(cgroup);
            command
        }
    };
    let output = command.args(shell).current_dir("/").output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    if status.is_none() && matches!(who, Who::Contained(_)) {
        skipped(&format!("a user namespace cannot be had: {output:?}"));
        return None;
    }
    assert!(status.is_some(), "{output:?}");
    status
}

/// A cgroup for this test, if this machine gives one.
struct OwnCgroup {
    folder: PathBuf,
    path: String,
}

impl OwnCgroup {
    fn make() -> Option<Self> {
        let unified = Path::new("/sys/fs/cgroup/unified");
        let root = if unified.is_dir() { unified } else { Path::new("/sys/fs/cgroup") };
        let name = format!("hotspan-test-{}", std::process::id());
        let folder = root.join(&name);
        if let Err(error) = std::fs::create_dir(&folder) {
            skipped(&format!("a cgroup cannot be had: {error}"));
            return None;
        }
        let own = Self { folder, path: format!("/{name}") };
        own.folder.join("cgroup.procs").exists().then_some(own)
    }
}

impl Drop for OwnCgroup {
    fn drop(&mut self) {
        // Busy for a moment after its last process has ended.
        wait_until("the cgroup is removed", || std::fs::remove_dir(&self.folder).is_ok());
    }
}

#[test]
fn who_is_let_in_at_the_metadata_door() {
    if !is_root("being somebody else") {
        return;
    }
    let own = OwnCgroup::make();
    let mut cases = vec![
        ("no rules", String::new(), Who::User(OTHER), true),
        ("nobody", "allow = []\n".to_owned(), Who::Root, false),
        ("the user", format!("[[imds.allow]]\nuid = {OTHER}\n"), Who::User(OTHER), true),
        ("another user", format!("[[imds.allow]]\nuid = {OTHER}\n"), Who::User(4_712), false),
        ("root is no exception", format!("[[imds.allow]]\nuid = {OTHER}\n"), Who::Root, false),
        ("root", "[[imds.allow]]\nuid = 0\n".to_owned(), Who::Root, true),
        (
            "root of a namespace is not this machine's",
            "[[imds.allow]]\nuid = 0\n".to_owned(),
            Who::Contained(OTHER),
            false,
        ),
        (
            "and is who it was before",
            format!("[[imds.allow]]\nuid = {OTHER}\n"),
            Who::Contained(OTHER),
            true,
        ),
    ];
    if let Some(OwnCgroup { folder, path }) = &own {
        let rule = format!("[[imds.allow]]\ncgroup = \"{path}\"\n");
        let longer = format!("[[imds.allow]]\ncgroup = \"{path}/below\"\n");
        let both = format!("[[imds.allow]]\nuid = {OTHER}\ncgroup = \"{path}\"\n");
        cases.extend([
            ("the cgroup", rule.clone(), Who::In(folder.clone()), true),
            ("another cgroup", rule, Who::Root, false),
            ("above the cgroup", longer, Who::In(folder.clone()), false),
            ("the cgroup, not the user", both, Who::In(folder.clone()), false),
        ]);
    }
    for (case, rules, who, is_let_in) in cases {
        let host = Host::with_imds(&rules).ready();
        let address = host.agent.address("imds");
        let session = host.session();
        let get = |path: &str| {
            ask(&who, address, &format!("GET {path} HTTP/1.1\nX-aws-ec2-metadata-token: {session}"))
        };
        let Some(list) = get(LIST) else { continue };
        assert_eq!(list, if is_let_in { 200 } else { 404 }, "{case}");
        let credentials = get(&format!("{LIST}app-role"));
        assert_eq!(credentials, Some(if is_let_in { 200 } else { 404 }), "{case}");
        let put = "PUT /latest/api/token HTTP/1.1\nX-aws-ec2-metadata-token-ttl-seconds: 60";
        assert_eq!(ask(&who, address, put), Some(200), "{case}: a session, always");
        assert_eq!(get("/latest/meta-data/instance-id"), Some(200), "{case}: other metadata");
    }
}

#[test]
fn who_may_use_a_token() {
    if !is_root("being somebody else") {
        return;
    }
    for (case, rules, who, status) in [
        ("the user", format!("allow = [{{ uid = {OTHER} }}]"), Who::User(OTHER), 200),
        ("another user", format!("allow = [{{ uid = {OTHER} }}]"), Who::User(4_712), 403),
        ("root", format!("allow = [{{ uid = {OTHER} }}]"), Who::Root, 403),
        ("nobody", "allow = []".to_owned(), Who::Root, 403),
        (
            "one of two",
            format!("allow = [{{ uid = 4712 }}, {{ uid = {OTHER} }}]"),
            Who::User(OTHER),
            200,
        ),
    ] {
        let host = Host::start().ready();
        let file = host.file("agent.toml");
        let text = std::fs::read_to_string(&file).expect("the configuration");
        std::fs::write(&file, text.replacen("[imds]", &format!("{rules}\n[imds]"), 1))
            .expect("to write");
        host.agent.signal("HUP");
        host.wait_for_log("the configuration was read anew", 1);
        let address = host.agent.address("container");
        let token = host.token();
        let request = format!("GET /credentials HTTP/1.1\nAuthorization: {token}");
        assert_eq!(ask(&who, address, &request), Some(status), "{case}");
        let wrong = "GET /credentials HTTP/1.1\nAuthorization: guessed-by-somebody-else";
        assert_eq!(ask(&who, address, wrong), Some(401), "{case}: without the token");
    }
}

#[test]
fn a_caller_that_is_gone_already_is_nobody() {
    let uid = nix::unistd::geteuid().as_raw();
    let rule = format!("[[imds.allow]]\nuid = {uid}\n");
    let host = Host::with_imds(&rule).ready();
    let session = host.session();
    assert_eq!(host.metadata(LIST, &session).status, 200, "while it is there");
    // It asks, hangs up, and only then is let in.
    host.agent.signal("STOP");
    let mut stream = TcpStream::connect(host.agent.address("imds")).expect("to connect");
    let request = format!(
        "GET {LIST}app-role HTTP/1.1\r\nHost: 127.0.0.1\r\nX-aws-ec2-metadata-token: {session}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("to send");
    drop(stream);
    host.agent.signal("CONT");
    wait_until("the lookup is told", || !audit(&host).is_empty());
    let lines = audit(&host);
    assert_eq!(lines[0]["answer"], "denied", "{lines:?}");
    assert_eq!(lines[0]["uid"], Value::Null, "not root: {lines:?}");
}

fn audit(host: &Host) -> Vec<Value> {
    let text = std::fs::read_to_string(host.file("audit.jsonl")).expect("the log");
    // The last line may not be whole yet.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn the_program_that_asked_is_told() {
    let own = std::env::current_exe().expect("a path");
    let own = own.to_str().expect("text");
    let uid = nix::unistd::geteuid().as_raw();
    let tops: &[&str] = if uid == 0 { &["", "user = \"daemon\""] } else { &[""] };
    for top in tops {
        let host = Host::with_top(top, "", "").ready();
        // On a machine that is very busy a look is given up; the next is as good.
        let mut rounds = 1;
        while !all_told(&host, own) {
            assert!(rounds < 20, "{top}: {:?}", audit(&host));
            rounds += 1;
        }
        let is_told =
            |row: &Value| row["program"] == own && row["uid"] == uid && row["denied"] == 0;
        let rows = || host.status()["callers"].as_array().expect("rows").clone();
        wait_until("a row", || rows().iter().any(is_told));
        wait_until("each lookup once", || {
            let counts = rows().into_iter().filter_map(|row| row["lookups"].as_u64());
            counts.sum::<u64>() == 3 * rounds
        });
        let table = String::from_utf8(host.command(&["status"]).stdout).expect("text");
        assert!(table.contains(own), "{table}");
    }
}

/// Asks three times on one connection; whether each line names this program.
fn all_told(host: &Host, own: &str) -> bool {
    let before = audit(host).len();
    let mut stream = TcpStream::connect(host.agent.address("container")).expect("to connect");
    let request = format!(
        "GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {}\r\n\r\n",
        host.token()
    );
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).expect("to send");
        let mut answer = [0; 8_192];
        let length = stream.read(&mut answer).expect("an answer");
        assert!(String::from_utf8_lossy(&answer[..length]).contains(KEY_ID));
    }
    wait_until("three lines", || audit(host).len() == before + 3);
    let lines = audit(host).split_off(before);
    let is_own = |line: &Value| line["pid"] == std::process::id() && line["program"] == own;
    let is_unknown = |line: &Value| line.get("pid").is_none() && line.get("program").is_none();
    assert!(lines.iter().all(|line| is_own(line) || is_unknown(line)), "{lines:?}");
    lines.iter().all(is_own)
}
