//! The audit log: a JSON object a line, who got which role when. Readable by
//! its owner only. Lines wait in a bounded queue for a thread that writes them,
//! so that a slow disk holds up no answer; what does not fit is counted. A line
//! whose process is being looked for waits a moment, and the others behind it.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::libc::O_NOFOLLOW;
use serde::Serialize;

use super::callers::{Callers, Sought};
use super::cgroups::Cgroups;
use super::{Cgroup, Lookup};
use crate::roles::wall_now;

/// Some seconds of the busiest host.
const WAITING_LINES_MAX: usize = 10_000;
/// How long a line waits for its process.
const PROCESS_TIME_MAX: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Of more, the oldest do without.
const HELD_LINES_MAX: usize = 5_000;

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
    #[serde(skip)]
    inode: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl Audit {
    /// Opens a file to append to. With the rights of the start: what comes in
    /// later cannot be read, replaced or cut by whoever took over the doors.
    pub(crate) fn open(path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600).custom_flags(O_NOFOLLOW).open(path)
    }

    /// Starts the thread that writes; with no file, nothing is kept.
    pub(crate) fn start(file: Option<File>, callers: Callers) -> io::Result<Self> {
        let lost = Arc::new(AtomicU64::new(0));
        let Some(file) = file else { return Ok(Self { lines: None, writer: None, lost }) };
        let (lines, waiting) = sync_channel::<Line>(WAITING_LINES_MAX);
        let mut pen =
            Pen { file, cgroups: Cgroups::new(), callers, not_written: Arc::clone(&lost) };
        let writer = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || pen.write_all(&waiting))?;
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
            inode: lookup.inode,
            pid: lookup.pid,
            program: None,
            trace_id: owned(lookup.trace.map(|trace| trace.trace_id)),
        });
        if sent.is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What writes lines.
struct Pen {
    file: File,
    cgroups: Cgroups,
    callers: Callers,
    not_written: Arc<AtomicU64>,
}

impl Pen {
    /// Writes lines until there will be no more.
    fn write_all(&mut self, waiting: &Receiver<Line>) {
        let mut held: VecDeque<(Instant, Line)> = VecDeque::new();
        loop {
            let next = if held.is_empty() {
                waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                waiting.recv_timeout(LOOK_AGAIN)
            };
            match next {
                Ok(line) => held.push_back((Instant::now(), line)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Some((came, line)) = held.front_mut() {
                let may_wait = came.elapsed() < PROCESS_TIME_MAX;
                if !find_process(&self.callers, line) && may_wait && held.len() < HELD_LINES_MAX {
                    break;
                }
                if let Some((_, line)) = held.pop_front() {
                    self.write(line);
                }
            }
        }
        for (_, mut line) in held {
            find_process(&self.callers, &mut line);
            self.write(line);
        }
    }

    fn write(&mut self, mut line: Line) {
        if let Some(id) = line.cgroup_id {
            line.cgroup = self.cgroups.path(id).map(str::to_owned);
        }
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            self.file.write_all(&bytes)
        });
        if written.is_err() {
            self.not_written.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Puts the process into the line. False while it is being looked for.
fn find_process(callers: &Callers, line: &mut Line) -> bool {
    let Some(inode) = line.inode else { return true };
    match callers.process(inode) {
        Sought::Waiting => return false,
        Sought::Unknown => {}
        Sought::Found(process) => {
            line.pid = Some(process.pid);
            line.program = Some(process.program.to_string()).filter(|name| !name.is_empty());
        }
    }
    true
}
