//! A disk without room: requests are refused in time and in words, pages go on,
//! and all of it passes by itself when there is room again.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::incident::check;
use crate::otlp::{Trace, request};
use crate::server::{Outcome, PATIENCE, Server, list, now_ns};

const NAME: &str = "disk_full::refuses_serves_recovers";
/// Size of the disk; a twentieth of it is kept free of requests.
const DISK_MIB: u64 = 64;
/// Left free when it is "nearly full": less than the reserve.
const NEARLY_MIB: u64 = 2;

pub(crate) fn trials() -> Vec<Trial> {
    let reason = SmallDisk::mount().err().map(|failed| failed.message().unwrap_or("?").to_owned());
    if let Some(reason) = &reason {
        println!("{NAME} is ignored: {reason}");
    }
    vec![Trial::test(NAME, trial).with_ignored_flag(reason.is_some())]
}

fn trial() -> Outcome {
    let disk = SmallDisk::mount()?;
    let data = disk.path.join("data");
    let server = Server::serve(&data)?;
    let mut acknowledged = Vec::new();
    for number in 0..50 {
        check(send(&server, number)?.0 == 200, "room at first", &Value::Null)?;
        acknowledged.push(number);
    }
    disk.leave(NEARLY_MIB)?;
    let refusal = until_refused(&server, &mut acknowledged)?;
    check(refusal.1 == "30", "when to come back", &Value::String(refusal.1))?;
    check(refusal.2.contains("nearly full"), "why", &Value::String(refusal.2))?;
    pages_go_on(&server)?;
    // Now to the last byte.
    disk.leave(0)?;
    check(send(&server, 9_000)?.0 == 503, "still refused", &Value::Null)?;
    pages_go_on(&server)?;
    disk.empty()?;
    let deadline = Instant::now() + PATIENCE;
    while send(&server, 10_000)?.0 != 200 {
        check(Instant::now() < deadline, "taken again once there is room", &Value::Null)?;
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    acknowledged.push(10_000);
    all_there(&server, &acknowledged)?;
    server.kill_nine();
    all_there(&Server::serve(&data)?, &acknowledged)
}

/// Status, `Retry-After` and body of an attempt.
fn send(server: &Server, number: u64) -> Result<(u16, String, String), Failed> {
    let trace = Trace::new(number, "GET /full", now_ns() - 1_000_000_000, 5_000_000);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into();
    let mut response = agent
        .post(format!("{}/v1/traces", server.otlp_http()))
        .header("Content-Type", "application/x-protobuf")
        .send(&request("full", "rust", vec![trace])[..])?;
    let retry = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let retry = retry.unwrap_or_default().to_owned();
    let body = response.body_mut().read_to_vec()?;
    Ok((response.status().as_u16(), retry, String::from_utf8_lossy(&body).into_owned()))
}

/// The room is looked at once a second, so a few may still get in.
fn until_refused(
    server: &Server,
    acknowledged: &mut Vec<u64>,
) -> Result<(u16, String, String), Failed> {
    let deadline = Instant::now() + PATIENCE;
    for number in 1_000.. {
        let answer = send(server, number)?;
        match answer.0 {
            200 => acknowledged.push(number),
            503 => return Ok(answer),
            other => return Err(format!("answered {other}: {}", answer.2).into()),
        }
        check(Instant::now() < deadline, "refused on a full disk", &Value::Null)?;
    }
    Err("unreachable".into())
}

fn pages_go_on(server: &Server) -> Outcome {
    for path in ["/", "/issues", "/traces", "/healthz", "/metrics"] {
        server.get_text(path)?;
    }
    let status = server.get_text("/status")?;
    check(status.contains("Requests are refused"), "the Status page says so", &Value::Null)?;
    check(server.get_text("/readyz").is_err(), "not ready", &Value::Null)?;
    let stats = server.get("/api/v1/stats")?;
    check(stats["rejected_requests"]["disk"].as_u64() > Some(0), "refusals counted", &stats)
}

fn all_there(server: &Server, acknowledged: &[u64]) -> Outcome {
    for number in acknowledged {
        let id = Trace::new(*number, "GET /full", 0, 0).id();
        let document = server.get(&format!("/api/v1/traces/{id}"))?;
        check(!list(&document, "spans").is_empty(), "an acknowledged span", &document)?;
    }
    println!("disk_full: {} acknowledged requests are there", acknowledged.len());
    Ok(())
}

/// A file system in memory that can be filled.
struct SmallDisk {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("disk");
        std::fs::create_dir(&path)?;
        let size = format!("size={DISK_MIB}m,mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path);
        let mount = mount.output().map_err(|error| format!("mount: {error}"))?;
        if !mount.status.success() {
            let said = String::from_utf8_lossy(&mount.stderr).trim().to_owned();
            return Err(format!("a tmpfs cannot be mounted: {said}").into());
        }
        Ok(Self { path, _folder: folder })
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }

    /// Fills the disk until about so much is free.
    fn leave(&self, mib: u64) -> Outcome {
        let mut ballast = File::options().create(true).append(true).open(self.ballast())?;
        let chunk = vec![0u8; 256 << 10];
        while free_mib(&self.path)? > mib || mib == 0 {
            if ballast.write_all(&chunk).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn empty(&self) -> Outcome {
        Ok(std::fs::remove_file(self.ballast())?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that is being killed may still hold it.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn free_mib(path: &Path) -> Result<u64, Failed> {
    let output = Command::new("df").args(["-m", "--output=avail"]).arg(path).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.split_whitespace().next_back().ok_or("df says nothing")?;
    Ok(last.parse()?)
}
