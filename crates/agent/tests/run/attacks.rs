//! What must not be had from the doors, and by whom not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::host::{Host, KEY_ID, copy_program};

#[test]
fn requests_that_no_sdk_makes_are_refused_at_every_door() {
    let host = Host::start().ready();
    let (token, session) = (host.token(), host.session());
    let path = "/latest/meta-data/iam/security-credentials/app-role";
    for (case, host_header, more) in [
        ("a rebound name", "evil.example", ""),
        ("a rebound name with our port", "localhost.evil.example:9911", ""),
        ("another address", "10.0.0.1", ""),
        ("a proxy", "127.0.0.1", "\nX-Forwarded-For: 10.0.0.1"),
        ("a proxy of another kind", "127.0.0.1", "\nForwarded: for=10.0.0.1"),
        ("a page", "127.0.0.1", "\nOrigin: https://evil.example"),
        ("a browser", "127.0.0.1", "\nSec-Fetch-Mode: no-cors"),
        ("two hosts", "127.0.0.1\nHost: evil.example", ""),
    ] {
        for (door, request) in [
            ("container", format!("GET /credentials HTTP/1.1\nAuthorization: {token}")),
            ("imds", format!("GET {path} HTTP/1.1\nX-aws-ec2-metadata-token: {session}")),
            (
                "imds",
                "PUT /latest/api/token HTTP/1.1\nX-aws-ec2-metadata-token-ttl-seconds: 60"
                    .to_owned(),
            ),
            ("metrics", "GET /metrics HTTP/1.1".to_owned()),
        ] {
            let answer = host.raw(door, &format!("{request}\nHost: {host_header}{more}"));
            assert!(matches!(answer.status, 400 | 403), "{case} at {door}: {answer:?}");
            assert!(!answer.body.contains(KEY_ID), "{case} at {door}");
            assert_eq!(answer.header("access-control-allow-origin"), None, "{case} at {door}");
        }
    }
}

