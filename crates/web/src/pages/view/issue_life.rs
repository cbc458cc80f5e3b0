//! The part of an issue's page that is about its life: whether a fix worked,
//! and what happened so far. Its buttons are in `issue_actions`.

use hotspan_model::comparison::{Comparison, Latency, Needs, SideFigures};
use hotspan_model::life::{ChangeReason, Ignored, Origin, Progress, StateChange, Verification};
use hotspan_model::{Issue, IssueStatus};
use maud::{Markup, html};

use super::words;
use crate::parts::shell::{Frame, when};
use crate::parts::{format, meter};

/// Changes that are shown; the API has more of them.
const CHANGES_MAX: usize = 20;

/// Whether a fix worked, or what is missing to say so.
pub(crate) fn verification(frame: &Frame, issue: &Issue) -> Markup {
    let known = issue.life.verification.as_ref();
    html! {
        @if let Some(known) = known.filter(|known| is_shown(issue, known)) {
            section.verify #verification {
                h2 { (title(known)) @if let Some(how_sure) = how_sure(known) { " " span.conf { (how_sure) } } }
                p { (sentence(issue, known)) }
                @if let Progress::Waiting(needs) = known.progress { (progress(known, needs)) }
                @if let Some(comparison) = &known.comparison { (table(comparison)) }
                p.soft { "Counted from " (when(known.started, frame.now)) ", last looked at " (when(known.checked, frame.now)) "." }
            }
        } @else if let Some(ignored) = issue.life.ignored {
            section.verify { h2 { "Ignored" } p { (until(ignored)) } }
        }
    }
}

/// An old *verified* says nothing about an issue that came back since.
fn is_shown(issue: &Issue, known: &Verification) -> bool {
    !(known.progress == Progress::Verified && issue.status != IssueStatus::Verified)
}

fn title(known: &Verification) -> &'static str {
    match known.progress {
        Progress::AwaitingRelease => "Waiting for the release",
        Progress::Waiting(_) => "Comparing before and after",
        Progress::Verified => "Verified",
        Progress::NotFixed => "Not fixed",
        Progress::Lapsed => "Not decided",
    }
}

/// A figure is said where there is a verdict that it belongs to.
fn how_sure(known: &Verification) -> Option<String> {
    let decided = matches!(known.progress, Progress::Verified | Progress::NotFixed);
    let comparison = known.comparison.filter(|_| decided)?;
    Some(format!("{} sure", format::percent(comparison.confidence)))
}

fn sentence(issue: &Issue, known: &Verification) -> String {
    let release = in_release(known);
    match (known.progress, &known.comparison) {
        (Progress::AwaitingRelease, _) => format!(
            "The comparison begins with the first request of release {} of {}.",
            known.release, issue.endpoint.service
        ),
        (Progress::Waiting(Needs { before: true, .. }), _) => {
            "There is nothing to compare with: no request from before did this in the days for \
             which there are figures by minute."
                .to_owned()
        }
        (Progress::Waiting(needs), comparison) => {
            let so_far = match comparison.as_ref().filter(|figures| figures.after.samples > 0) {
                Some(figures) => format!("So far: {}.", words::outcome(figures)),
                None => "No request was seen since.".to_owned(),
            };
            format!("{so_far} {}", missing(needs))
        }
        (Progress::Verified, Some(figures)) => format!(
            "Verified{release}: {}, by {} in {} after the fix.{}",
            words::outcome(figures),
            format::plural(figures.after.samples as f64, "request", "requests"),
            format::plural(figures.after.minutes as f64, "minute", "minutes"),
            slower(figures),
        ),
        (Progress::NotFixed, Some(figures)) => format!(
            "Still there{release}: {}. It counts as gone at {} and below.",
            words::outcome(figures),
            format::percent(figures.share_gone),
        ),
        (Progress::Lapsed, _) => {
            "Seven days were not enough to tell: too few requests, or too few of them clear."
                .to_owned()
        }
        (_, None) => "The figures of this comparison are not kept.".to_owned(),
    }
}

fn in_release(known: &Verification) -> String {
    match known.release.as_str() {
        "" => String::new(),
        release => format!(" in release {release}"),
    }
}

/// An endpoint that got slower although the issue went has another fault.
fn slower(figures: &Comparison) -> &'static str {
    match figures.latency {
        Latency::Slower => " The issue is gone, but requests became slower for another reason.",
        Latency::Faster | Latency::Same => "",
    }
}

fn missing(needs: Needs) -> String {
    let requests = (needs.requests > 0)
        .then(|| format::plural(needs.requests as f64, "more request", "more requests"));
    let minutes = (needs.minutes > 0).then(|| {
        format::plural(
            needs.minutes as f64,
            "more minute with requests",
            "more minutes with requests",
        )
    });
    match (requests, minutes) {
        (Some(requests), Some(minutes)) => format!("It needs {requests} and {minutes}."),
        (Some(one), None) | (None, Some(one)) => format!("It needs {one}."),
        (None, None) => "It needs more minutes: the figures do not tell clearly yet.".to_owned(),
    }
}

