//! The audit log: a JSON object a line, who got which role when. Readable by
//! its owner only. Lines wait in a bounded queue for a thread that writes them,
//! so that a slow disk holds up no answer; what does not fit is counted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use nix::libc::O_NOFOLLOW;
use serde::Serialize;

use super::cgroups::Cgroups;
use super::{Cgroup, Lookup};
use crate::roles::wall_now;

/// Some seconds of the busiest host.
const WAITING_LINES_MAX: usize = 10_000;

/// Where the lines go.
pub(crate) struct Audit {
    lines: Option<SyncSender<Line>>,
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

/// A line, as far as it is known when the answer is given.
#[derive(Serialize)]
struct Line {
    time: String,
    door: &'static str,
    role: String,
    answer: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    consumer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_last_four: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup: Option<String>,
    #[serde(skip)]
    cgroup_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl Audit {
    /// Opens a file to append to; with none, nothing is kept.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let lost = Arc::new(AtomicU64::new(0));
        let Some(path) = path else { return Ok(Self { lines: None, writer: None, lost }) };
        let mut options = OpenOptions::new();
        let file =
            options.create(true).append(true).mode(0o600).custom_flags(O_NOFOLLOW).open(path)?;
        let (lines, waiting) = sync_channel::<Line>(WAITING_LINES_MAX);
        let not_written = Arc::clone(&lost);
        let writer = std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
            write_all(&waiting, file, &not_written);
        })?;
        Ok(Self { lines: Some(lines), writer: Some(writer), lost })
    }

    /// Lines that could not be kept.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn write(&self, lookup: &Lookup<'_>) {
        let Some(lines) = &self.lines else { return };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (cgroup, cgroup_id) = match lookup.cgroup {
            Some(Cgroup::Path(path)) => (Some(path.to_owned()), None),
            Some(Cgroup::Id(id)) => (None, Some(id)),
            None => (None, None),
        };
        let sent = lines.try_send(Line {
            time: wall_now().rfc3339(),
            door: lookup.door.name(),
            role: lookup.role.to_owned(),
            answer: lookup.ending.name(),
            consumer: lookup.consumer.to_owned(),
            key_last_four: owned(lookup.last_four),
            uid: lookup.uid,
            cgroup,
            cgroup_id,
            trace_id: owned(lookup.trace.map(|trace| trace.trace_id)),
        });
        if sent.is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes lines until there will be no more.
fn write_all(waiting: &Receiver<Line>, mut file: File, not_written: &AtomicU64) {
    let mut cgroups = Cgroups::new();
    for mut line in waiting {
        if let Some(id) = line.cgroup_id {
            line.cgroup = cgroups.path(id).map(str::to_owned);
        }
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            file.write_all(&bytes)
        });
        if written.is_err() {
            not_written.fetch_add(1, Ordering::Relaxed);
        }
    }
}
