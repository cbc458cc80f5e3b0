//! The one check of these tests: a trace in, a few lines about each segment out.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::Expect;
use hotspan_analysis::{SpanDigest, analyze, analyze_profile, asked, digest, segments};
use hotspan_model::segment::ProfileUse;
use hotspan_model::{Class, EndpointProfile, Finding, FindingScope, SegmentRecord, TraceId};
use hotspan_testkit::notation;

/// The records of every segment in `text`.
pub(crate) fn records(text: &str) -> Vec<SegmentRecord> {
    let project = Arc::from("default");
    let mut traces: BTreeMap<TraceId, Vec<SpanDigest>> = BTreeMap::new();
    for span in notation::parse(text) {
        traces.entry(span.trace_id).or_default().push(digest(&project, &span, asked(&span)));
    }
    let analyzed = |(id, spans): (&TraceId, &Vec<SpanDigest>)| -> Vec<SegmentRecord> {
        segments(*id, spans).iter().map(analyze).collect()
    };
    traces.iter().flat_map(analyzed).collect()
}

/// Compares what is said about `text` with what is expected.
pub(crate) fn check(text: &str, expected: Expect) {
    let drawn: String = records(text).iter().map(draw).collect();
    expected.assert_eq(&drawn);
}

fn draw(record: &SegmentRecord) -> String {
    let ms = |nanos: i64| nanos as f64 / 1e6;
    let mut lines = vec![format!(
        "{} `{}`: {:.1} ms ={}",
        record.endpoint.kind.slug(),
        record.endpoint.name,
        ms(record.duration_ns),
        draw_time(record)
    )];
    for used in &record.uses {
        lines.push(format!(
            "  {}: {} lookups, {} calls, {:.1} ms, hidden {:.1} ms",
            used.family,
            used.lookups,
            used.calls,
            ms(used.wall_ns),
            ms(used.hidden_ns)
        ));
    }
    lines.extend(record.findings.iter().map(draw_finding));
    lines.join("\n") + "\n"
}

fn draw_time(record: &SegmentRecord) -> String {
    Class::ALL
        .into_iter()
        .filter(|class| record.time.get(*class) != 0)
        .map(|class| format!(" {} {:.1}", class.slug(), record.time.get(class) as f64 / 1e6))
        .collect()
}

/// Compares the findings in `text`, one a line, with what is expected.
pub(crate) fn check_findings(text: &str, expected: Expect) {
    let records = records(text);
    let findings = records.iter().flat_map(|record| &record.findings);
    expected.assert_eq(&findings.map(draw_repeats).collect::<String>());
}

/// Compares what the causes of the findings in `text` say, with their facts.
pub(crate) fn check_words(text: &str, expected: Expect) {
    let records = records(text);
    let findings = records.iter().flat_map(|record| &record.findings);
    let words = findings.map(|finding| {
        let facts = finding.cause.facts.iter();
        let facts: String = facts.map(|(figure, says)| format!("  {figure}: {says}\n")).collect();
        format!("{}\n{facts}", finding.cause.text)
    });
    expected.assert_eq(&words.collect::<String>());
}

/// Compares the issues that the requests of one endpoint raise, one a line,
/// with what is expected. Each text is an endpoint of its own.
pub(crate) fn check_issues(texts: &[&str], expected: Expect) {
    expected.assert_eq(&texts.iter().map(|text| issues(text)).collect::<String>());
}

/// In how many traces each issue is found, and whether over all requests.
fn issues(text: &str) -> String {
    let records = records(text);
    let mut issues: Vec<Vec<Finding>> = Vec::new();
    let traces = records.iter().flat_map(|record| record.findings.clone());
    for finding in traces.chain(analyze_profile(&profile(&records))) {
        let known = issues.iter_mut().find(|known| known[0].fingerprint == finding.fingerprint);
        match known {
            Some(known) => known.push(finding),
            None => issues.push(vec![finding]),
        }
    }
    issues.iter().map(|issue| draw_issue(issue)).collect()
}

