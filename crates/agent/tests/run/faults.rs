//! Upstream goes wrong in every way there is, and whoever asks the agent does
//! not notice as long as the last good credentials hold.

use std::time::Duration;

use crate::host::{Host, KEY_ID, raw, raw_with, upstream};

const LIST: &str = "/latest/meta-data/iam/security-credentials/";

/// What upstream does from now on, and how the agent says it stands.
const FAULTS: [(&str, &[&str], &str); 15] = [
    ("no list", &["--fault", "list=503"], "failing"),
    ("no credentials", &["--fault", "credentials=500"], "failing"),
    ("no session", &["--fault", "token=503"], "failing"),
    ("no session for us", &["--fault", "token=401"], "failing"),
    ("sessions are not accepted", &["--fault", "list=401"], "failing"),
    ("a session is never answered", &["--fault", "token=swallow"], "failing"),
    ("a list is never answered", &["--fault", "list=swallow"], "failing"),
    ("half a document", &["--fault", "credentials=garbage"], "failing"),
    ("half a list", &["--fault", "list=garbage"], "failing"),
    ("connections are closed", &["--fault", "credentials=reset"], "failing"),
    ("connections are closed at once", &["--fault", "token=reset"], "failing"),
    ("credentials that are over", &["--expires-in", "-1m"], "failing"),
    ("credentials that end soon", &["--expires-in", "3m"], "good"),
    ("slow answers", &["--latency", "1500ms"], "good"),
    ("there is no role, for once", &["--fault", "list=404"], "missing"),
];

/// Each waits for the least time between two attempts, so all wait at once.
#[test]
fn the_last_good_credentials_go_on() {
    std::thread::scope(|scope| {
        for (case, arguments, standing) in FAULTS {
            scope.spawn(move || check(case, arguments, standing));
        }
    });
}

fn check(case: &str, arguments: &[&str], standing: &str) {
    let mut host = Host::start().ready();
    let session = host.session();
    let before = host.container();
    host.replace_upstream(arguments);
    assert!(host.command(&["refresh"]).status.success(), "{case}");
    host.wait_for(case, |role| {
        role["attempts"].as_u64() >= Some(2) && role["standing"] == standing
    });
    let same = |host: &Host, what: &str| {
        let after = host.container();
        assert_eq!(after.status, 200, "{case}, {what}");
        let [before, after] = [&before, &after].map(|answer| answer.json());
        assert_eq!(before["AccessKeyId"], after["AccessKeyId"], "{case}, {what}");
        // A slow upstream has newer ones; no other fault lets any in.
        let is_same = before["Expiration"] == after["Expiration"];
        assert!(is_same || case == "slow answers", "{case}, {what}: {before} {after}");
    };
    same(&host, "container");
    let imds = host.metadata(&format!("{LIST}app-role"), &session);
    assert_eq!((imds.status, imds.body.contains(KEY_ID)), (200, true), "{case}");
    assert!(host.command(&["credentials"]).status.success(), "{case}");
    // Gone altogether, which nobody notices either.
    host.upstream = None;
    same(&host, "upstream is gone");
}

#[test]
fn another_role_and_none_at_all() {
    let mut host = Host::start().ready();
    let session = host.session();
    host.replace_upstream(&["--role", "other-role"]);
    host.command(&["refresh"]);
    host.wait_for("the other role", |role| role["upstream_role"] == "other-role");
    assert_eq!(host.metadata(LIST, &session).body, "other-role");
    assert_eq!(host.metadata(&format!("{LIST}app-role"), &session).status, 404);
    assert_eq!(host.metadata(&format!("{LIST}other-role"), &session).status, 200);
    assert_eq!(host.container().status, 200);

    host.replace_upstream(&["--fault", "list=404"]);
    host.command(&["refresh"]);
    host.wait_for("gone once", |role| role["standing"] == "missing");
    assert_eq!(host.container().status, 200, "once is not enough");
    host.wait_for("gone twice", |role| role["standing"] == "removed");
    assert_eq!(host.container().status, 404);
    assert_eq!(host.metadata(LIST, &session).status, 404);
    assert_eq!(host.command(&["credentials"]).status.code(), Some(7));
}

