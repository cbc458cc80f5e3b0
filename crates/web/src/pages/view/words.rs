//! Sentences about issues that several pages say.

use hotspan_model::{Comparison, Issue, IssueStatus};
use maud::{Markup, html};

use crate::parts::format;

/// `365`, or `≥ 365` when an SDK cut the traces.
pub(crate) fn counted(issue: &Issue, number: f64) -> String {
    let number = format::average(number);
    if issue.at_least { format!("≥\u{a0}{number}") } else { number }
}

/// `in every request`, `in 62% of its requests`.
pub(crate) fn how_often(issue: &Issue) -> String {
    let share = if issue.requests > 0.0 { issue.requests_affected / issue.requests } else { 0.0 };
    if share >= 0.995 {
        "in every request".to_owned()
    } else {
        format!("in {} of its requests", format::percent(share))
    }
}

/// Mean duration of a request of the issue's endpoint.
pub(crate) fn mean_ns(issue: &Issue) -> i64 {
    if issue.requests > 0.0 { (issue.entry_wall_ns as f64 / issue.requests) as i64 } else { 0 }
}

/// What is counted in a request, as a heading: `lookups`, `queries`.
pub(crate) fn units(issue: &Issue) -> &'static str {
    hotspan_analysis::unit_of(&issue.detector).1
}

/// `365 lookups`, `≥ 1 query`.
pub(crate) fn amount(issue: &Issue, number: f64) -> String {
    let (one, several) = hotspan_analysis::unit_of(&issue.detector);
    let is_one = (number - 1.0).abs() < f64::EPSILON;
    format!("{} {}", counted(issue, number), if is_one { one } else { several })
}

/// `HS-12`.
pub(crate) fn number(issue: &Issue) -> String {
    format!("HS-{}", issue.id)
}

/// The state of an issue in words.
pub(crate) fn status_word(status: IssueStatus) -> &'static str {
    match status {
        IssueStatus::Open => "open",
        IssueStatus::FixClaimed => "fix claimed",
        IssueStatus::Verified => "verified",
        IssueStatus::NotFixed => "not fixed",
        IssueStatus::Regressed => "regressed",
        IssueStatus::Ignored => "ignored",
    }
}

/// The state of an issue as a tag.
pub(crate) fn status_tag(status: IssueStatus) -> Markup {
    let tone = match status {
        IssueStatus::Open | IssueStatus::NotFixed | IssueStatus::Regressed => "open",
        IssueStatus::FixClaimed => "waiting",
        IssueStatus::Verified => "good",
        IssueStatus::Ignored => "quiet",
    };
    html! { span class={ "tag " (tone) } { (status_word(status)) } }
}

/// A share after a fix: nothing left is a measured figure too.
pub(crate) fn share(share: f64) -> String {
    if share > 0.0 { format::percent(share) } else { "0.0%".to_owned() }
}

/// `35% → 0.0%, p95 9.8 s → 6.2 s`.
pub(crate) fn outcome(figures: &Comparison) -> String {
    let (before, after) = (&figures.before, &figures.after);
    format!(
        "{} → {}, p95 {} → {}",
        share(before.share),
        share(after.share),
        format::duration_short(before.p95_ns),
        format::duration_short(after.p95_ns),
    )
}

/// Says that figures are scaled up from samples, where they are.
pub(crate) fn weighting(samples: u64, requests: f64) -> Option<String> {
    let scaled = requests > samples as f64 * 1.01 && samples > 0;
    scaled.then(|| {
        format!(
            "{} received requests stand for {}: counts and times lost are scaled up by the sampling rate that the SDKs sent.",
            format::exact(samples),
            format::count(requests)
        )
    })
}
