//! What must not be had from the doors, and by whom not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::host::{Host, KEY_ID, copy_program, raw_with, skipped};

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
        ("a proxy that tells the host", "127.0.0.1", "\nX-Forwarded-Host: 127.0.0.1"),
        ("a proxy that says nothing", "127.0.0.1", "\nx-forwarded-for:"),
        ("a page", "127.0.0.1", "\nOrigin: https://evil.example"),
        ("a page of no origin", "127.0.0.1", "\nOrigin: null"),
        ("a page that was followed", "127.0.0.1", "\nReferer: https://evil.example/"),
        ("a browser", "127.0.0.1", "\nSec-Fetch-Mode: no-cors"),
        ("a browser's own page", "127.0.0.1", "\nSec-Fetch-Site: none"),
        ("two hosts", "127.0.0.1\nHost: evil.example", ""),
        ("a host with a user", "127.0.0.1@evil.example", ""),
        ("a number that is an address", "2130706433", ""),
        ("no host", "", ""),
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
        "/latest/%2e%2e/latest/meta-data/iam/security-credentials/app-role",
        "/latest/meta-data/iam/security-credentials/..",
        "/latest/meta-data/iam/security-credentials/%2e%2e/security-credentials/app-role",
        "/latest/meta-data/iam/security-credentials%2fapp-role",
        "/latest/meta-data/iam\\security-credentials\\app-role",
        "/latest/meta-data/iam/security-credentials;x/app-role",
        "/latest;x/meta-data/iam/security-credentials/app-role",
        "/credentials",
        "*",
    ] {
        let answer = host.metadata(path, &session);
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert!(!answer.body.contains(KEY_ID), "{path}");
    }
    for path in [
        "/",
        "/credentials/",
        "/Credentials",
        "/credentials/../credentials",
        "//credentials",
        "/./credentials",
        "/%63redentials",
        "/credentials%00",
        "/credentials%2f..",
        "/credentials;x",
        "/latest/meta-data/iam/security-credentials/app-role",
    ] {
        let request = format!("GET {path} HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}");
        assert_eq!(host.raw("container", &request).status, 404, "{path}");
    }
    assert_eq!(host.fetches(), 1, "nothing of it came to upstream: {:?}", host.asked());
}

