//! `hotspan backup` while requests come in: a server on the copy has everything
//! that was acknowledged before.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::incident::check;
use crate::otlp::{Trace, request};
use crate::server::{Outcome, Server, binary, list, now_ns};

/// Requests acknowledged before the first backup begins, and between two.
const BETWEEN: usize = 60;
/// Backups made of one running server.
const BACKUPS: usize = 3;

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("backup::of_a_running_server", of_a_running_server)]
}

fn of_a_running_server() -> Outcome {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let mut command = Command::new(binary("hotspan"));
    command.arg("serve").arg("--data-dir").arg(&data).args(["--listen", "127.0.0.1:0"]);
    command.args(["--flush-age", "250ms"]);
    let server = Server::start(command)?;
    let acknowledged = Mutex::new(Vec::new());
    let (running, next) = (AtomicBool::new(true), AtomicU64::new(1));
    let copies = std::thread::scope(|scope| {
        scope.spawn(|| {
            while running.load(Ordering::SeqCst) {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if server.post_otlp(&body(number)).is_ok() {
                    acknowledged.lock().expect("no panic").push(number);
                }
            }
        });
        let copies = (0..BACKUPS).map(|nth| {
            wait_for(&acknowledged, (nth + 1) * BETWEEN)?;
            let before = acknowledged.lock().expect("no panic").clone();
            let to = folder.path().join(format!("copy-{nth}"));
            back_up(&data, &to).map(|()| (to, before))
        });
        let copies: Result<Vec<_>, Failed> = copies.collect();
        running.store(false, Ordering::SeqCst);
        copies
    })?;
    for (copy, before) in copies {
        let restored = Server::serve(&copy)?;
        for number in &before {
            let trace = Trace::new(*number, "GET /kept", 0, 0).id();
            let document = restored.get(&format!("/api/v1/traces/{trace}"))?;
            check(list(&document, "spans").len() == 1, "the span, once", &document)?;
        }
        println!("backup: {} acknowledged requests are in the copy", before.len());
        check(restored.terminate() == Some(0), "a copy that stops well", &Value::Null)?;
    }
    check(server.terminate() == Some(0), "the original stops well", &Value::Null)
}

fn body(number: u64) -> Vec<u8> {
    let trace = Trace::new(number, "GET /kept", now_ns() - 1_000_000_000, 5_000_000);
    request("kept", "rust", vec![trace])
}

fn wait_for(acknowledged: &Mutex<Vec<u64>>, count: usize) -> Outcome {
    let deadline = std::time::Instant::now() + crate::server::PATIENCE;
    while acknowledged.lock().expect("no panic").len() < count {
        if std::time::Instant::now() > deadline {
            return Err("requests were not acknowledged in time".into());
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(())
}

fn back_up(data: &std::path::Path, to: &std::path::Path) -> Outcome {
    let output = Command::new(binary("hotspan"))
        .arg("backup")
        .arg(to)
        .arg("--data-dir")
        .arg(data)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let told = Value::String(format!("{said}{complaint}"));
    check(output.status.code() == Some(0), "a backup", &told)?;
    check(said.contains("backed up to"), "a summary", &told)
}
