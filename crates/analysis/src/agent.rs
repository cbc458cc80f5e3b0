//! Spans with which an agent on a host tells of its credentials, told apart from
//! all others and read. They are no requests: nothing waits in them, so they are
//! not assembled, profiled or judged.

use std::sync::Arc;

use hotspan_model::agent::{
    AgentCaller, AgentFetch, AgentLookups, AgentNews, AgentReport, AgentRole,
};
use hotspan_model::{Attributes, Span, ValueRef};

/// The instrumentation scope of those spans.
const SCOPE: &str = "hotspan.credentials";
/// No agent tells more of one text; a span may come from anyone.
const TEXT_BYTES_MAX: usize = 300;
/// No agent counts further, and an hour and more of lookups in one interval is
/// none. Two million rows of it still add up to less than what a sum may be.
const NUMBER_MAX: i64 = 4_000_000_000_000;
/// Traces taken over from one span.
const TRACES_MAX: usize = 16;

/// Whether an agent tells something with this span.
pub fn is_agent_report(span: &Span) -> bool {
    span.scope.name == SCOPE
}

/// What it tells; `None` when it is of a kind that this version does not know.
pub fn agent_report(project: &Arc<str>, span: &Span) -> Option<AgentReport> {
    if !is_agent_report(span) {
        return None;
    }
    let news = match span.name.as_str() {
        "credential.lookup" => AgentNews::Lookups(lookups(span)),
        "credential.fetch" => AgentNews::Fetch(fetch(span)),
        "credential.role" => AgentNews::Role(role(span)),
        _ => return None,
    };
    Some(AgentReport {
        project: Arc::clone(project),
        trace_id: span.trace_id,
        span_id: span.span_id,
        host: text(&span.resource.attributes, "host.name"),
        news,
    })
}

fn lookups(span: &Span) -> AgentLookups {
    let told = &span.attributes;
    let caller = AgentCaller {
        door: text(told, "hotspan.lookup.door"),
        role: text(told, "hotspan.lookup.role"),
        consumer: text(told, "hotspan.lookup.consumer"),
        uid: number(told, "hotspan.caller.uid"),
        cgroup: text(told, "hotspan.caller.cgroup"),
        executable: text(told, "process.executable.path"),
    };
    let traces = span.links.iter().take(TRACES_MAX).map(|link| {
        (link.trace_id, link.span_id, count(&link.attributes, "hotspan.lookup.count").max(1))
    });
    AgentLookups {
        at: span.start,
        caller,
        answer: text(told, "hotspan.lookup.answer"),
        count: count(told, "hotspan.lookup.count"),
        sum_ns: number(told, "hotspan.lookup.sum_ns").unwrap_or_default().max(0),
        max_ns: number(told, "hotspan.lookup.max_ns").unwrap_or_default().max(0),
        traces: traces.collect(),
    }
}

fn fetch(span: &Span) -> AgentFetch {
    let told = &span.attributes;
    AgentFetch {
        start: span.start,
        end: span.end,
        role: text(told, "hotspan.role.name"),
        outcome: text(told, "hotspan.fetch.outcome"),
        reason: text(told, "hotspan.fetch.reason"),
        key_last_four: text(told, "hotspan.role.key_last_four").chars().take(4).collect(),
    }
}

fn role(span: &Span) -> AgentRole {
    let told = &span.attributes;
    let whole = |name| number(told, name).unwrap_or_default().max(0);
    AgentRole {
        at: span.end,
        role: text(told, "hotspan.role.name"),
        upstream: text(told, "hotspan.role.upstream"),
        standing: text(told, "hotspan.role.standing"),
        reason: text(told, "hotspan.role.reason"),
        seconds_left: number(told, "hotspan.role.seconds_left"),
        life_seconds: number(told, "hotspan.role.life_seconds"),
        attempts: whole("hotspan.role.attempts"),
        failures: whole("hotspan.role.failures"),
        renewals: whole("hotspan.role.renewals"),
        clock_skew_seconds: number(told, "hotspan.role.clock_skew_seconds"),
        started_seconds: whole("hotspan.agent.started_unix_seconds"),
        answered_from_memory: whole("hotspan.agent.answered_from_memory"),
        passed_to_upstream: whole("hotspan.agent.passed_to_upstream"),
        dropped: whole("hotspan.report.dropped"),
    }
}

fn text(told: &Attributes, name: &str) -> String {
    let whole = told.get(name).and_then(ValueRef::as_str).unwrap_or_default();
    let mut end = whole.len().min(TEXT_BYTES_MAX);
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    whole[..end].to_owned()
}

fn number(told: &Attributes, name: &str) -> Option<i64> {
    let told = told.get(name).and_then(ValueRef::as_int)?;
    Some(told.clamp(-NUMBER_MAX, NUMBER_MAX))
}

fn count(told: &Attributes, name: &str) -> u64 {
    number(told, name).and_then(|value| u64::try_from(value).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotspan_model::{Resource, Scope};

    /// A span of an agent from one of the notation.
    fn span(name: &str, told: &[(&str, i64)]) -> Span {
        let text = "trace 1 service=hotspan-agent\ninternal told 0..1";
        let mut span = hotspan_testkit::notation::parse(text).remove(0);
        span.name = name.to_owned();
        span.scope = Arc::new(Scope { name: SCOPE.to_owned(), ..Scope::default() });
        span.resource = Arc::new(Resource::default());
        for (key, value) in told {
            span.attributes.push(key, *value);
        }
        span
    }

    #[test]
    fn whatever_is_told_can_be_added_up() {
        let project: Arc<str> = Arc::from("default");
        let keys = ["hotspan.lookup.count", "hotspan.lookup.sum_ns", "hotspan.lookup.max_ns"];
        for (told, kept) in [(i64::MAX, NUMBER_MAX), (-5, 0), (7, 7)] {
            let span = span("credential.lookup", &keys.map(|key| (key, told)));
            let Some(AgentNews::Lookups(found)) =
                agent_report(&project, &span).map(|report| report.news)
            else {
                panic!("no lookups of {told}")
            };
            assert_eq!((found.count as i64, found.sum_ns, found.max_ns), (kept, kept, kept));
        }
    }

    #[test]
    fn only_what_is_known_is_read() {
        let project: Arc<str> = Arc::from("default");
        assert!(agent_report(&project, &span("credential.other", &[])).is_none());
        let mut foreign = span("credential.lookup", &[]);
        foreign.scope = Arc::new(Scope::default());
        assert!(agent_report(&project, &foreign).is_none());
    }
}
