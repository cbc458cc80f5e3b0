//! The result as sentences, for people: one card an issue, worst first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write;

use hotspan_analysis::unit_of;
use hotspan_model::{Finding, FindingScope};

use super::Report;
use super::baseline::{Gone, State};
use super::judgement::{Judgement, Verdict};

/// Fixes shown of each issue; the rest is in the JSON form.
const FIXES_MAX: usize = 2;
/// Traces shown as evidence of each issue.
const TRACES_MAX: usize = 3;
/// Spans shown of each trace.
const SPANS_MAX: usize = 3;

pub(super) fn write(
    out: &mut impl Write,
    report: &Report,
    judgement: &Judgement<'_>,
) -> std::io::Result<()> {
    let cards = cards(&report.findings);
    for card in &cards {
        write_card(out, card, judgement)?;
    }
    for gone in &judgement.gone {
        writeln!(out, "{}", gone_line(gone))?;
    }
    let traces = plural(report.traces as f64, ("trace", "traces"));
    match (cards.len(), judgement.tolerated()) {
        (0, _) => writeln!(out, "{traces} analysed, nothing found."),
        (count, 0) => {
            writeln!(out, "{traces} analysed, {}.", plural(count as f64, ("issue", "issues")))
        }
        (count, tolerated) => writeln!(
            out,
            "{traces} analysed, {}, of which {tolerated} do not fail this run.",
            plural(count as f64, ("issue", "issues")),
        ),
    }
}

/// How an issue stands to the baseline and the thresholds; nothing when there
/// are none.
fn standing(verdict: Verdict) -> Option<String> {
    let percent = |share: f64| format!("{:.1}%", share * 100.0);
    Some(match verdict.state {
        Some(State::New) if verdict.fails => "New: the baseline does not have it.".to_owned(),
        Some(State::New) => "New, but below what --fail-on asks for.".to_owned(),
        Some(State::Known(shares)) => format!(
            "Known: {} of the time in the baseline, {} now.",
            percent(shares.before),
            percent(shares.now)
        ),
        Some(State::Grown(shares)) => format!(
            "Grown: from {} of the time in the baseline to {}{}.",
            percent(shares.before),
            percent(shares.now),
            if verdict.fails { "" } else { ", but below what --fail-on asks for" }
        ),
        None if !verdict.fails => "Below what --fail-on asks for.".to_owned(),
        None => return None,
    })
}

fn gone_line(gone: &Gone<'_>) -> String {
    let Gone { detector, service, endpoint, .. } = gone;
    if gone.looked_at {
        format!("Gone since the baseline: {endpoint} · {service} ({detector}).")
    } else {
        format!(
            "Not looked at: {endpoint} · {service} ({detector}) is in the baseline, but no \
             request of it is in these files."
        )
    }
}

/// Findings by fingerprint, most time lost first. In each, what was seen over
/// the endpoint comes first, because it speaks of all requests.
pub(super) fn cards(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut by_fingerprint: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_fingerprint.entry(&finding.fingerprint).or_default().push(finding);
    }
    let mut cards: Vec<Vec<&Finding>> = by_fingerprint.into_values().collect();
    for card in &mut cards {
        card.sort_by_key(|finding| (Reverse(finding.scope), Reverse(finding.wall_ns)));
    }
    cards.sort_by_key(|card| Reverse(card.iter().map(|finding| finding.wall_ns).sum::<i64>()));
    cards
}

fn write_card(
    out: &mut impl Write,
    card: &[&Finding],
    judgement: &Judgement<'_>,
) -> std::io::Result<()> {
    let Some(first) = card.first() else { return Ok(()) };
    let (endpoint, cause) = (&first.endpoint, &first.cause);
    writeln!(out, "{} · {}", endpoint.name, endpoint.service)?;
    writeln!(out, "  {}", sentence(card))?;
    if let Some(standing) = standing(judgement.verdict(first)) {
        writeln!(out, "  {standing}")?;
    }
    writeln!(out, "  Cause ({}): {}", cause.confidence.slug(), cause.text)?;
    for (figure, meaning) in &cause.facts {
        writeln!(out, "    {figure:>16}  {meaning}")?;
    }
    for fix in first.fixes.iter().take(FIXES_MAX) {
        writeln!(out, "  Fix ({}): {}", fix.language.label(), fix.title)?;
        for line in fix.snippet.lines() {
            writeln!(out, "    {line}")?;
        }
    }
    let traces = card.iter().filter(|finding| finding.scope == FindingScope::Trace);
    let shown: Vec<&&Finding> = if traces.clone().next().is_some() {
        traces.take(TRACES_MAX).collect()
    } else {
        card.iter().take(1).collect()
    };
    for finding in shown {
        let spans: Vec<String> =
            finding.evidence.iter().take(SPANS_MAX).map(ToString::to_string).collect();
        let more = if finding.evidence.len() > SPANS_MAX { " …" } else { "" };
        writeln!(out, "  Evidence: trace {}, spans {}{more}", finding.trace_id, spans.join(" "))?;
    }
    writeln!(out)
}