#[test]
fn before_the_first_credentials_there_is_an_answer_all_the_same() {
    for (case, arguments) in [
        ("upstream fails", &["--fault", "credentials=503"][..]),
        ("upstream has no sessions", &["--fault", "token=403"]),
        ("upstream never answers", &["--fault", "token=swallow"]),
    ] {
        let mut host = Host::with(arguments, "");
        // A PUT that failed would make SDKs go without sessions for good.
        let session = host.session();
        let answer = host.metadata(LIST, &session);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{case}");
        let answer = host.container();
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{case}");
        assert_eq!(answer.json()["code"], "CredentialsUninitialized", "{case}");
        assert_eq!(host.raw("metrics", "GET /readyz HTTP/1.1\nHost: 127.0.0.1").status, 503);
        assert_eq!(host.raw("metrics", "GET /healthz HTTP/1.1\nHost: 127.0.0.1").status, 200);
        let output = host.command(&["credentials"]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(7), 0), "{case}");
        if case == "upstream fails" {
            host.replace_upstream(&[]);
            let host = host.ready();
            assert_eq!(host.container().status, 200, "once upstream is back");
        }
    }
}

#[test]
fn faults_of_the_emulator_are_switched_while_it_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--fault", "token=503", "--control", "127.0.0.1:0"];
    let service = upstream("127.0.0.1:0", &folder.path().join("log"), &arguments);
    let token =
        "PUT /latest/api/token HTTP/1.1\nHost: 127.0.0.1\nX-aws-ec2-metadata-token-ttl-seconds: 60";
    let status = || raw(service.address("imds"), token).status;
    let put = |body: &str, more: &str| {
        let length = body.len();
        let head = format!("PUT /faults HTTP/1.1\nHost: 127.0.0.1{more}\nContent-Length: {length}");
        raw_with(service.address("control"), &head, body).status
    };
    assert_eq!(status(), 503);
    for (body, more, answered, then) in [
        ("", "", 200, 200),
        ("list=503\ntoken=403\n", "", 200, 403),
        ("token=wrong", "", 400, 403),
        ("", "\nOrigin: https://evil.example", 403, 403),
        ("token=reset", "", 200, 0),
    ] {
        assert_eq!(put(body, more), answered, "{body:?}{more}");
        assert_eq!(status(), then, "{body:?}{more}");
    }
}

#[test]
fn credentials_that_are_over_are_not_handed_out() {
    let host = Host::with(&["--expires-in", "5s"], "").ready();
    let session = host.session();
    // Not fetched anew for 30 s, so that they end meanwhile.
    let path = format!("{LIST}app-role");
    let mut given = 0;
    loop {
        let asked = hotspan_imds::civil::UnixSeconds(unix_now()).rfc3339();
        let answer = host.metadata(&path, &session);
        if answer.status == 503 {
            break;
        }
        given += 1;
        let end = answer.json()["Expiration"].as_str().expect("a moment").to_owned();
        assert!(end > asked, "over at {asked}: {answer:?}");
    }
    assert!(given > 0, "they were handed out while they held");
    assert_eq!(host.container().status, 503);
    assert_eq!(host.command(&["credentials"]).status.code(), Some(7));
    assert_eq!(host.raw("metrics", "GET /readyz HTTP/1.1\nHost: 127.0.0.1").status, 503);
    assert_eq!(host.fetches(), 1);
}

fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_secs().cast_signed()
}

#[test]
fn upstream_sees_no_more_than_the_stated_rate() {
    let host = Host::start().ready();
    for _ in 0..20 {
        host.command(&["refresh"]);
    }
    for _ in 0..200 {
        assert_eq!(host.container().status, 200);
    }
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(host.fetches(), 1, "however often it is asked, within the first 30 s");
}
