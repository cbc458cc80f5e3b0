//! What cannot be done is said, and ends with the documented code.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::incident::check;
use crate::server::{Outcome, Server, binary};

/// The command failed.
const FAILED: i32 = 3;
/// It was called wrongly.
const USAGE: i32 = 2;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("refusals::data_directories", data_directories),
        Trial::test("refusals::a_second_server", a_second_server),
        Trial::test("refusals::unknown_trace", unknown_trace),
    ]
}

/// How a data directory is spoilt, what is called on it, and what is said.
type Case = (&'static str, fn(&Path), &'static [&'static str], i32, &'static str);

const CASES: [Case; 7] = [
    ("newer format", |dir| put(dir, "FORMAT", "hotspan 999\n"), &["serve"], FAILED, "format 999"),
    (
        "newer, to back up",
        |dir| put(dir, "FORMAT", "hotspan 999\n"),
        &["backup", "TO"],
        FAILED,
        "format 999",
    ),
    (
        "not ours",
        |dir| put(dir, "FORMAT", "cats"),
        &["serve"],
        FAILED,
        "not a hotspan data directory",
    ),
    (
        "broken off",
        |dir| put(dir, "FORMAT", "unfinished backup\n"),
        &["serve"],
        FAILED,
        "broken off",
    ),
    ("no permission", forbid, &["serve"], FAILED, "ermission denied"),
    (
        "no such directory",
        |dir| fs::remove_dir_all(dir).expect("removed"),
        &["backup", "TO"],
        FAILED,
        "cannot find",
    ),
    ("no target", |_| {}, &["backup"], USAGE, "Usage"),
];

fn data_directories() -> Outcome {
    let good = tempfile::tempdir()?;
    let good = good.path().join("good");
    check(Server::serve(&good)?.terminate() == Some(0), "a good directory", &Value::Null)?;
    for (name, spoil, command, code, says) in CASES {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let copied = Command::new("cp").arg("-r").args([&good, &data]).status()?;
        check(copied.success(), "a copy", &Value::Null)?;
        spoil(&data);
        if name == "no permission" && fs::read_dir(&data).is_ok() {
            println!("refusals: {name}: left out, because this user may read everything");
            continue;
        }
        let to = folder.path().join("to");
        let mut called = Command::new(binary("hotspan"));
        called.args(
            command.iter().map(|word| if *word == "TO" { to.as_os_str() } else { word.as_ref() }),
        );
        if command[0] == "serve" {
            called.args(["--listen", "127.0.0.1:0"]);
            called.args(["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"]);
        }
        let output = called.arg("--data-dir").arg(&data).output()?;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let told = Value::String(format!("{name}: {:?} {complaint}", output.status.code()));
        check(output.status.code() == Some(code), "the documented exit code", &told)?;
        check(complaint.contains(says), says, &told)?;
    }
    Ok(())
}

fn put(dir: &Path, name: &str, text: &str) {
    fs::write(dir.join(name), text).expect("writable");
}

fn forbid(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o000)).expect("changed");
}

fn a_second_server() -> Outcome {
    let folder = tempfile::tempdir()?;
    let first = Server::serve(folder.path())?;
    let output = Command::new(binary("hotspan"))
        .args(["serve", "--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0"])
        .args(["--otlp-http", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = Value::String(complaint.clone());
    check(output.status.code() == Some(FAILED), "the documented exit code", &told)?;
    check(complaint.contains("in use by another hotspan process"), "who is there", &told)?;
    check(first.get_text("/healthz").is_ok(), "the first goes on", &Value::Null)
}

fn unknown_trace() -> Outcome {
    let folder = tempfile::tempdir()?;
    let server = Server::serve(folder.path())?;
    for (path, status, says) in [
        ("/api/v1/traces/00000000000000000000000000000abc", "404", "remedy"),
        ("/api/v1/traces/xyz", "400", "32"),
        ("/traces/00000000000000000000000000000abc", "404", "No such trace"),
    ] {
        let error = server
            .get_text(path)
            .err()
            .map(|failed| failed.message().unwrap_or_default().to_owned());
        let error = error.unwrap_or_default();
        let told = Value::String(format!("{path}: {error}"));
        check(error.contains(status) && error.contains(says), says, &told)?;
    }
    Ok(())
}
