//! What the doors hand out when all is well: the same credentials at each, and
//! nothing of them anywhere else.

use hotspan_testkit::leak::{leaks, leaks_below};

use crate::host::{Host, KEY_ID, SECRETS, raw};

const LIST: &str = "/latest/meta-data/iam/security-credentials/";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1";

#[test]
fn the_same_credentials_at_every_door() {
    let host = Host::start().ready();
    let container = host.container();
    assert_eq!(container.status, 200, "{container:?}");
    let container = container.json();
    let session = host.session();
    let imds = host.metadata(&format!("{LIST}app-role"), &session).json();
    let output = host.command(&["credentials"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let process: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(process["Version"], 1);
    assert_eq!(imds["Code"], "Success");
    for (name, secret) in [("AccessKeyId", KEY_ID), ("SecretAccessKey", SECRETS[0])] {
        for (door, document) in [("container", &container), ("imds", &imds), ("process", &process)]
        {
            assert_eq!(document[name], secret, "{door}");
        }
    }
    for (name, door, document) in [
        ("Token", "container", &container),
        ("Token", "imds", &imds),
        ("SessionToken", "process", &process),
    ] {
        assert!(document[name].as_str().expect(door).starts_with(SECRETS[1]), "{door}");
        assert_eq!(document["Expiration"], container["Expiration"], "{door}");
    }
    assert_eq!(host.fetches(), 1, "{:?}", host.asked());
}

#[test]
fn the_metadata_door_is_spelt_as_sdks_spell_it() {
    let host = Host::start().ready();
    let session = host.session();
    for (path, status, body) in [
        (LIST, 200, "app-role"),
        ("/latest/meta-data/iam/security-credentials", 200, "app-role"),
        ("//latest/meta-data/iam/security-credentials/", 200, "app-role"),
        ("/2021-07-15/meta-data/iam/security-credentials/", 200, "app-role"),
        ("//latest/meta-data/iam/security-credentials/app-role", 200, KEY_ID),
        ("/latest/meta-data/iam/security-credentials/app-role/", 200, KEY_ID),
        ("/latest/meta-data/iam/security-credentials/other-role", 404, ""),
        ("/latest/meta-data/iam/security-credentials/app", 404, ""),
        ("/latest/meta-data/iam/security-credentials-extended/", 404, ""),
        ("/latest/meta-data/instance-id/", 200, "i-0e3017a7ed0000000"),
        ("/latest/meta-data/placement/availability-zone/", 200, "us-east-1a"),
        ("/latest/dynamic/instance-identity/document", 200, "us-east-1"),
        ("/latest/meta-data/nothing-there", 404, ""),
        ("/latest/user-data", 404, ""),
        ("/other", 404, ""),
    ] {
        let answer = host.metadata(path, &session);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.body.contains(body), "{path}: {answer:?}");
        let remaining = answer.header("x-aws-ec2-metadata-token-ttl-seconds");
        let remaining: i64 = remaining.expect(path).parse().expect("a number");
        assert!((1..=21_600).contains(&remaining), "{path}: {remaining}");
    }
    for (request, status) in [
        (format!("GET {LIST} HTTP/1.1\nHost: 127.0.0.1"), 401),
        (format!("GET {LIST} HTTP/1.1\nHost: 127.0.0.1\nX-aws-ec2-metadata-token: no"), 401),
        (format!("POST {LIST} HTTP/1.1\nHost: 127.0.0.1"), 405),
        ("PUT /latest/api/token HTTP/1.1\nHost: 127.0.0.1".to_owned(), 400),
        ("PUT //latest/api/token HTTP/1.1\nHost: 127.0.0.1\nX-aws-ec2-metadata-token-ttl-seconds: 60".to_owned(), 200),
        ("PUT /latest/api/token/ HTTP/1.1\nHost: 127.0.0.1\nX-aws-ec2-metadata-token-ttl-seconds: 60".to_owned(), 403),
    ] {
        assert_eq!(host.raw("imds", &request).status, status, "{request}");
    }
}

#[test]
fn what_the_metadata_door_allows_when_asked_to() {
    let host = Host::with_imds("v1 = true\nhop_limit = 2\n").ready();
    let path = format!("{LIST}app-role");
    let ask = |more: &str| host.raw("imds", &format!("GET {path} HTTP/1.1\nHost: 127.0.0.1{more}"));
    let answer = ask("");
    assert_eq!((answer.status, answer.header("x-aws-ec2-metadata-token-ttl-seconds")), (200, None));
    assert_eq!(
        ask("\nX-aws-ec2-metadata-token: wrong").status,
        401,
        "a token is checked all the same"
    );
    assert_eq!(ask("\nX-aws-ec2-metadata-token: \u{e9}").status, 401, "whatever it is");
    assert_eq!(host.metadata(&path, &host.session()).status, 200);
}

#[test]
fn every_address_of_the_door_answers() {
    let host = Host::start().ready();
    let addresses = host.agent.addresses("container");
    // A machine without IPv6 has one.
    assert!((1..=2).contains(&addresses.len()), "{addresses:?}");
    for address in addresses {
        let request =
            format!("GET /credentials HTTP/1.1\nHost: {address}\nAuthorization: {}", host.token());
        assert_eq!(raw(address, &request).status, 200, "{address}");
    }
}

#[test]
fn metadata_that_lasts_is_asked_for_once() {
    let host = Host::start().ready();
    let session = host.session();
    for _ in 0..3 {
        host.metadata("/latest/meta-data/instance-id", &session);
        host.metadata("/latest/meta-data/iam/info", &session);
    }
    let asked = host.asked();
    let count = |path: &str| asked.iter().filter(|asked| *asked == path).count();
    assert_eq!(count("/latest/meta-data/instance-id"), 1);
    assert_eq!(count("/latest/meta-data/iam/info"), 3, "never kept");
}

#[test]
fn it_is_told_who_got_what_and_no_secret_is() {
    let host = Host::start().ready();
    let token = host.token();
    let session = host.session();
    host.raw("container", &format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}\nsentry-trace: {TRACE}"));
    host.raw(
        "container",
        "GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: wrong-token-of-somebody",
    );
    host.metadata(&format!("{LIST}app-role"), &session);
    host.command(&["credentials", "--role", "app"]);
    let table = host.command(&["status"]);
    let status = host.status();
    let metrics = host.raw("metrics", "GET /metrics HTTP/1.1\nHost: 127.0.0.1");
    assert_eq!(host.raw("metrics", "GET /readyz HTTP/1.1\nHost: 127.0.0.1").status, 200);
    let Host { folder, mut agent, .. } = host;
    agent.signal("TERM");
    assert!(agent.child.wait().expect("it ends").success());

    let audit = std::fs::read_to_string(folder.path().join("audit.jsonl")).expect("the log");
    let lines: Vec<serde_json::Value> =
        audit.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> =
        lines.iter().map(|line| (line["door"].as_str(), line["answer"].as_str())).collect();
    assert_eq!(
        told,
        [
            (Some("container"), Some("given")),
            (Some("container"), Some("denied")),
            (Some("imds"), Some("given")),
            (Some("process"), Some("given")),
        ]
    );
    assert_eq!(lines[0]["consumer"], "web");
    assert_eq!(lines[0]["key_last_four"], "0000");
    assert_eq!(lines[0]["trace_id"], TRACE[..32]);
    // Every door knows the user; a sandbox without netlink only the socket's.
    let uid = nix::unistd::geteuid().as_raw();
    assert_eq!(lines[3]["uid"], uid);
    for line in &lines[..3] {
        assert!(line["uid"].is_null() || line["uid"] == uid, "{line}");
    }

    let text = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(text.contains("app-role") && text.contains("good"), "{text}");
    for line in [
        "hotspan_agent_lookups_total{door=\"container\",role=\"app\",consumer=\"web\",answer=\"given\"} 1",
        "hotspan_agent_lookups_total{door=\"container\",role=\"\",consumer=\"\",answer=\"denied\"} 1",
        "hotspan_agent_upstream_attempts_total{role=\"app\"} 1",
        "hotspan_agent_lookup_seconds_count 4",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line} in {}", metrics.body);
    }

    // Where a secret may be: the token file is for the consumer, the key for
    // the agent; everything else is looked through.
    std::fs::remove_file(folder.path().join("web.token")).expect("there");
    let secrets = [SECRETS[0], SECRETS[1], KEY_ID, &token, &session, "wrong-token-of-somebody"];
    assert_eq!(leaks_below(folder.path(), &secrets), Vec::<String>::new());
    let log = std::fs::read_to_string(folder.path().join("agent.log")).expect("the log");
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "everything is logged: {log}");
    for (place, written) in
        [("status", status.to_string()), ("table", text), ("metrics", metrics.body)]
    {
        assert_eq!(leaks(written.as_bytes(), &secrets), Vec::<String>::new(), "{place}");
    }
}
