//! Callers that are not this machine's, though they reach an address of it: from
//! another network namespace, as from a container or from the next machine. And
//! callers that are gone before they are looked at.

use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use crate::host::{Host, KEY_ID, Process, skipped, wait_until, write_private};

const CONTAINER: &str = "127.0.0.1 9911";
const IMDS: &str = "127.0.0.1 9912";
const METADATA: &str = "169.254.169.254 80";
const METRICS: &str = "127.0.0.1 9913";
/// Servers that look at nobody, to show that there is a way.
const OPEN_LOOPBACK: &str = "127.0.0.1 1338";
const OPEN_METADATA: &str = "169.254.169.254 1338";

/// Two network namespaces with a wire between them: a host whose loopback can be
/// reached through its neighbour's wire, as it can with `route_localnet`, which
/// proxies for containers set. Nothing of the machine itself is touched.
struct Namespaces {
    host: String,
    neighbour: String,
}

impl Namespaces {
    fn new() -> Result<Self, String> {
        let id = std::process::id();
        let made = Self { host: format!("hotspan-{id}-h"), neighbour: format!("hotspan-{id}-n") };
        let Self { host, neighbour } = &made;
        for line in [
            format!("netns add {host}"),
            format!("netns add {neighbour}"),
            format!("-n {host} link add wire type veth peer name wire netns {neighbour}"),
            format!("-n {host} addr add 10.203.0.1/30 dev wire"),
            format!("-n {host} addr add 169.254.169.254/32 dev lo"),
            format!("-n {host} link set lo up"),
            format!("-n {host} link set wire up"),
            format!("-n {neighbour} addr add 10.203.0.2/30 dev wire"),
            format!("-n {neighbour} link set wire up"),
            format!("netns exec {host} sysctl -qw net.ipv4.conf.all.route_localnet=1"),
            format!("netns exec {neighbour} sysctl -qw net.ipv4.conf.all.route_localnet=1"),
            // Its own loopback was never up, so that these lead over the wire.
            format!("-n {neighbour} route add 127.0.0.1/32 via 10.203.0.1 src 10.203.0.2"),
            format!("-n {neighbour} route add 169.254.169.254/32 via 10.203.0.1"),
        ] {
            ip(&line)?;
        }
        Ok(made)
    }

    fn command(namespace: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, program]);
        command
    }

    /// What a `GET` from a namespace gets, whole; nothing when it gets nothing.
    fn ask(namespace: &str, address: &str, path: &str, more: &str) -> String {
        let (ip, port) = address.split_once(' ').expect("two");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {ip}\r\n{more}Connection: close\r\n\r\n");
        let script = "exec 3<>/dev/tcp/$0/$1 && printf %s \"$2\" >&3 && cat <&3";
        let mut command = Self::command(namespace, "timeout");
        command.args(["20", "bash", "-c", script, ip, port, &request]);
        let output = command.stderr(Stdio::null()).output().expect("it starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for namespace in [&self.host, &self.neighbour] {
            // One that was not made is not there.
            let _ = ip(&format!("netns del {namespace}"));
        }
    }
}

fn ip(line: &str) -> Result<(), String> {
    let output = Command::new("ip").args(line.split(' ')).output();
    match output {
        Ok(Output { status, .. }) if status.success() => Ok(()),
        Ok(output) => Err(format!("ip {line}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("ip: {error}; it is in Debian's iproute2")),
    }
}

fn open_server(namespace: &str, address: &str) -> Process {
    let mut command = Namespaces::command(namespace, env!("CARGO_BIN_EXE_hotspan-agent"));
    let listen = address.replace(' ', ":");
    command.args(["imds", "--role", "app-role", "--allow-any-address", "--listen", &listen]);
    Process::start(command)
}

#[test]
fn another_network_namespace_reaches_the_addresses_and_gets_nothing() {
    let namespaces = match Namespaces::new() {
        Ok(namespaces) => namespaces,
        Err(why) => {
            skipped(&format!("another network namespace: {why}"));
            return;
        }
    };
    let Namespaces { host, neighbour } = &namespaces;
    let _open = [open_server(host, OPEN_LOOPBACK), open_server(host, OPEN_METADATA)];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agent.toml");
    write_private(&file, &configuration(&folder.path().display().to_string()));
    let mut command = Namespaces::command(host, env!("CARGO_BIN_EXE_hotspan-agent"));
    command.args(["run", "--config"]).arg(&file);
    let _agent = Process::start(command);
    wait_until("ready", || Namespaces::ask(host, METRICS, "/readyz", "").contains(" 200 "));

    let token = std::fs::read_to_string(folder.path().join("web.token")).expect("the token");
    let right = format!("Authorization: {token}\r\n");
    let role = "/latest/meta-data/iam/security-credentials/app-role";
    for (case, address, path, more, is_open) in [
        ("who looks at nobody, on loopback", OPEN_LOOPBACK, role, "", true),
        ("who looks at nobody, at the metadata address", OPEN_METADATA, role, "", true),
        ("the container door", CONTAINER, "/credentials", right.as_str(), false),
        ("the imds door on loopback", IMDS, role, "", false),
        ("the imds door at the metadata address", METADATA, role, "", false),
        ("the metrics", METRICS, "/metrics", "", false),
    ] {
        let near = Namespaces::ask(host, address, path, more);
        assert!(near.starts_with("HTTP/1.1 200 "), "{case}, from the host: {near}");
        let far = Namespaces::ask(neighbour, address, path, more);
        if is_open {
            assert!(far.contains(KEY_ID), "{case}: the addresses can be reached: {far}");
        } else {
            assert_eq!(far, "", "{case}, from the neighbour");
        }
    }
}

fn configuration(folder: &str) -> String {
    let address = |door: &str| door.replace(' ', ":");
    format!(
        "state_dir = \"{folder}/state\"
[[role]]
name = \"app\"
source = \"instance\"
endpoint = \"http://{}\"
[container]
listen = [\"{}\"]
[[container.consumer]]
name = \"web\"
role = \"app\"
token_file = \"{folder}/web.token\"
[imds]
listen = [\"{}\", \"{}\"]
role = \"app\"
v1 = true
[metrics]
listen = \"{}\"
",
        address(OPEN_LOOPBACK),
        address(CONTAINER),
        address(IMDS),
        address(METADATA),
        address(METRICS),
    )
}

/// The kernel says user 0 of a socket that nobody holds any more.
#[test]
fn a_caller_that_has_gone_is_nobody() {
    let host = Host::start().ready();
    let token = host.token();
    // So that it is gone before the agent can look.
    host.agent.signal("STOP");
    let mut stream = TcpStream::connect(host.agent.address("container")).expect("to connect");
    let request =
        format!("GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("to send");
    drop(stream);
    host.agent.signal("CONT");
    let audit = || std::fs::read_to_string(host.file("audit.jsonl")).unwrap_or_default();
    wait_until("the lookup is told", || audit().contains("given"));
    let line: serde_json::Value = serde_json::from_str(audit().trim()).expect("one line");
    assert_eq!(line["consumer"], "web", "it had the token: {line}");
    assert_eq!((line.get("uid"), line.get("cgroup")), (None, None), "{line}");
}
