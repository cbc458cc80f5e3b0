//! Tells a Hotspan server who asked, how fetches went and how each role stands,
//! as spans over OTLP/HTTP. Doors only count into memory here; a thread of its
//! own sends, so that no lookup and no stop ever waits for a server.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use hotspan_credentials::keeper::Attempt;
use hotspan_imds::civil::UnixSeconds;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

mod interval;
mod links;
mod otlp;
mod post;
mod spans;

use crate::ledger::callers::Sought;
use crate::ledger::cgroups::Cgroups;
use crate::ledger::{Ledger, Lookup, header, line};
use crate::live::Current;
use crate::roles::wall_now;
use crate::settings::{ReportSettings, key_in};
use crate::status;
use interval::{Fetch, Interval};
use otlp::Export;
use post::{Outcome, Post};
use spans::Whole;

/// The first report comes early, so that one sees soon whether it arrives.
const FIRST_AFTER: Duration = Duration::from_secs(2);
/// A report that takes longer is sent again with the next.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// The last report's, and what a stop waits for it.
const LAST_TIME_MAX: Duration = Duration::from_secs(2);
/// Locked memory counts whole, and this is enough for TLS.
const STACK_BYTES: usize = 1_024 * 1_024;

/// What is counted for the next report, and how reports went so far.
pub(crate) struct Reports {
    server: String,
    key: Option<SecretString>,
    host: String,
    started: UnixSeconds,
    interval: Mutex<Interval>,
    /// Fetches and spans that the server will never hear of.
    dropped: AtomicU64,
    told: Mutex<Told>,
}

/// How reports went.
#[derive(Default)]
struct Told {
    sent: u64,
    failed: u64,
    refused: u64,
    last_sent: Option<UnixSeconds>,
    trouble: Option<String>,
}

/// How reports went, for whoever asks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReportStatus {
    pub(crate) server: String,
    /// When the last one arrived.
    pub(crate) last_sent: Option<String>,
    /// Why the one after it did not.
    pub(crate) trouble: Option<String>,
    pub(crate) sent: u64,
    pub(crate) failed: u64,
    pub(crate) refused: u64,
    pub(crate) dropped: u64,
}

impl ReportStatus {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let sent = self.last_sent.as_deref().unwrap_or("never");
        let trouble = self.trouble.iter().map(|trouble| format!("\n  {trouble}"));
        format!("reports to {}: last sent {sent}{}", self.server, trouble.collect::<String>())
    }
}

impl Reports {
    /// Reads the key, which needs the rights that the agent starts with.
    pub(crate) fn new(settings: &ReportSettings) -> anyhow::Result<Self> {
        let key = settings.key_file.as_deref().map(|file| {
            let remedy = "put the project's key there, readable for the agent";
            key_in(file).with_context(|| format!("key_file {}; {remedy}", file.display()))
        });
        Ok(Self {
            server: settings.server.clone(),
            key: key.transpose()?,
            host: settings.host.clone().map_or_else(own_name, Ok).context("the host's name")?,
            started: wall_now(),
            interval: Mutex::default(),
            dropped: AtomicU64::new(0),
            told: Mutex::default(),
        })
    }

    /// A lookup has ended.
    pub(crate) fn lookup(&self, lookup: &Lookup<'_>, took: Duration) {
        lock(&self.interval).lookup(lookup, took, now_ns);
    }

    /// A fetch has ended.
    pub(crate) fn fetch(&self, role: &str, attempt: &Attempt<'_>) {
        if let Some(fetch) = Fetch::of(role, attempt) {
            let dropped = lock(&self.interval).fetch(fetch);
            self.drop_more(dropped);
        }
    }

