//! What is told about lookups: how many, how long they took, and, if wanted,
//! who got what. Knows no secret: a key is told by its last four characters.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) mod audit;
pub(crate) mod callers;
pub(crate) mod cgroups;

use audit::Audit;
use callers::Callers;
use hotspan_imds::trace::Trace;

use crate::report::Reports;
use crate::roles::wall_now;

/// Upper ends of the buckets that lookups are counted in, in seconds.
const BUCKETS_SECONDS: [f64; 8] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1, 0.25];

/// Where a lookup came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Door {
    /// With a consumer's token.
    Container,
    /// As the metadata service.
    Imds,
    /// Through the socket.
    Process,
}

impl Door {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Imds => "imds",
            Self::Process => "process",
        }
    }
}

/// How a lookup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// With credentials.
    Given,
    /// There are none yet, or no longer.
    Unavailable,
    /// Upstream took the role away.
    Removed,
    /// Without the right to it.
    Denied,
}

impl Ending {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Unavailable => "unavailable",
            Self::Removed => "removed",
            Self::Denied => "denied",
        }
    }
}

/// A cgroup, as a door knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cgroup<'a> {
    /// As `/proc/PID/cgroup` writes it.
    Path(&'a str),
    /// The inode of its folder.
    Id(u64),
}

/// One lookup.
pub(crate) struct Lookup<'a> {
    pub(crate) door: Door,
    /// A name from the configuration, never one from the caller.
    pub(crate) role: &'a str,
    /// Likewise; empty where a door knows no names.
    pub(crate) consumer: &'a str,
    pub(crate) ending: Ending,
    pub(crate) last_four: Option<&'a str>,
    pub(crate) uid: Option<u32>,
    pub(crate) cgroup: Option<Cgroup<'a>>,
    /// Its socket, by which a process is found.
    pub(crate) inode: Option<u32>,
    /// Its process, where a door knows it.
    pub(crate) pid: Option<u32>,
    /// Checked by whoever read it from a header.
    pub(crate) trace: Option<Trace<'a>>,
    pub(crate) began: Instant,
}

/// How often lookups of one kind were. Found without copying a name.
struct Row {
    door: Door,
    role: String,
    consumer: String,
    ending: Ending,
    count: u64,
}

impl Row {
    fn key(&self) -> (Door, &str, &str, Ending) {
        (self.door, &self.role, &self.consumer, self.ending)
    }
}

/// Whoever guesses tokens must not fill the disk: so many lines a second tell
/// of it, and the counters of all.
const DENIED_LINES_PER_SECOND: u32 = 10;

#[derive(Default)]
struct Denied {
    second: i64,
    lines: u32,
}

impl Denied {
    fn is_told(&mut self, second: i64) -> bool {
        if self.second != second {
            *self = Self { second, lines: 0 };
        }
        self.lines += 1;
        self.lines <= DENIED_LINES_PER_SECOND
    }
}

/// Counts since the start.
#[derive(Default)]
struct Counts {
    /// In the order of their keys.
    lookups: Vec<Row>,
    refused: BTreeMap<(Door, &'static str), u64>,
    denied: Denied,
    /// Requests that would have gone to upstream.
    answered: u64,
    /// Requests that did, besides those for credentials.
    passed: u64,
    buckets: [u64; BUCKETS_SECONDS.len()],
    seconds: f64,
    count: u64,
}

impl Counts {
    fn count_row(&mut self, lookup: &Lookup<'_>) {
        let key = (lookup.door, lookup.role, lookup.consumer, lookup.ending);
        match self.lookups.binary_search_by(|row| row.key().cmp(&key)) {
            Ok(at) => self.lookups[at].count += 1,
            Err(at) => self.lookups.insert(
                at,
                Row {
                    door: lookup.door,
                    role: lookup.role.to_owned(),
                    consumer: lookup.consumer.to_owned(),
                    ending: lookup.ending,
                    count: 1,
                },
            ),
        }
    }
}

/// Counts, and the audit log.
pub(crate) struct Ledger {
    counts: Mutex<Counts>,
    audit: Audit,
    pub(crate) callers: Callers,
    /// What the server is told, if there is one.
    reports: Option<Arc<Reports>>,
}

impl Ledger {
    pub(crate) fn new(audit: Audit, callers: Callers, reports: Option<Arc<Reports>>) -> Self {
        Self { counts: Mutex::default(), audit, callers, reports }
    }