#[test]
fn paths_that_only_look_like_others() {
    let host = Host::start().ready();
    let (token, session) = (host.token(), host.session());
    for path in [
        "/latest/meta-data/%69am/security-credentials/app-role",
        "/latest/meta-data/iam/%2e/security-credentials/app-role",
        "/latest/meta-data/iam/../iam/security-credentials/app-role",
        "/latest/meta-data/IAM/security-credentials/app-role",
        "/latest/meta-data/iam/security-credentials/app-role/x",
        "/latest/meta-data/iam/security-credentials/app-role%0d%0aX:y",
        "/latest/../latest/meta-data/iam/security-credentials/app-role",
    ] {
        let answer = host.metadata(path, &session);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    for path in
        ["/", "/credentials/", "/Credentials", "/credentials/../credentials", "//credentials"]
    {
        let request = format!("GET {path} HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}");
        assert_eq!(host.raw("container", &request).status, 404, "{path}");
    }
    assert_eq!(host.fetches(), 1, "nothing of it came to upstream: {:?}", host.asked());
}

#[test]
fn tokens_are_not_guessed() {
    let host = Host::start().ready();
    let token = host.token();
    let other = format!("{}x", &token[..token.len() - 1]);
    for sent in
        ["", "Bearer", &token[1..], &other, &format!("Bearer {token}"), &format!("{token}{token}")]
    {
        let request = format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {sent}");
        let answer = host.raw("container", &request);
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    let none = host.raw("container", "GET /credentials HTTP/1.1\nHost: 127.0.0.1");
    assert_eq!(none.status, 401);
    // A flood of guesses is counted whole and told in a few lines.
    let mut stream = TcpStream::connect(host.agent.address("container")).expect("to connect");
    let guess = "GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: guess\r\n\r\n";
    for _ in 0..500 {
        stream.write_all(guess.as_bytes()).expect("to send");
        let mut answer = [0; 512];
        let length = stream.read(&mut answer).expect("an answer");
        assert!(answer[..length].starts_with(b"HTTP/1.1 401"));
    }
    assert_eq!(host.container().status, 200, "whoever knows the token is served");
    let denied = &host.status()["lookups"];
    assert!(denied.as_array().expect("a list").iter().any(|row| row["count"] == 507), "{denied}");
    let audit = std::fs::read_to_string(host.file("audit.jsonl")).expect("the log");
    let lines = audit.lines().filter(|line| line.contains("denied")).count();
    assert!((1..200).contains(&lines), "{lines}");
}

#[test]
fn huge_requests_are_cut_off() {
    let host = Host::start().ready();
    let long = "a".repeat(64 * 1_024);
    let many = "\nX-A: b".repeat(200);
    for (case, request) in [
        ("a long header", format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nX-Long: {long}")),
        ("a long path", format!("GET /{long} HTTP/1.1\nHost: 127.0.0.1")),
        ("many headers", format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1{many}")),
        ("no HTTP", "\u{1}\u{2}\u{3}".to_owned()),
        ("a header that splits", "GET /credentials HTTP/1.1\nHost: 127.0.0.1\nX: a\rb".to_owned()),
    ] {
        let answer = host.raw("container", &request);
        assert!(matches!(answer.status, 0 | 400 | 404 | 414 | 431), "{case}: {answer:?}");
    }
    assert_eq!(host.container().status, 200);
}

#[test]
fn a_caller_that_dawdles_holds_up_nobody_and_is_cut_off() {
    let host = Host::start().ready();
    let mut slow: Vec<TcpStream> = (0..50)
        .map(|_| TcpStream::connect(host.agent.address("container")).expect("to connect"))
        .collect();
    for stream in &mut slow {
        stream.write_all(b"GET /cred").expect("to send");
    }
    assert_eq!(host.container().status, 200);
    let begun = Instant::now();
    for stream in &mut slow {
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
        let mut rest = Vec::new();
        // Closed or reset, but not kept: a time-out would be an error of another kind.
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn hostile_trace_headers_are_not_believed() {
    let host = Host::start().ready();
    let token = host.token();
    for trace in [
        "';drop table x",
        "00-00000000000000000000000000000000-0000000000000000-01",
        &"f".repeat(8_000),
    ] {
        let request = format!(
            "GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}\ntraceparent: {trace}\nsentry-trace: {trace}\nbaggage: a={trace}"
        );
        let answer = host.raw("container", &request);
        assert!(matches!(answer.status, 0 | 200 | 431), "{answer:?}");
    }
    let Host { folder, mut agent, .. } = host;
    agent.signal("TERM");
    agent.child.wait().expect("it ends");
    let audit = std::fs::read_to_string(folder.path().join("audit.jsonl")).expect("the log");
    assert!(!audit.contains("trace_id"), "{audit}");
}

#[test]
fn a_containers_root_is_not_this_machines() {
    let contained = || {
        let mut command = std::process::Command::new("unshare");
        command.args(["--user", "--pid", "--fork", "--map-root-user"]);
        command
    };
    if !contained().arg("true").status().is_ok_and(|status| status.success()) {
        // A sandbox that has no namespaces to give.
        return;
    }
    let host = Host::start().ready();
    let output = contained()
        .args([env!("CARGO_BIN_EXE_hotspan-agent"), "credentials", "--socket"])
        .arg(host.file("agent.sock"))
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert!(host.command(&["credentials"]).status.success(), "outside of it, it is");
}

#[test]
fn another_user_gets_nothing_at_the_socket_without_a_rule() {
    // Only root can be somebody else; a developer's machine leaves this out.
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    for (rules, expected) in [
        ("", Some(6)),
        ("[[process.allow]]\nuid = 4711\nrole = \"app\"\n", Some(0)),
        ("[[process.allow]]\nuid = 4712\nrole = \"app\"\n", Some(6)),
    ] {
        let host = Host::with(&[], rules).ready();
        // The socket and what leads to it can be reached by all.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(host.folder.path(), open).expect("to open");
        let program = host.file("hotspan-agent");
        copy_program(std::path::Path::new(env!("CARGO_BIN_EXE_hotspan-agent")), &program);
        let ask = |verb: &str| {
            std::os::unix::process::CommandExt::uid(
                &mut std::process::Command::new(&program),
                4_711,
            )
            .args([verb, "--socket"])
            .arg(host.file("agent.sock"))
            .output()
            .expect("it starts")
        };
        let output = ask("credentials");
        assert_eq!(output.status.code(), expected, "{rules}: {output:?}");
        let given = String::from_utf8_lossy(&output.stdout).contains(KEY_ID);
        assert_eq!(given, expected == Some(0), "{rules}");
        assert_eq!(ask("status").status.code(), Some(6), "the agent's own affairs");
        assert_eq!(ask("refresh").status.code(), Some(6), "the agent's own affairs");
    }
}