/// What is lost to what: over the endpoint where that was seen, else over the
/// requests that have it.
pub(super) fn sentence(card: &[&Finding]) -> String {
    let whole = card.iter().filter(|finding| finding.scope == FindingScope::Endpoint);
    let counted: Vec<&&Finding> =
        if whole.clone().next().is_some() { whole.collect() } else { card.iter().collect() };
    let sum = |of: fn(&Finding) -> f64| counted.iter().map(|finding| of(finding)).sum::<f64>();
    let affected = sum(|finding| finding.requests_affected).max(1.0);
    let (wall, entry) =
        (sum(|finding| finding.wall_ns as f64), sum(|finding| finding.entry_wall_ns as f64));
    let share = if entry > 0.0 { (wall / entry * 100.0).min(100.0) } else { 0.0 };
    let least = if counted.iter().any(|finding| finding.at_least) { "≥ " } else { "" };
    let hidden = match sum(|finding| finding.hidden_ns as f64) {
        0.0 => String::new(),
        nanos => format!(", {:.0} ms of it without a named span", nanos / affected / 1e6),
    };
    let unit = counted.first().map_or(("time", "times"), |finding| unit_of(&finding.detector));
    let lookups = sum(|finding| finding.lookups) / affected;
    format!(
        "{share:.1}% of the time of {} goes to {}: {least}{}{} a request, {:.0} ms{hidden}.",
        plural(sum(|finding| finding.requests), ("request", "requests")),
        counted.first().map_or("", |finding| finding.subject.as_str()),
        plural(lookups, unit),
        calls_beside(lookups, sum(|finding| finding.calls) / affected, unit),
        wall / affected / 1e6,
    )
}

/// How many calls that took, where it says more than what was counted.
fn calls_beside(lookups: f64, calls: f64, unit: (&str, &str)) -> String {
    let call = ("call", "calls");
    let differs = unit != call && calls > lookups;
    if differs { format!(" and {}", plural(calls, call)) } else { String::new() }
}

fn plural(count: f64, (one, several): (&str, &str)) -> String {
    let digits = usize::from(count.fract() != 0.0);
    let noun = if count == 1.0 { one } else { several };
    format!("{count:.digits$} {noun}")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use expect_test::{Expect, expect};

    use super::super::{Files, analyse, input};
    use super::*;

    /// The text for recorded files, all in one.
    fn check(files: &[&str], expected: Expect) {
        let captures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/captures");
        let spans = files
            .iter()
            .flat_map(|file| input::read(&captures.join(file), "shop").expect("readable").spans)
            .collect();
        let mut text = Vec::new();
        let report = analyse(spans, Files::new());
        write(&mut text, &report, &Judgement::default()).expect("writes to memory");
        expected.assert_eq(&String::from_utf8(text).expect("is text"));
    }

    #[test]
    fn one_card_for_one_issue_in_two_traces_and_a_file_given_twice() {
        let folder = "sentry-ruby-5.3.0/seedrep-presign100-b-IPR0-0";
        let files = ["000.body", "001.body", "001.body"].map(|file| format!("{folder}/{file}"));
        check(
            &files.each_ref().map(String::as_str),
            expect![[r#"
            UploadsController#presign · shop
              31.6% of the time of 2 requests goes to AWS credential lookups: 100 lookups and 300 calls a request, 580 ms.
              Cause (very likely): 100 lookups in one request, 300 calls in all (PUT + GET + GET each). 100 of the 100 start with a new session token, and the AWS SDK for Ruby keeps that token inside its provider object (Aws::InstanceProfileCredentials): so each of them was made by a provider of its own, built together with a client and thrown away with it. Each client resolves its own credentials. The instance metadata service (IMDS) itself is healthy: a call takes about 870 µs.
                 100 : 100 : 100  token : role list : credentials calls; every lookup starts with a new token
                          870 µs  median of the calls that were answered
              Fix (Ruby): Share one provider between all clients
                # config/initializers/aws.rb
                Aws.config[:credentials] = Aws::InstanceProfileCredentials.new
              Fix (any language): Serve credentials from memory on each host (coming with hotspan-agent)
              Evidence: trace f85209ac68444cecab88c528ed169b70, spans a84edd88d71122b4 e7175c3b41887f26 1fc13d0aeb7a0e44 …
              Evidence: trace 358ea6824c904c159920f795c98b393c, spans 328235f174ceec46 001458a59cf23bb0 0fb337d3cbbee860 …

            2 traces analysed, 1 issue.
        "#]],
        );
    }

    #[test]
    fn nothing_found_is_said() {
        check(
            &["sentry-ruby-6.6.2/healthy-a/001.body"],
            expect![[r#"
            1 trace analysed, nothing found.
        "#]],
        );
    }
}
