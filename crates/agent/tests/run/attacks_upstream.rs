//! An upstream that is an attacker: what it calls a role, and what it writes
//! into a document, goes into answers and into paths.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::host::{Host, KEY_ID};

const LIST: &str = "/latest/meta-data/iam/security-credentials/";

/// A metadata service that gives the role any name. Returns where it listens and
/// what it was asked for.
fn hostile(role: &'static str, document: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    // Ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The agent may hang up; it comes again.
            let _ = answer(&stream, role, document, &log);
        }
    });
    (address, asked)
}

fn answer(
    mut stream: &TcpStream,
    role: &str,
    document: &str,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = match path.as_str() {
        "/latest/api/token" => "session",
        LIST => role,
        _ => document,
    };
    log.lock().expect("whole").push(path);
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

#[test]
fn names_of_roles_that_would_split_an_answer_or_lead_elsewhere() {
    let long: &'static str = "a".repeat(65).leak();
    let huge: &'static str = "a".repeat(100_000).leak();
    for role in [
        "app\rX-Injected: 1",
        "app\0",
        "app role",
        "app/../../user-data",
        "../../user-data",
        "..",
        "/",
        "app?x=y",
        "app#x",
        "app%0d%0aX-Injected: 1",
        "app\"onload=\"",
        "<script>alert(1)</script>",
        "r\u{f6}le",
        "\u{feff}app",
        long,
        huge,
        "{\"Code\":\"Success\"}",
    ] {
        let (upstream, asked) = hostile(role, "");
        let host = Host::before(&upstream);
        host.wait_for("refused", |role| role["standing"] == "failing");
        let session = host.session();
        for answer in [
            host.metadata(LIST, &session),
            host.metadata(&format!("{LIST}app"), &session),
            host.container(),
        ] {
            assert_eq!(answer.status, 503, "{role:?}: {answer:?}");
            assert_eq!(answer.header("x-injected"), None, "{role:?}");
            assert!(
                !answer.body.contains("njected") && !answer.body.contains("script"),
                "{role:?}"
            );
        }
        let status = host.status().to_string();
        assert!(!status.contains("njected") && !status.contains("script"), "{role:?}: {status}");
        let asked = asked.lock().expect("whole").clone();
        let known = |path: &String| path == LIST || path == "/latest/api/token";
        assert!(asked.iter().all(known), "{role:?} is not asked for: {asked:?}");
    }
}

#[test]
fn a_list_of_more_than_a_name_is_its_first_line() {
    let document = r#"{"Code":"Success","AccessKeyId":"ASIAEMULATED00000000","SecretAccessKey":"s","Token":"t\r\nX-Injected: 1","Expiration":"2099-01-01T00:00:00Z"}"#;
    let (upstream, _asked) = hostile("app-role\r\nX-Injected: 1\r\n\r\n<html>", document);
    let host = Host::before(&upstream).ready();
    let session = host.session();
    let list = host.metadata(LIST, &session);
    assert_eq!((list.status, list.body.as_str()), (200, "app-role"));
    for answer in [list, host.metadata(&format!("{LIST}app-role"), &session), host.container()] {
        assert_eq!((answer.status, answer.header("x-injected")), (200, None), "{answer:?}");
        if answer.body != "app-role" {
            assert_eq!(answer.json()["AccessKeyId"], KEY_ID);
            assert_eq!(answer.json()["Token"], "t\r\nX-Injected: 1", "as it was, and in JSON");
        }
    }
}

#[test]
fn documents_that_would_be_something_else() {
    for document in [
        "",
        "null",
        "[]",
        "\"Success\"",
        "<html>",
        "{\"Code\":\"Success\"}",
        r#"{"Code":"Success","AccessKeyId":"","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#,
        r#"{"Code":"Success","AccessKeyId":"ASIAEMULATED00000000","SecretAccessKey":"s","Token":"t","Expiration":"never"}"#,
        r#"{"Code":"Success","AccessKeyId":"ASIAEMULATED00000000","SecretAccessKey":"s","Token":"t"}"#,
        "[".repeat(100_000).leak(),
    ] {
        let (upstream, _asked) = hostile("app-role", document);
        let host = Host::before(&upstream);
        host.wait_for("refused", |role| role["standing"] == "failing");
        assert_eq!(host.container().status, 503, "{}", &document[..document.len().min(80)]);
    }
}