    /// How reports went.
    pub(crate) fn status(&self) -> ReportStatus {
        let told = lock(&self.told);
        ReportStatus {
            server: self.server.clone(),
            last_sent: told.last_sent.map(UnixSeconds::rfc3339),
            trouble: told.trouble.clone(),
            sent: told.sent,
            failed: told.failed,
            refused: told.refused,
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    /// The same, as Prometheus reads it.
    pub(crate) fn metrics(&self, out: &mut String) {
        let status = self.status();
        header(out, "reports_total", "counter", "Reports to the server");
        for (outcome, count) in
            [("sent", status.sent), ("failed", status.failed), ("refused", status.refused)]
        {
            line(out, format_args!("reports_total{{outcome=\"{outcome}\"}} {count}"));
        }
        header(out, "report_dropped_total", "counter", "What the server will never hear of");
        line(out, format_args!("report_dropped_total {}", status.dropped));
    }

    fn take(&self) -> Interval {
        std::mem::take(&mut lock(&self.interval))
    }

    fn drop_more(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Notes how a report of so many spans went. Trouble is logged when it
    /// begins and when it is over, not with every report.
    fn note(&self, outcome: &Outcome, spans: u64) {
        let mut told = lock(&self.told);
        let before = told.trouble.take();
        match outcome {
            Outcome::Sent { rejected } => {
                told.sent += 1;
                told.last_sent = Some(wall_now());
                self.drop_more(*rejected);
                if *rejected > 0 {
                    tracing::warn!(rejected, "the server did not take all of a report");
                } else if before.is_some() {
                    tracing::warn!(server = self.server, "reports arrive again");
                }
                return;
            }
            Outcome::Failed(why) => {
                told.failed += 1;
                told.trouble = Some(why.clone());
            }
            Outcome::Refused(why) => {
                told.refused += 1;
                self.drop_more(spans);
                told.trouble = Some(why.clone());
            }
        }
        if before == told.trouble {
            tracing::debug!(why = told.trouble, "a report did not arrive");
        } else {
            tracing::warn!(server = self.server, why = told.trouble, "a report did not arrive");
        }
    }
}

/// The thread that sends.
pub(crate) struct Reporter {
    stop: Sender<()>,
    ended: Receiver<()>,
}

impl Reporter {
    /// Starts it; a report goes out `every` so often.
    pub(crate) fn start(
        every: Duration,
        reports: &Arc<Reports>,
        current: &Arc<Current>,
        ledger: &Arc<Ledger>,
    ) -> io::Result<Self> {
        let (reports, current) = (Arc::clone(reports), Arc::clone(current));
        // The ledger waits for the audit log when it goes; it must not go here.
        let ledger = Arc::downgrade(ledger);
        let (stop, stopped) = channel();
        let (ending, ended) = channel();
        let send = move || {
            ReportSender::new(reports, current, ledger).run(every, &stopped);
            // Nobody listens when the stop did not wait so long.
            let _ = ending.send(());
        };
        let thread = std::thread::Builder::new().name("report".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(send)?;
        Ok(Self { stop, ended })
    }

    /// Has it send the last report, and waits for that a moment.
    pub(crate) fn finish(self) {
        // It is gone already only if it panicked.
        let _ = self.stop.send(());
        let _ = self.ended.recv_timeout(LAST_TIME_MAX);
    }
}

/// What the thread works with.
struct ReportSender {
    post: Post,
    instance: String,
    reports: Arc<Reports>,
    current: Arc<Current>,
    ledger: Weak<Ledger>,
    /// What happened and the server does not know yet.
    backlog: Interval,
    cgroups: Cgroups,
}

impl ReportSender {
    fn new(reports: Arc<Reports>, current: Arc<Current>, ledger: Weak<Ledger>) -> Self {
        Self {
            post: Post::to(&reports.server, reports.key.clone()),
            instance: format!("{:032x}", otlp::random()),
            reports,
            current,
            ledger,
            backlog: Interval::default(),
            cgroups: Cgroups::new(),
        }
    }

    fn run(&mut self, every: Duration, stopped: &Receiver<()>) {
        let mut pause = FIRST_AFTER;
        loop {
            let is_last = stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
            self.report(if is_last { LAST_TIME_MAX } else { SEND_TIME_MAX });
            if is_last {
                return;
            }
            pause = spread(every);
        }
    }

    fn report(&mut self, time_max: Duration) {
        let dropped = self.backlog.absorb(self.reports.take());
        self.reports.drop_more(dropped);
        let export = self.export();
        let outcome = match serde_json::to_vec(&export) {
            Ok(body) => self.post.send(&body, time_max),
            Err(error) => Outcome::Refused(error.to_string()),
        };
        if !matches!(outcome, Outcome::Failed(_)) {
            self.backlog = Interval::default();
        }
        self.reports.note(&outcome, export.spans());
    }

    fn export(&mut self) -> Export {
        let ledger = self.ledger.upgrade();
        let (answered, passed) = ledger.as_ref().map(|ledger| ledger.saved()).unwrap_or_default();
        let started = self.reports.started;
        let dropped = self.reports.dropped.load(Ordering::Relaxed);
        let whole = Whole { answered, passed, started, dropped };
        let mut found = Vec::new();
        for bucket in &self.backlog.buckets {
            let program = program_of(ledger.as_deref(), bucket.inode);
            found.push(spans::of_lookups(bucket, &mut self.cgroups, program.as_deref()));
        }
        found.extend(self.backlog.fetches.iter().map(spans::of_fetch));
        let now = now_ns();
        for role in self.current.get().roles.values() {
            let life = role.view().life_seconds();
            found.push(spans::of_role(&status::of_role(role), life, &whole, now));
        }
        Export::new(spans::resource(&self.reports.host, &self.instance), spans::SCOPE, found)
    }
}

/// The program behind a socket, if it was found and is still known.
fn program_of(ledger: Option<&Ledger>, inode: Option<u32>) -> Option<Arc<str>> {
    match ledger?.callers.process(inode?) {
        Sought::Found(process) if !process.program.is_empty() => Some(process.program),
        _ => None,
    }
}

/// Hosts that were started together report apart: a tenth sooner or later.
fn spread(every: Duration) -> Duration {
    let chance = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    every.mul_f64(0.9 + 0.2 * chance)
}

fn own_name() -> io::Result<String> {
    Ok(nix::unistd::gethostname()?.to_string_lossy().into_owned())
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in it is whole after every statement that may panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