    /// What the server is told, if there is one.
    pub(crate) fn reports(&self) -> Option<&Arc<Reports>> {
        self.reports.as_ref()
    }

    /// A lookup has ended.
    pub(crate) fn lookup(&self, lookup: &Lookup<'_>) {
        let took = lookup.began.elapsed();
        if let Some(reports) = &self.reports {
            reports.lookup(lookup, took);
        }
        let is_told = self.count(lookup, took);
        self.callers.count(lookup);
        if is_told {
            self.audit.write(lookup);
        }
    }

    /// A request was refused before it was a lookup.
    pub(crate) fn refused(&self, door: Door, why: &'static str) {
        *self.lock().refused.entry((door, why)).or_default() += 1;
        tracing::debug!(door = door.name(), why, "refused");
    }

    /// A request besides lookups was answered from memory that upstream would
    /// have got.
    pub(crate) fn answered(&self) {
        self.lock().answered += 1;
    }

    /// A request for metadata went to upstream.
    pub(crate) fn passed(&self) {
        self.lock().passed += 1;
    }

    /// Requests answered from memory, and requests passed on.
    pub(crate) fn saved(&self) -> (u64, u64) {
        let counts = self.lock();
        (counts.answered, counts.passed)
    }

    /// Door, role, consumer, ending and how many.
    pub(crate) fn lookups(&self) -> Vec<(Door, String, String, Ending, u64)> {
        let counts = self.lock();
        let rows = counts.lookups.iter();
        rows.map(|row| (row.door, row.role.clone(), row.consumer.clone(), row.ending, row.count))
            .collect()
    }

    /// All of it, as Prometheus reads it.
    pub(crate) fn metrics(&self, out: &mut String) {
        let counts = self.lock();
        header(out, "lookups_total", "counter", "Lookups of credentials");
        for Row { door, role, consumer, ending, count } in &counts.lookups {
            let (door, ending) = (door.name(), ending.name());
            line(
                out,
                format_args!(
                    "lookups_total{{door=\"{door}\",role=\"{role}\",consumer=\"{consumer}\",answer=\"{ending}\"}} {count}"
                ),
            );
        }
        header(out, "refused_total", "counter", "Requests refused before they were lookups");
        for ((door, why), count) in &counts.refused {
            let door = door.name();
            line(out, format_args!("refused_total{{door=\"{door}\",reason=\"{why}\"}} {count}"));
        }
        header(out, "answered_from_memory_total", "counter", "Requests that upstream was spared");
        line(out, format_args!("answered_from_memory_total {}", counts.answered));
        header(
            out,
            "passed_to_upstream_total",
            "counter",
            "Requests for metadata that upstream answered",
        );
        line(out, format_args!("passed_to_upstream_total {}", counts.passed));
        header(out, "audit_lines_lost_total", "counter", "Lines that the audit log could not take");
        line(out, format_args!("audit_lines_lost_total {}", self.audit.lost()));
        self.callers.metrics(out);
        if let Some(reports) = &self.reports {
            reports.metrics(out);
        }
        header(out, "lookup_seconds", "histogram", "From a request to its answer");
        for (end, count) in BUCKETS_SECONDS.iter().zip(counts.buckets) {
            line(out, format_args!("lookup_seconds_bucket{{le=\"{end}\"}} {count}"));
        }
        line(out, format_args!("lookup_seconds_bucket{{le=\"+Inf\"}} {}", counts.count));
        line(out, format_args!("lookup_seconds_sum {}", counts.seconds));
        line(out, format_args!("lookup_seconds_count {}", counts.count));
    }

    /// Counts a lookup; false when it is one denied lookup too many to be told.
    fn count(&self, lookup: &Lookup<'_>, took: Duration) -> bool {
        let seconds = took.as_secs_f64();
        let mut counts = self.lock();
        counts.count_row(lookup);
        counts.answered += u64::from(lookup.ending == Ending::Given);
        counts.count += 1;
        counts.seconds += seconds;
        for (end, bucket) in BUCKETS_SECONDS.iter().zip(&mut counts.buckets) {
            *bucket += u64::from(seconds <= *end);
        }
        lookup.ending != Ending::Denied || counts.denied.is_told(wall_now().0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        // Counters are whole after every statement.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every name begins with the program's.
pub(crate) const PREFIX: &str = "hotspan_agent_";

/// The two lines before a metric.
pub(crate) fn header(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
}

/// One line of a metric.
pub(crate) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{PREFIX}{text}");
}
