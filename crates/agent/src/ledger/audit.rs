//! The audit log: a JSON object a line, who got which role when. Readable by
//! its owner only. Lines wait in a bounded queue for a thread that writes them,
//! so that a slow disk holds up no answer; what does not fit is counted. A line
//! whose process is being looked for waits a moment, and the others behind it.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use hotspan_imds::civil::UnixSeconds;
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use serde::Serialize;

use super::callers::{Callers, Process, Sought};
use super::cgroups::Cgroups;
use super::{Cgroup, Door, Ending, Lookup};
use crate::roles::wall_now;

/// Some seconds of the busiest host.
const WAITING_LINES_MAX: usize = 10_000;
/// After a line more are waited for, so that a busy host wakes the writer, and
/// the disk, a hundred times a second and not for every lookup.
const GATHERING: Duration = Duration::from_millis(10);
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
struct Line {
    time: UnixSeconds,
    door: Door,
    ending: Ending,
    uid: Option<u32>,
    cgroup_id: Option<u64>,
    inode: Option<u32>,
    pid: Option<u32>,
    /// Role, consumer, last four, path of the cgroup and trace id, one after the
    /// other, so that they are one allocation.
    names: String,
    /// Their lengths; 0 for what is not known.
    lengths: [usize; 5],
}

impl Line {
    fn of(lookup: &Lookup<'_>) -> Self {
        let (path, cgroup_id) = match lookup.cgroup {
            Some(Cgroup::Path(path)) => (path, None),
            Some(Cgroup::Id(id)) => ("", Some(id)),
            None => ("", None),
        };
        let names = [
            lookup.role,
            lookup.consumer,
            lookup.last_four.unwrap_or_default(),
            path,
            lookup.trace.map(|trace| trace.trace_id).unwrap_or_default(),
        ];
        Self {
            time: wall_now(),
            door: lookup.door,
            ending: lookup.ending,
            uid: lookup.uid,
            cgroup_id,
            inode: lookup.inode,
            pid: lookup.pid,
            names: names.concat(),
            lengths: names.map(str::len),
        }
    }

    fn names(&self) -> [&str; 5] {
        let mut rest = self.names.as_str();
        self.lengths.map(|length| {
            let (name, others) = rest.split_at_checked(length).unwrap_or_default();
            rest = others;
            name
        })
    }
}

impl Audit {
    /// Opens a file to append to. With the rights of the start: what comes in
    /// later cannot be read, replaced or cut by whoever took over the doors.
    pub(crate) fn open(path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        // Without waiting, because a pipe would hold up the start for ever.
        let file = options
            .create(true)
            .append(true)
            .mode(0o600)
            .custom_flags(O_NOFOLLOW | O_NONBLOCK)
            .open(path)?;
        let found = file.metadata()?;
        if !found.is_file() || found.nlink() != 1 || found.mode() & 0o077 != 0 {
            let what = "it is no file of its own that only its owner can read; chmod it to 600, or remove it";
            return Err(io::Error::other(what));
        }
        Ok(file)
    }

    /// Starts the thread that writes; with no file, nothing is kept.
    pub(crate) fn start(file: Option<File>, callers: Callers) -> io::Result<Self> {
        let lost = Arc::new(AtomicU64::new(0));
        let Some(file) = file else { return Ok(Self { lines: None, writer: None, lost }) };
        let (lines, waiting) = sync_channel::<Line>(WAITING_LINES_MAX);
        let mut pen = Pen {
            file,
            cgroups: Cgroups::new(),
            callers,
            text: Vec::new(),
            text_lines: 0,
            second: None,
            not_written: Arc::clone(&lost),
            is_torn: false,
        };
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
        if lines.try_send(Line::of(lookup)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What writes lines.
struct Pen {
    file: File,
    cgroups: Cgroups,
    callers: Callers,
    /// Lines on their way into the file, and how many.
    text: Vec<u8>,
    text_lines: u64,
    /// A second as text, made once for all lines of it.
    second: Option<(UnixSeconds, String)>,
    not_written: Arc<AtomicU64>,
    /// The last line may be cut off.
    is_torn: bool,
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
                Ok(line) => {
                    sleep(GATHERING);
                    let lines = std::iter::once(line).chain(waiting.try_iter());
                    let came = Instant::now();
                    held.extend(lines.take(WAITING_LINES_MAX).map(|line| (came, line)));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = Instant::now();
            while let Some((came, line)) = held.pop_front() {
                let may_wait = now.duration_since(came) < PROCESS_TIME_MAX;
                let process = self.process(&line);
                if process == Sought::Waiting && may_wait && held.len() < HELD_LINES_MAX {
                    held.push_front((came, line));
                    break;
                }
                self.add(&line, process);
            }
            self.write();
        }
        for (_, line) in held {
            let process = self.process(&line);
            self.add(&line, process);
        }
        self.write();
    }

    fn process(&self, line: &Line) -> Sought {
        line.inode.map_or(Sought::Unknown, |inode| self.callers.process(inode))
    }

    fn add(&mut self, line: &Line, process: Sought) {
        let process = match process {
            Sought::Found(process) => Some(process),
            Sought::Waiting | Sought::Unknown => None,
        };
        let whole = self.text.len();
        match self.add_fields(line, process.as_ref()) {
            Ok(()) => self.text_lines += 1,
            Err(_) => {
                self.text.truncate(whole);
                self.not_written.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn add_fields(&mut self, line: &Line, process: Option<&Process>) -> serde_json::Result<()> {
        let Self { text, cgroups, second, .. } = self;
        let [role, consumer, last_four, path, trace_id] = line.names();
        let path = line.cgroup_id.and_then(|id| cgroups.path(id)).unwrap_or(path);
        second.take_if(|(second, _)| *second != line.time);
        let (_, time) = second.get_or_insert_with(|| (line.time, line.time.rfc3339()));
        text.extend_from_slice(b"{\"time\":");
        serde_json::to_writer(&mut *text, time)?;
        field(text, "door", Some(line.door.name()))?;
        field(text, "role", Some(role))?;
        field(text, "answer", Some(line.ending.name()))?;
        field(text, "consumer", known(consumer))?;
        field(text, "key_last_four", known(last_four))?;
        field(text, "uid", line.uid)?;
        field(text, "cgroup", known(path))?;
        field(text, "pid", process.map(|process| process.pid).or(line.pid))?;
        field(text, "program", process.and_then(|process| known(&process.program)))?;
        field(text, "trace_id", known(trace_id))?;
        text.extend_from_slice(b"}\n");
        Ok(())
    }

    fn write(&mut self) {
        if self.text.is_empty() {
            return;
        }
        // What a full disk cut off must not swallow the line after it.
        let begun = if self.is_torn { self.file.write_all(b"\n") } else { Ok(()) };
        let written = begun.and_then(|()| self.file.write_all(&self.text));
        self.is_torn = written.is_err();
        if self.is_torn {
            self.not_written.fetch_add(self.text_lines, Ordering::Relaxed);
        }
        self.text.clear();
        self.text_lines = 0;
    }
}

fn known(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty())
}

/// Another key, whose name needs no escapes, and its value if it is known.
fn field(text: &mut Vec<u8>, name: &str, value: Option<impl Serialize>) -> serde_json::Result<()> {
    let Some(value) = value else { return Ok(()) };
    text.extend_from_slice(b",\"");
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b"\":");
    serde_json::to_writer(text, &value)
}
