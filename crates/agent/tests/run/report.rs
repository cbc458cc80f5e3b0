//! What the server is told of who asked: what the spans look like, that none is
//! lost while the server is away, that they stay few, and that no secret is
//! among them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use expect_test::expect_file;
use hotspan_testkit::leak::{leaks, leaks_below};
use serde_json::{Value, json};

use crate::host::{Host, KEY_ID, SECRETS, write_private};
use crate::receiver::{Sent, Server, free_address};

const KEY: &str = "ingest-key-of-the-project-7f3a";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// Reports after the first come when the agent ends, unless a test is slow.
fn section(server: &str, more: &str) -> String {
    format!("[report]\nserver = \"http://{server}\"\nevery = \"10m\"\nhost = \"web-1\"\n{more}")
}

fn ask(host: &Host, token: &str, headers: &str) {
    let request =
        format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}{headers}");
    host.raw("container", &request);
}

/// Has the agent end, and returns its log.
fn end(host: &mut Host) -> String {
    host.agent.signal("TERM");
    assert!(host.agent.child.wait().expect("it ends").success());
    std::fs::read_to_string(host.file("agent.log")).expect("the log")
}

impl Sent {
    /// How many lookups it tells of.
    fn lookups(&self) -> u64 {
        self.spans("credential.lookup").iter().map(count).sum()
    }
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a Value {
    let attributes = span["attributes"].as_array().expect("attributes");
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    found.map_or(&Value::Null, |found| {
        let value = &found["value"];
        value.get("intValue").unwrap_or(&value["stringValue"])
    })
}

fn count(span: &Value) -> u64 {
    attribute(span, "hotspan.lookup.count").as_str().expect("a text").parse().expect("a number")
}

/// With what differs from run to run and machine to machine said by its kind.
fn normalized(sent: &Sent) -> Value {
    let mut json = sent.json();
    let resource = &mut json["resourceSpans"][0];
    normalize_attributes(&mut resource["resource"]["attributes"]);
    for span in resource["scopeSpans"][0]["spans"].as_array_mut().expect("spans") {
        for (id, digits) in [("traceId", 32), ("spanId", 16)] {
            let text = span[id].as_str().expect("an id");
            assert!(text.len() == digits && u128::from_str_radix(text, 16).is_ok(), "{text}");
            span[id] = json!(format!("{digits} digits"));
        }
        for time in ["startTimeUnixNano", "endTimeUnixNano"] {
            let text = span[time].as_str().expect("a text");
            assert!(text.len() == 19 && text.parse::<u64>().is_ok(), "{text}");
            span[time] = json!("nanoseconds");
        }
        normalize_attributes(&mut span["attributes"]);
    }
    json
}

fn normalize_attributes(attributes: &mut Value) {
    let attributes = attributes.as_array_mut().expect("attributes");
    // A sandbox may not know them, and each machine has its own.
    attributes.retain(|attribute| {
        let key = attribute["key"].as_str().expect("a key");
        !key.starts_with("hotspan.caller.") && !key.starts_with("process.")
    });
    for attribute in attributes {
        let key = attribute["key"].as_str().expect("a key");
        let varies = key.ends_with("_ns")
            || key.contains("seconds")
            || ["service.version", "service.instance.id"].contains(&key);
        if varies {
            let value = attribute["value"].as_object_mut().expect("a value");
            value.values_mut().for_each(|value| *value = json!("…"));
        }
    }
}

#[test]
fn the_server_is_told_who_asked() {
    let server = Server::start("127.0.0.1:0");
    let folder = tempfile::tempdir().expect("a folder");
    let key_file = folder.path().join("ingest.key");
    write_private(&key_file, &format!("{KEY}\n"));
    let section = section(&server.address, &format!("key_file = \"{}\"\n", key_file.display()));
    let mut host = Host::with(&[], &section).ready();
    let first = server.next();
    let token = host.token();
    for headers in [
        format!("\ntraceparent: 00-{TRACE}-{SPAN}-01"),
        format!("\nsentry-trace: {TRACE}-{SPAN}-1"),
        format!("\nsentry-trace: {}-{SPAN}-1", "1".repeat(32)),
        format!("\nbaggage: sentry-trace_id={TRACE}"),
        "\ntraceparent: 00-<script>-x-01".to_owned(),
        String::new(),
    ] {
        ask(&host, &token, &headers);
    }
    ask(&host, "wrong-token-of-somebody", &format!("\ntraceparent: 00-{TRACE}-{SPAN}-01"));
    let session = host.session();
    host.metadata("/latest/meta-data/iam/security-credentials/app-role", &session);
    host.command(&["credentials", "--role", "app"]);
    let status = host.status();
    let table = String::from_utf8(host.command(&["status"]).stdout).expect("text");
    let metrics = host.raw("metrics", "GET /metrics HTTP/1.1\nHost: 127.0.0.1").body;
    let log = end(&mut host);
    let last = server.next();

    let first_spans: Vec<_> =
        ["credential.fetch", "credential.role"].iter().flat_map(|name| first.spans(name)).collect();
    assert_eq!(first_spans.len(), 2, "{}", first.text);
    assert_eq!(attribute(&first_spans[0], "hotspan.fetch.outcome"), "found");
    assert_eq!(attribute(&first_spans[0], "hotspan.role.key_last_four"), "0000");
    expect_file!["report.json"].assert_eq(&format!("{:#}\n", normalized(&last)));
    for sent in [&first, &last] {
        assert!(sent.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", sent.head);
        let lower = sent.head.to_lowercase();
        assert!(lower.contains(&format!("\r\nx-hotspan-key: {KEY}\r\n")), "{}", sent.head);
        assert!(lower.contains("\r\ncontent-type: application/json\r\n"), "{}", sent.head);
    }
    let uid = nix::unistd::geteuid().as_raw().to_string();
    for span in last.spans("credential.lookup") {
        let told = attribute(&span, "hotspan.caller.uid");
        assert!(told.is_null() || *told == uid, "{span}");
    }
    assert_eq!(status["report"]["sent"], 1, "{status}");
    assert!(
        table.contains(&format!("reports to http://{}: last sent 20", server.address)),
        "{table}"
    );
    assert!(metrics.contains("\nhotspan_agent_reports_total{outcome=\"sent\"} 1\n"), "{metrics}");

    assert!(log.contains("ureq"), "everything is logged, the sending too: {log}");
    std::fs::remove_file(host.file("web.token")).expect("there");
    let secrets =
        [SECRETS[0], SECRETS[1], KEY_ID, KEY, &token, &session, "wrong-token-of-somebody"];
    assert_eq!(leaks_below(host.folder.path(), &secrets), Vec::<String>::new());
    for text in [&first.text, &last.text, &table, &metrics, &status.to_string()] {
        assert_eq!(leaks(text.as_bytes(), &secrets), Vec::<String>::new());
    }
}

#[test]
fn while_the_server_is_away_nothing_is_lost() {
    // A port that was free a moment ago, and is nobody's now.
    let address = free_address();
    let mut host = Host::with(&["--fault", "credentials=503"], &section(&address, ""));
    let token = host.token();
    for _ in 0..3 {
        ask(&host, &token, &format!("\ntraceparent: 00-{TRACE}-{SPAN}-01"));
    }
    host.wait_for_status("a report fails", |status| status["report"]["failed"] == 1);
    let told = host.status()["report"].clone();
    assert!(told["last_sent"].is_null() && told["trouble"].is_string(), "{told}");
    ask(&host, &token, &format!("\ntraceparent: 00-{TRACE}-{SPAN}-01"));
    let server = Server::start(&address);
    let log = end(&mut host);
    let sent = server.next();
    let lookups = sent.spans("credential.lookup");
    assert_eq!(lookups.len(), 1, "{}", sent.text);
    assert_eq!(
        (count(&lookups[0]), attribute(&lookups[0], "hotspan.lookup.answer")),
        (4, &json!("unavailable"))
    );
    assert_eq!(lookups[0]["status"]["code"], 2);
    assert_eq!(count(&lookups[0]["links"][0]), 4);
    let fetches = sent.spans("credential.fetch");
    assert_eq!(attribute(&fetches[0], "hotspan.fetch.outcome"), "failed", "{}", sent.text);
    assert!(attribute(&fetches[0], "hotspan.fetch.reason").as_str().expect("why").contains("503"));
    assert_eq!(log.matches("a report did not arrive").count(), 1, "{log}");
}

#[test]
fn what_the_server_answers() {
    for (status, outcome, is_kept) in [
        (200, "sent", false),
        (503, "failed", true),
        (401, "failed", true),
        (400, "refused", false),
    ] {
        let server = Server::start("127.0.0.1:0");
        server.answer(status);
        let mut host = Host::with(&[], &section(&server.address, "")).ready();
        ask(&host, &host.token(), "");
        let first = server.next().lookups();
        host.wait_for_status(outcome, |status| status["report"][outcome] == 1);
        let dropped = host.status()["report"]["dropped"].as_u64().expect("a number");
        assert_eq!(dropped > 0, outcome == "refused", "{status}");
        ask(&host, &host.token(), "");
        end(&mut host);
        let again = if is_kept { first } else { 0 };
        // On a slow machine the first report came before the first lookup.
        assert_eq!(server.next().lookups(), again + 2 - first, "{status}");
    }
}

#[test]
fn however_many_traces_ask_the_report_stays_small() {
    let server = Server::start("127.0.0.1:0");
    let mut host = Host::with(&[], &section(&server.address, "")).ready();
    server.next();
    let token = host.token();
    for at in 1..=200 {
        ask(&host, &token, &format!("\ntraceparent: 00-{at:032x}-{at:016x}-01"));
    }
    end(&mut host);
    let sent = server.next();
    let lookups = sent.spans("credential.lookup");
    assert_eq!((lookups.len(), count(&lookups[0])), (1, 200));
    let links = lookups[0]["links"].as_array().expect("links");
    assert_eq!((links.len(), &lookups[0]["droppedLinksCount"]), (16, &json!(184)));
    assert_eq!(links[15]["traceId"], format!("{:032x}", 200), "the latest");
}

/// A server with a certificate of its own; none where a tool is missing.
fn https_server(folder: &Path) -> Option<(HttpsServer, String)> {
    const SERVER: &str = "
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.rfile.read(int(self.headers['content-length'])).decode(), flush=True)
        self.send_response(200)
        self.send_header('content-length', '2')
        self.end_headers()
        self.wfile.write(b'{}')
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
";
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    openssl.args(["-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    openssl.args(["-addext", "subjectAltName=DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    let made = openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate).output();
    made.ok().filter(|output| output.status.success())?;
    let mut python = Command::new("python3");
    python.args(["-c", SERVER]).args([&certificate, &key]).stdout(Stdio::piped());
    let mut child = python.stderr(Stdio::null()).spawn().ok()?;
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut server = HttpsServer { child, lines };
    let port = server.lines.next()?.ok()?;
    Some((server, port))
}

struct HttpsServer {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn over_https_the_certificates_of_the_machine_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((mut server, port)) = https_server(folder.path()) else {
        eprintln!("not run: there is no openssl or no python3");
        return;
    };
    let section = section("", "").replace("http://", &format!("https://localhost:{port}"));
    let untrusting = Host::with(&[], &section);
    untrusting.wait_for_status("it fails", |status| status["report"]["failed"] == 1);
    let trouble = untrusting.status()["report"]["trouble"].to_string();
    assert!(trouble.contains("certificate"), "{trouble}");
    drop(untrusting);
    let trusted = folder.path().join("certificate.pem");
    let host = Host::with_environment(&section, &[("SSL_CERT_FILE", &trusted)]);
    let sent = server.lines.next().expect("a report").expect("text");
    assert!(sent.contains("credential.role"), "{sent}");
    host.wait_for_status("it arrives", |status| status["report"]["sent"] == 1);
}
