//! What happened since the last report that arrived: lookups, counted by who
//! asked for what and how it ended, and fetches. Bounded, however many ask.

use std::collections::VecDeque;
use std::time::Duration;

use hotspan_credentials::keeper::Attempt;
use hotspan_credentials::schedule::Outcome;

use super::links::{Link, Links};
use crate::ledger::{Cgroup, Door, Ending, Lookup};

/// Who asks for what; the rest is counted together. A host has some dozen.
pub(super) const BUCKETS_MAX: usize = 256;
/// Half an hour of failing, at an attempt each 30 seconds.
pub(super) const FETCHES_MAX: usize = 64;
/// The consumer under which the rest is counted. No name has parentheses.
pub(super) const OTHER: &str = "(other)";

/// Who asked for what, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) door: Door,
    pub(super) ending: Ending,
    pub(super) uid: Option<u32>,
    pub(super) cgroup: Option<Group>,
    pub(super) role: String,
    pub(super) consumer: String,
}

/// A cgroup, kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Group {
    Path(String),
    Id(u64),
}

/// Lookups of one kind.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) kind: Kind,
    pub(super) count: u64,
    pub(super) sum_ns: u64,
    pub(super) max_ns: u64,
    /// When the slowest ended, in nanoseconds since 1970.
    pub(super) slowest_end: u64,
    /// The socket of the last that asked, by which its program is found.
    pub(super) inode: Option<u32>,
    pub(super) links: Links,
}

/// A fetch that brought credentials, or should have.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) role: String,
    /// Both in nanoseconds since 1970.
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) ending: FetchEnding,
}

/// How a fetch ended.
#[derive(Debug)]
pub(super) enum FetchEnding {
    /// With a key that ends so.
    Found(String),
    /// Why not.
    Failed(String),
    /// How upstream said that there is no role.
    Missing(String),
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Interval {
    pub(super) buckets: Vec<Bucket>,
    pub(super) fetches: VecDeque<Fetch>,
}

impl Interval {
    /// Counts a lookup. `now` is asked only when it is the slowest so far.
    pub(super) fn lookup(&mut self, lookup: &Lookup<'_>, took: Duration, now: impl Fn() -> u64) {
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.bucket(|kind| kind.is_of(lookup), || Kind::of(lookup));
        bucket.count += 1;
        bucket.sum_ns = bucket.sum_ns.saturating_add(took_ns);
        if took_ns > bucket.max_ns || bucket.count == 1 {
            bucket.max_ns = took_ns;
            bucket.slowest_end = now();
        }
        bucket.inode = lookup.inode.or(bucket.inode);
        if let Some(link) = lookup.trace.as_ref().and_then(Link::of) {
            bucket.links.note(link);
        }
    }

    /// Keeps a fetch. Returns how many are kept no longer for it.
    pub(super) fn fetch(&mut self, fetch: Fetch) -> u64 {
        self.fetches.push_back(fetch);
        if self.fetches.len() > FETCHES_MAX {
            self.fetches.pop_front();
            return 1;
        }
        0
    }

    /// Takes in what came after this. Returns how many fetches it cost.
    pub(super) fn absorb(&mut self, later: Self) -> u64 {
        for mut bucket in later.buckets {
            let kind = &bucket.kind;
            if !self.buckets.iter().any(|kept| kept.kind == *kind) && self.is_full() {
                bucket.kind = kind.rest();
            }
            match self.buckets.iter_mut().find(|kept| kept.kind == bucket.kind) {
                Some(kept) => kept.absorb(bucket),
                None => self.buckets.push(bucket),
            }
        }
        later.fetches.into_iter().map(|fetch| self.fetch(fetch)).sum()
    }

    /// The rest have buckets of their own, which are few.
    fn is_full(&self) -> bool {
        self.buckets.iter().filter(|bucket| bucket.kind.consumer != OTHER).count() >= BUCKETS_MAX
    }

    /// A list rather than a map: hosts have few kinds, and a search compares
    /// numbers first and copies nothing.
    fn bucket(&mut self, is_it: impl Fn(&Kind) -> bool, new: impl Fn() -> Kind) -> &mut Bucket {
        if let Some(at) = self.buckets.iter().position(|bucket| is_it(&bucket.kind)) {
            return &mut self.buckets[at];
        }
        let kind = new();
        let kind = if self.is_full() { kind.rest() } else { kind };
        let found = self.buckets.iter().position(|bucket| bucket.kind == kind);
        let at = found.unwrap_or(self.buckets.len());
        if found.is_none() {
            self.buckets.push(Bucket::new(kind));
        }
        &mut self.buckets[at]
    }
}

impl Kind {
    fn of(lookup: &Lookup<'_>) -> Self {
        Self {
            door: lookup.door,
            ending: lookup.ending,
            uid: lookup.uid,
            cgroup: lookup.cgroup.map(|cgroup| match cgroup {
                Cgroup::Path(path) => Group::Path(path.to_owned()),
                Cgroup::Id(id) => Group::Id(id),
            }),
            role: lookup.role.to_owned(),
            consumer: lookup.consumer.to_owned(),
        }
    }