fn progress(known: &Verification, needs: Needs) -> Markup {
    let after = known.comparison.map(|figures| figures.after).unwrap_or_default();
    let bar = |seen: u64, missing: u64, unit: &str| {
        let all = seen + missing;
        meter::part(
            seen as f64,
            all as f64,
            &format!("{} of {} {unit}", format::exact(seen), format::exact(all)),
        )
    };
    html! {
        @if known.comparison.is_some() && !needs.is_clearness_only() {
            dl.queues {
                dt { (format::exact(after.samples)) " of " (format::exact(after.samples + needs.requests)) " requests" }
                dd { (bar(after.samples, needs.requests, "requests")) }
                dt { (format::exact(after.minutes)) " of " (format::exact(after.minutes + needs.minutes)) " minutes with requests" }
                dd { (bar(after.minutes, needs.minutes, "minutes")) }
            }
        }
    }
}

fn table(comparison: &Comparison) -> Markup {
    let Comparison { before, after, .. } = comparison;
    let percentile = |side: &SideFigures| {
        if side.samples > 0 { format::duration_short(side.p95_ns) } else { "–".to_owned() }
    };
    let stretch = |side: &SideFigures| {
        if side.samples > 0 {
            format!(
                "{} {} – {} {}",
                format::day(side.from),
                format::hour_minute(side.from),
                format::day(side.to),
                format::hour_minute(side.to)
            )
        } else {
            "–".to_owned()
        }
    };
    let rows = [
        ("Share of the time", words::share(before.share), words::share(after.share)),
        ("95th percentile", percentile(before), percentile(after)),
        ("Requests", format::exact(before.samples), format::exact(after.samples)),
        (
            "of which affected",
            format::exact(before.samples_affected),
            format::exact(after.samples_affected),
        ),
        ("Minutes with requests", format::exact(before.minutes), format::exact(after.minutes)),
        ("From, to (UTC)", stretch(before), stretch(after)),
    ];
    html! {
        div.scroll { table.list.narrow.compared {
            thead { tr { th scope="col" {} th.num scope="col" { "Before" } th.num scope="col" { "After" } } }
            tbody { @for (name, left, right) in rows { tr { th scope="row" { (name) } td.num { (left) } td.num { (right) } } } }
        } }
        @if after.samples > 0 {
            p.soft { "With 95% confidence the share is below " (format::percent(comparison.share_after_max)) " now. Minutes were drawn anew a thousand times to tell." }
        }
    }
}

fn until(ignored: Ignored) -> String {
    match ignored {
        Ignored::Forever => "It is ignored for ever, unless you reopen it.".to_owned(),
        Ignored::Until(at) => format!("It is ignored until {}.", format::moment(at)),
        Ignored::UntilGrown { day_wall_ns } => format!(
            "It is ignored until it costs {} in 24 hours, twice the {} when it was ignored.",
            format::duration_short(day_wall_ns.saturating_mul(hotspan_model::life::GROWTH)),
            format::duration_short(day_wall_ns),
        ),
    }
}

/// What happened so far, the newest first.
pub(crate) fn history(frame: &Frame, issue: &Issue) -> Markup {
    html! {
        section {
            h2 { "History" }
            ol.timeline {
                @for change in issue.life.history.iter().take(CHANGES_MAX) { (step(frame, change)) }
                li { span.at { (when(issue.first_seen, frame.now)) } span { (words::status_tag(IssueStatus::Open)) " first seen" } }
            }
        }
    }
}

fn step(frame: &Frame, change: &StateChange) -> Markup {
    html! {
        li {
            span.at { (when(change.at, frame.now)) }
            span {
                (words::status_tag(change.to)) " " (reason(change))
                @if let Some(figures) = &change.comparison {
                    small.soft { (words::outcome(figures)) " · " (format::plural(figures.after.samples as f64, "request", "requests")) " · " (format::percent(figures.confidence)) " sure" }
                }
            }
        }
    }
}

fn reason(change: &StateChange) -> String {
    let by = match change.actor.as_str() {
        "" => String::new(),
        actor => format!(" by {actor}"),
    };
    let release = match change.release.as_str() {
        "" => String::new(),
        release => format!(" in release {release}"),
    };
    match change.reason {
        ChangeReason::Claimed => format!("a fix was said to be deployed{release}{by}"),
        ChangeReason::Measured => format!("measured{release}"),
        ChangeReason::Returned => format!("it came back{release}"),
        ChangeReason::Lapsed => "seven days were not enough to tell".to_owned(),
        ChangeReason::Ignored => format!("ignored{by}"),
        ChangeReason::Reopened => format!("reopened{by}"),
        ChangeReason::Grown => "it costs twice as much as when it was ignored".to_owned(),
        ChangeReason::Due => "the date until which it was ignored has come".to_owned(),
    }
}

/// How to verify, while nothing is under way.
pub(crate) fn how_to_verify(issue: &Issue) -> Markup {
    let running = issue
        .life
        .verification
        .as_ref()
        .is_some_and(|known| known.origin == Origin::Claim && known.progress.is_pending());
    html! {
        @if !running && issue.status != IssueStatus::Verified {
            h2.later { "How to verify" }
            p.soft {
                "Deploy, then press “I deployed a fix”. Hotspan compares the requests before and after and closes the issue itself, "
                "or says that it is not fixed. A new release of " (issue.endpoint.service) " is compared without being asked. "
                "The share should fall to 0% and " (issue.endpoint.name) " should be about " (format::duration_short(saved(issue))) " faster a request."
            }
        }
    }
}

fn saved(issue: &Issue) -> i64 {
    if issue.requests_affected > 0.0 {
        (issue.wall_ns as f64 / issue.requests_affected) as i64
    } else {
        0
    }
}