/// Ways to write a request that lead past a check of its path or its host, if
/// the door took them for another request than they are.
#[test]
fn requests_of_another_form() {
    let host = Host::start().ready();
    let (token, session) = (host.token(), host.session());
    let path = "/latest/meta-data/iam/security-credentials/app-role";
    let own = "Host: 127.0.0.1";
    for (case, line, host_line, status) in [
        ("an absolute address of ours", "GET http://127.0.0.1PATH HTTP/1.1", own, &[200][..]),
        ("an absolute address of others", "GET http://evil.examplePATH HTTP/1.1", own, &[403]),
        ("the same by another scheme", "GET https://evil.examplePATH HTTP/1.1", own, &[403]),
        (
            "an address with a user",
            "GET http://127.0.0.1@evil.examplePATH HTTP/1.1",
            own,
            &[400, 403],
        ),
        (
            "ours, to another host",
            "GET http://127.0.0.1PATH HTTP/1.1",
            "Host: evil.example",
            &[403],
        ),
        ("a tunnel", "CONNECT 127.0.0.1:9911 HTTP/1.1", own, &[404, 405]),
        ("a tunnel to others", "CONNECT evil.example:443 HTTP/1.1", own, &[403]),
        ("all of the server", "OPTIONS * HTTP/1.1", own, &[404, 405]),
        ("a method that shows the request", "TRACE PATH HTTP/1.1", own, &[405]),
        ("a method that changes", "POST PATH HTTP/1.1", own, &[405]),
        ("a method of nobody", "G\u{0} PATH HTTP/1.1", own, &[400]),
        ("HTTP/2 at once", "PRI * HTTP/2.0", own, &[400, 505]),
        (
            "HTTP/2 by upgrade",
            "GET PATH HTTP/1.1\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk",
            own,
            &[200],
        ),
        ("HTTP/0.9", "GET PATH", own, &[400]),
        ("no slash", "GET credentials HTTP/1.1", own, &[400, 403, 404]),
        ("two spaces", "GET  PATH HTTP/1.1", own, &[400]),
        ("a header on two lines", "GET PATH HTTP/1.1\nX-A: b\n c", own, &[400]),
        ("a space before the colon", "GET PATH HTTP/1.1\nOrigin : a", own, &[400]),
    ] {
        for (door, path, right) in [
            ("container", "/credentials", format!("Authorization: {token}")),
            ("imds", path, format!("X-aws-ec2-metadata-token: {session}")),
        ] {
            let line = line.replace("PATH", path);
            let answer = host.raw(door, &format!("{line}\n{host_line}\n{right}"));
            assert!(status.contains(&answer.status), "{case} at {door}: {answer:?}");
            let is_given = answer.body.contains(KEY_ID);
            assert_eq!(is_given, answer.status == 200, "{case} at {door}");
        }
    }
    assert_eq!(host.fetches(), 1, "nothing of it came to upstream: {:?}", host.asked());
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
    // Nobody waits for a body: no request here has one.
    let token = host.token();
    let request = format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}");
    for (case, more, body) in [
        ("a body that does not come", "Content-Length: 1000000000", ""),
        ("one that goes on", "Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        ("one that is there", "Content-Length: 100000", &"b".repeat(100_000)),
    ] {
        let answer = raw_with(host.agent.address("container"), &format!("{request}\n{more}"), body);
        // What was sent and not read may reset the answer under way.
        assert!(matches!(answer.status, 0 | 200), "{case}: {answer:?}");
    }
    for (case, more) in [
        ("two lengths", "Content-Length: 1\nContent-Length: 2"),
        ("a length and chunks", "Content-Length: 5\nTransfer-Encoding: chunked"),
        ("no length", "Content-Length: -1"),
    ] {
        let smuggled = "0\r\n\r\nGET /credentials HTTP/1.1\r\n\r\n";
        let answer =
            raw_with(host.agent.address("container"), &format!("{request}\n{more}"), smuggled);
        assert!(matches!(answer.status, 0 | 200 | 400), "{case}: {answer:?}");
        let answers = answer.body.matches("HTTP/1.1").count();
        assert_eq!(answers, 0, "one answer to what may be read as two requests: {case}");
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
    let (trace_id, span_id) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let upper = trace_id.to_uppercase();
    for trace in [
        "';drop table x",
        "00-00000000000000000000000000000000-0000000000000000-01",
        &format!("00-{upper}-{span_id}-01"),
        &format!("00-{trace_id}0-{span_id}-01"),
        &format!("00-{trace_id}"),
        &format!("00-{}-{span_id}-01", "../../../../etc/passwd".repeat(2)),
        "\u{1f980}",
        "\"},{\"uid\":0",
        &"-".repeat(4_000),
        &"f".repeat(8_000),
    ] {
        let request = format!(
            "GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}\ntraceparent: {trace}\nsentry-trace: {trace}"
        );
        let answer = host.raw("container", &request);
        assert!(matches!(answer.status, 0 | 200 | 431), "{answer:?}");
    }
    let request = format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}");
    for (case, more) in [
        ("as much as W3C allows", format!("baggage: a={}", "b".repeat(8_000))),
        ("more", format!("baggage: a={}", "b".repeat(12_000))),
        ("members without end", format!("baggage: {}", "a=b,".repeat(2_500))),
        ("no baggage", "baggage: ,,,=;;=%zz".to_owned()),
        ("others' state", format!("tracestate: {}", "a=b,".repeat(1_000))),
    ] {
        let answer = host.raw("container", &format!("{request}\n{more}"));
        assert_eq!(answer.status, 200, "SDKs send what the app's tracing adds: {case}: {answer:?}");
    }
    let Host { folder, mut agent, .. } = host;
    agent.signal("TERM");
    agent.child.wait().expect("it ends");
    let audit = std::fs::read_to_string(folder.path().join("audit.jsonl")).expect("the log");
    assert!(!audit.contains("trace_id"), "{audit}");
    for line in audit.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line, whole");
        assert_eq!(line["answer"], "given", "{line}");
    }
}

#[test]
fn a_containers_root_is_not_this_machines() {
    let contained = || {
        let mut command = std::process::Command::new("unshare");
        command.args(["--user", "--pid", "--fork", "--map-root-user"]);
        command
    };
    if !contained().arg("true").status().is_ok_and(|status| status.success()) {
        skipped("a container's root: this sandbox has no namespaces to give");
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
    if !nix::unistd::geteuid().is_root() {
        skipped("another user at the socket: only root can be somebody else");
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
