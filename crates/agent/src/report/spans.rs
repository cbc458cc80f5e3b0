//! From what happened to spans. The server reads them by these names, so they
//! change only together with the version of the scope.

use hotspan_imds::civil::UnixSeconds;

use super::interval::{Bucket, Fetch, FetchEnding, Group};
use super::otlp::{Attributes, Span};
use crate::ledger::Ending;
use crate::ledger::cgroups::Cgroups;
use crate::status::RoleStatus;

/// The scope and the version of what is written here.
pub(super) const SCOPE: (&str, &str) = ("hotspan.credentials", "1");

/// What is told of the whole agent with each role.
pub(super) struct Whole {
    pub(super) answered: u64,
    pub(super) passed: u64,
    pub(super) started: UnixSeconds,
    pub(super) dropped: u64,
}

/// Whom reports come from.
pub(super) fn resource(host: &str, instance: &str) -> Attributes {
    Attributes::default()
        .text("service.name", "hotspan-agent")
        .text("service.version", env!("CARGO_PKG_VERSION"))
        .text("host.name", host)
        .text("service.instance.id", instance)
}

/// Lookups of one kind: as long as the slowest of them. `program` asked last.
pub(super) fn of_lookups(bucket: &Bucket, cgroups: &mut Cgroups, program: Option<&str>) -> Span {
    let kind = &bucket.kind;
    let cgroup = match &kind.cgroup {
        Some(Group::Path(path)) => Some(path.as_str()),
        Some(Group::Id(id)) => cgroups.path(*id),
        None => None,
    };
    let attributes = Attributes::default()
        .text("hotspan.lookup.door", kind.door.name())
        .text("hotspan.lookup.role", &kind.role)
        .text("hotspan.lookup.consumer", &kind.consumer)
        .text("hotspan.lookup.answer", kind.ending.name())
        .whole("hotspan.lookup.count", bucket.count)
        .whole("hotspan.lookup.sum_ns", bucket.sum_ns)
        .whole("hotspan.lookup.max_ns", bucket.max_ns)
        .whole_if("hotspan.caller.uid", kind.uid)
        .text_if("hotspan.caller.cgroup", cgroup)
        .text_if("process.executable.path", program);
    let start = bucket.slowest_end.saturating_sub(bucket.max_ns);
    let mut span = Span::new("credential.lookup", start, bucket.slowest_end, attributes)
        .wrong_if(kind.ending != Ending::Given)
        .with_dropped_links(bucket.links.dropped);
    for link in bucket.links.iter() {
        let attributes = Attributes::default().whole("hotspan.lookup.count", link.count);
        span.link(link.trace_id, link.span_id, attributes);
    }
    span
}

/// A fetch.
pub(super) fn of_fetch(fetch: &Fetch) -> Span {
    let (outcome, reason, key) = match &fetch.ending {
        FetchEnding::Found(key) => ("found", None, Some(key.as_str())),
        FetchEnding::Failed(why) => ("failed", Some(why.as_str()), None),
        FetchEnding::Missing(how) => ("missing", Some(how.as_str()), None),
    };
    let attributes = Attributes::default()
        .text("hotspan.role.name", &fetch.role)
        .text("hotspan.fetch.outcome", outcome)
        .text_if("hotspan.fetch.reason", reason)
        .text_if("hotspan.role.key_last_four", key);
    Span::new("credential.fetch", fetch.began, fetch.ended, attributes).wrong_if(reason.is_some())
}

/// How a role stands at `now`, in nanoseconds since 1970.
pub(super) fn of_role(
    role: &RoleStatus,
    life_seconds: Option<i64>,
    whole: &Whole,
    now: u64,
) -> Span {
    let attributes = Attributes::default()
        .text("hotspan.role.name", &role.name)
        .text_if("hotspan.role.upstream", role.upstream_role.as_deref())
        .text("hotspan.role.standing", &role.standing)
        .text_if("hotspan.role.reason", role.reason.as_deref())
        .whole_if("hotspan.role.seconds_left", role.seconds_left)
        .whole_if("hotspan.role.life_seconds", life_seconds)
        .whole("hotspan.role.attempts", role.attempts)
        .whole("hotspan.role.failures", role.failures)
        .whole("hotspan.role.renewals", role.renewals)
        .whole_if("hotspan.role.clock_skew_seconds", role.clock_skew_seconds)
        .whole("hotspan.agent.answered_from_memory", whole.answered)
        .whole("hotspan.agent.passed_to_upstream", whole.passed)
        .whole("hotspan.agent.started_unix_seconds", whole.started.0)
        .whole("hotspan.report.dropped", whole.dropped);
    Span::new("credential.role", now, now, attributes)
}
