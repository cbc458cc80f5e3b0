//! The audit log: a JSON object a line, who got which role when. Readable by
//! its owner only. Lines wait in a bounded queue for a thread that writes them,
//! so that a slow disk holds up no answer; what does not fit is counted.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use nix::libc::O_NOFOLLOW;
use serde::Serialize;

use super::Lookup;
use crate::roles::wall_now;

/// Some seconds of the busiest host.
const WAITING_LINES_MAX: usize = 10_000;

/// Where the lines go.
pub(crate) struct Audit {
    lines: Option<SyncSender<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
    lost: Arc<AtomicU64>,
}

impl Drop for Audit {
    /// Waits until what was taken is written.
    fn drop(&mut self) {
        self.lines = None;
        if let Some(writer) = self.writer.take() {
            // One that panicked has nothing left to wait for.
            let _ = writer.join();
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    door: &'static str,
    role: &'a str,
    answer: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    consumer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_last_four: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
}

impl Audit {
    /// Opens a file to append to; with none, nothing is kept.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let lost = Arc::new(AtomicU64::new(0));
        let Some(path) = path else { return Ok(Self { lines: None, writer: None, lost }) };
        let mut options = OpenOptions::new();
        let mut file =
            options.create(true).append(true).mode(0o600).custom_flags(O_NOFOLLOW).open(path)?;
        let (lines, waiting) = sync_channel::<Vec<u8>>(WAITING_LINES_MAX);
        let not_written = Arc::clone(&lost);
        let writer = std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
            for line in waiting {
                if file.write_all(&line).is_err() {
                    not_written.fetch_add(1, Ordering::Relaxed);
                }
            }
        })?;
        Ok(Self { lines: Some(lines), writer: Some(writer), lost })
    }

    /// Lines that could not be kept.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn write(&self, lookup: &Lookup<'_>) {
        let Some(lines) = &self.lines else { return };
        let written = serde_json::to_vec(&Line {
            time: wall_now().rfc3339(),
            door: lookup.door.name(),
            role: lookup.role,
            answer: lookup.ending.name(),
            consumer: lookup.consumer,
            key_last_four: lookup.last_four,
            uid: lookup.uid,
            cgroup: lookup.cgroup,
            trace_id: lookup.trace_id,
        });
        let sent = written.ok().and_then(|mut line| {
            line.push(b'\n');
            lines.try_send(line).ok()
        });
        if sent.is_none() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