/// An issue on one line: what it is, where it was seen, and each cause.
fn draw_issue(findings: &[Finding]) -> String {
    findings.iter().for_each(assert_whole);
    let (first, last) = (&findings[0], &findings[findings.len() - 1]);
    let traces = findings.iter().filter(|finding| finding.scope == FindingScope::Trace).count();
    let over_requests = if last.scope == FindingScope::Endpoint {
        let affected = (last.requests_affected, last.requests, last.share_of_wall() * 100.0);
        format!(", {} of {} requests {:.1}%", affected.0, affected.1, affected.2)
    } else {
        String::new()
    };
    let cause =
        |finding: &Finding| format!("{} ({})", finding.cause.code, finding.cause.confidence.slug());
    let mut causes: Vec<String> = findings.iter().map(cause).collect();
    causes.dedup();
    format!(
        "{}: {}, {traces} traces{over_requests}, {} | {}\n",
        first.detector,
        first.subject,
        causes.join(", "),
        first.fixes[0].title,
    )
}

/// The words are whole, there is something to do, and nobody is told to do at
/// one time what waits for each other.
fn assert_whole(finding: &Finding) {
    // Templates have places for values, too.
    const PLACES: [&str; 4] = ["id", "uuid", "hash", "date"];
    let mut names = finding.cause.text.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    assert!(names.all(|name| PLACES.contains(&name)), "{}", finding.cause.text);
    assert!(!finding.fixes.is_empty(), "{} has no fix", finding.cause.code);
    let lookups = [Class::CredentialLookup, Class::TokenFetch, Class::SecretFetch];
    if !lookups.contains(&finding.class) {
        return;
    }
    let advice = finding.fixes.iter().map(|fix| format!("{} {}", fix.title, fix.note));
    for text in advice.chain([finding.cause.text.clone()]) {
        assert!(!text.to_lowercase().contains("parallel"), "{text}");
    }
}

/// A finding about repeated calls on one line.
fn draw_repeats(finding: &Finding) -> String {
    assert_whole(finding);
    format!(
        "{}: {}, {} of {} calls, {:.1} ms, {} ({})\n",
        finding.detector,
        finding.subject,
        finding.lookups,
        finding.calls,
        finding.wall_ns as f64 / 1e6,
        finding.cause.code,
        finding.cause.confidence.slug(),
    )
}

/// A finding on one line.
pub(crate) fn draw_finding(finding: &Finding) -> String {
    format!(
        "  -> {} {:.1}%{}: {} ({}) | {}",
        finding.subject,
        finding.share_of_wall() * 100.0,
        if finding.at_least { ", at least" } else { "" },
        finding.cause.code,
        finding.cause.confidence.slug(),
        finding.fixes.first().map_or("no fix", |fix| fix.title.as_str())
    )
}

/// The profile that these records add up to, all of one endpoint.
pub(crate) fn profile(records: &[SegmentRecord]) -> EndpointProfile {
    let first = records.first().expect("a profile of at least one request");
    let mut uses: BTreeMap<Arc<str>, ProfileUse> = BTreeMap::new();
    for record in records {
        for used in &record.uses {
            let entry = uses.entry(Arc::clone(&used.family)).or_insert_with(|| ProfileUse {
                class: used.class,
                family: Arc::clone(&used.family),
                requests_affected: 0.0,
                samples_affected: 0,
                lookups: 0.0,
                calls: 0.0,
                wall_ns: 0,
                hidden_ns: 0,
                evidence: Vec::new(),
                templates: used.templates.clone(),
            });
            entry.requests_affected += record.weight;
            entry.samples_affected += 1;
            entry.lookups += record.weight * f64::from(used.lookups);
            entry.calls += record.weight * f64::from(used.calls);
            entry.wall_ns += (record.weight * used.wall_ns as f64) as i64;
            entry.hidden_ns += (record.weight * used.hidden_ns as f64) as i64;
            let example = (record.trace_id, record.entry_span, used.evidence.clone());
            entry.evidence.push(example);
        }
    }
    let wall = records.iter().map(|record| record.weight * record.duration_ns as f64);
    EndpointProfile {
        endpoint: first.endpoint.clone(),
        sdk: first.sdk.as_ref().clone(),
        requests: records.iter().map(|record| record.weight).sum(),
        samples: records.len() as u64,
        entry_wall_ns: wall.sum::<f64>() as i64,
        window: (first.start, records.last().map_or(first.start, |record| record.start)),
        uses: uses.into_values().collect(),
    }
}