    fn is_of(&self, lookup: &Lookup<'_>) -> bool {
        let is_group = match (&self.cgroup, lookup.cgroup) {
            (Some(Group::Id(mine)), Some(Cgroup::Id(id))) => *mine == id,
            (Some(Group::Path(mine)), Some(Cgroup::Path(path))) => mine == path,
            (None, None) => true,
            _ => false,
        };
        is_group
            && (self.door, self.ending, self.uid) == (lookup.door, lookup.ending, lookup.uid)
            && self.consumer == lookup.consumer
            && self.role == lookup.role
    }

    /// What it is counted as when there are too many kinds.
    fn rest(&self) -> Self {
        Self {
            door: self.door,
            ending: self.ending,
            uid: None,
            cgroup: None,
            role: String::new(),
            consumer: OTHER.to_owned(),
        }
    }
}

impl Bucket {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            count: 0,
            sum_ns: 0,
            max_ns: 0,
            slowest_end: 0,
            inode: None,
            links: Links::default(),
        }
    }

    fn absorb(&mut self, later: Self) {
        self.count += later.count;
        self.sum_ns = self.sum_ns.saturating_add(later.sum_ns);
        if later.max_ns > self.max_ns {
            (self.max_ns, self.slowest_end) = (later.max_ns, later.slowest_end);
        }
        self.inode = later.inode.or(self.inode);
        self.links.absorb(later.links);
    }
}

impl Fetch {
    /// None of those that only saw that the role is the same.
    pub(super) fn of(role: &str, attempt: &Attempt<'_>) -> Option<Self> {
        let ending = match attempt.outcome {
            Outcome::SameRole => return None,
            Outcome::Found(held) => FetchEnding::Found(held.credentials.last_four().to_owned()),
            Outcome::Failed(why) => FetchEnding::Failed(why.clone()),
            Outcome::Missing { how, .. } => FetchEnding::Missing(how.clone()),
        };
        let nanos = |millis: i64| u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000);
        let ended = nanos(attempt.ended.wall_millis);
        // The wall clock may have been set meanwhile; how long it took is known.
        let took = attempt.ended.boot.since(attempt.began.boot).as_nanos();
        let took = u64::try_from(took).unwrap_or(u64::MAX);
        Some(Self { role: role.to_owned(), began: ended.saturating_sub(took), ended, ending })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn lookup(uid: u32, ending: Ending) -> Lookup<'static> {
        Lookup {
            door: Door::Container,
            role: "app",
            consumer: "web",
            ending,
            last_four: None,
            uid: Some(uid),
            cgroup: Some(Cgroup::Id(9)),
            inode: None,
            pid: None,
            trace: None,
            began: Instant::now(),
        }
    }

    fn interval(uids: std::ops::Range<u32>) -> Interval {
        let mut interval = Interval::default();
        for uid in uids {
            for (ending, millis) in [(Ending::Given, 1), (Ending::Given, 3), (Ending::Denied, 2)] {
                let took = Duration::from_millis(millis);
                interval.lookup(&lookup(uid, ending), took, || millis);
            }
        }
        interval
    }

    fn counts(interval: &Interval, consumer: &str) -> Vec<(Ending, u64, u64, u64)> {
        let buckets = interval.buckets.iter().filter(|bucket| bucket.kind.consumer == consumer);
        let row = |bucket: &Bucket| {
            (bucket.kind.ending, bucket.count, bucket.sum_ns / 1_000_000, bucket.slowest_end)
        };
        buckets.map(row).collect()
    }

    #[test]
    fn however_many_ask_there_are_so_many_buckets() {
        let few = interval(0..1);
        assert_eq!(
            counts(&few, "web"),
            [(Ending::Given, 2, 4, 3), (Ending::Denied, 1, 2, 2)],
            "the slowest tells when"
        );
        let mut many = interval(0..1_000);
        // 128 users fit, with two endings each.
        let rest = |given: u64| {
            [(Ending::Given, given * 2, given * 4, 3), (Ending::Denied, given, given * 2, 2)]
        };
        assert_eq!(counts(&many, "web").len(), BUCKETS_MAX);
        assert_eq!(counts(&many, OTHER), rest(872));

        assert_eq!(many.absorb(interval(100..1_100)), 0);
        assert_eq!(counts(&many, "web").len(), BUCKETS_MAX);
        assert_eq!(counts(&many, OTHER), rest(872 + 972));
        let all: u64 = many.buckets.iter().map(|bucket| bucket.count).sum();
        assert_eq!(all, 6_000, "none is lost");
    }

    #[test]
    fn however_many_fetches_there_are_the_last_are_kept() {
        let fetch = |ended| Fetch {
            role: "app".to_owned(),
            began: 0,
            ended,
            ending: FetchEnding::Failed("status 503".to_owned()),
        };
        let mut first = Interval::default();
        let dropped: u64 = (0..70).map(|at| first.fetch(fetch(at))).sum();
        assert_eq!((dropped, first.fetches.len()), (6, FETCHES_MAX));
        let mut second = Interval::default();
        for at in 70..80 {
            second.fetch(fetch(at));
        }
        assert_eq!((first.absorb(second), first.fetches.len()), (10, FETCHES_MAX));
        assert_eq!(first.fetches.front().map(|fetch| fetch.ended), Some(16));
    }
}
