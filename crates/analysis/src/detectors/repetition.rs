//! What findings about repeated calls have in common: how they are measured,
//! what they are called, and the figures their causes are told with.

use std::sync::Arc;

use hotspan_model::normalise::url;
use hotspan_model::segment::ClassUse;
use hotspan_model::{CallKind, Class, Confidence, Finding};
use twox_hash::XxHash3_128;

use super::finding::{Amount, Draft, EVIDENCE_MAX};
use super::scene::Scene;
use crate::digest::SpanDigest;
use crate::figures;
use crate::repeats::{Series, Values};
use crate::study::Study;
use crate::wording;

/// Calls of a request that repeat, and what a detector makes of them.
pub(super) struct Repetition<'a> {
    /// The detector's slug.
    pub(super) detector: &'static str,
    /// What subjects begin with: `N+1 query`.
    pub(super) heading: &'static str,
    /// The cause's code and how sure it is.
    pub(super) cause: (&'static str, Confidence),
    /// The calls, by start.
    pub(super) calls: &'a [usize],
    /// Those of them that are too many: what the time lost is measured by.
    pub(super) lost: &'a [usize],
    /// One call of each operation, in order.
    pub(super) operations: &'a [usize],
    /// How often something is repeated.
    pub(super) repeats: usize,
    /// What the issue is about when it is not the operations: the target.
    pub(super) target: Option<&'a str>,
    /// What came before the calls, if that matters.
    pub(super) source: Option<usize>,
    /// Figures that only this detector has.
    pub(super) figures: Vec<(&'static str, String)>,
}

/// Spans that a use lists: there may be one in every request, so few.
const USE_EVIDENCE_MAX: usize = 8;

/// What a repetition is called: the same in a trace and over requests.
struct Named {
    class: Class,
    /// The detector and what is repeated: sets the issue apart from others.
    family: String,
    /// Operations as people read them.
    names: Vec<String>,
}

impl Repetition<'_> {
    /// Reports it when it costs enough. What costs less is added up all the
    /// same, since a little in every request is much, too.
    pub(super) fn report(self, scene: &mut Scene<'_, '_>) {
        let study = scene.study;
        let wall_ns = study.paths.of_set_ns(self.lost.iter().copied());
        let (is_worth, adds_up) = (scene.is_worth(wall_ns), self.adds_up(scene, wall_ns));
        if !is_worth && !adds_up {
            return;
        }
        let Some(named) = self.named(study) else {
            return;
        };
        let calls = self.calls;
        if adds_up {
            scene.add_use(self.use_of(study, &named, wall_ns), calls, is_worth);
        }
        if is_worth {
            let finding = self.finding(scene, named, wall_ns);
            scene.report(finding, calls.iter().copied());
        }
    }

    /// True for what the endpoint form looks at.
    fn adds_up(&self, scene: &Scene<'_, '_>, wall_ns: i64) -> bool {
        self.target.is_none() && scene.share_of(wall_ns) >= scene.thresholds.repeats.use_share_min
    }

    fn named(&self, study: &Study<'_>) -> Option<Named> {
        let spans = &study.segment.spans;
        let operations = self.operations.iter();
        let mut parts: Vec<String> = match self.target {
            Some(target) => vec![url::path_template(target)],
            None => operations.clone().flat_map(|&call| identity_of(&spans[call])).collect(),
        };
        parts.retain(|part| !part.is_empty());
        // The turns of a cycle may be seen to begin anywhere.
        parts.sort_unstable();
        Some(Named {
            class: operations.clone().map(|&call| class_of(&spans[call])).min()?,
            family: bounded(format!("{} {}", self.detector, parts.join(" "))),
            names: operations.map(|&call| name_of_call(&spans[call])).collect(),
        })
    }

    fn use_of(&self, study: &Study<'_>, named: &Named, wall_ns: i64) -> ClassUse {
        let evidence = self.lost.iter().take(USE_EVIDENCE_MAX);
        ClassUse {
            class: named.class,
            family: Arc::from(named.family.as_str()),
            lookups: self.repeats as u32,
            calls: self.calls.len() as u32,
            wall_ns,
            hidden_ns: 0,
            evidence: evidence.map(|&call| study.segment.spans[call].span_id).collect(),
            templates: named.names.clone(),
        }
    }

    fn finding(self, scene: &Scene<'_, '_>, named: Named, wall_ns: i64) -> Finding {
        let study = scene.study;
        let spans = &study.segment.spans;
        let (code, confidence) = self.cause;
        let series = Series::new(study, self.calls);
        let mut told = told(study, &series, wall_ns, scene.share_of(wall_ns));
        told.push(("call", named.names.first().cloned().unwrap_or_default()));
        let source = self.source.map(|source| name_of_call(&spans[source]));
        told.push(("source", source.clone().unwrap_or_default()));
        told.extend(self.figures);
        let about = self.target.map_or_else(|| named.names.join(", "), str::to_owned);
        let language = study.segment.facts.sdk.language;
        let draft = Draft {
            detector: self.detector,
            class: named.class,
            identity: vec![named.family.clone()],
            family: named.family,
            subject: format!("{}: {about}", self.heading),
            cause: wording::cause(code, confidence, &told, facts(study, &series, source)),
            fixes: wording::fixes(code, "", language),
            templates: named.names,
        };
        let evidence = self.lost.iter().take(EVIDENCE_MAX);
        let amount = Amount {
            lookups: self.repeats as f64,
            calls: self.calls.len() as f64,
            wall_ns,
            hidden_ns: 0,
            evidence: evidence.map(|&call| spans[call].span_id).collect(),
        };
        draft.in_trace(study, amount)
    }
}

/// A family is a key of what is kept for each minute: a statement that has no
/// summary is told by its beginning and a hash.
fn bounded(family: String) -> String {
    const CHARS_MAX: usize = 160;
    match family.char_indices().nth(CHARS_MAX) {
        None => family,
        Some((cut, _)) => {
            let hash = XxHash3_128::oneshot(family.as_bytes()) as u64;
            format!("{}… {hash:016x}", &family[..cut])
        }
    }
}

/// Figures that every text about repeated calls may use.
fn told(
    study: &Study<'_>,
    series: &Series<'_, '_>,
    wall_ns: i64,
    share: f64,
) -> Vec<(&'static str, String)> {
    let at_once = series.at_once();
    vec![
        ("at_least", study.cut_at.map_or("", |_| "at least ").to_owned()),
        ("calls", figures::count(series.calls.len() as u64)),
        ("per_call", figures::duration(series.median_ns())),
        ("time", figures::duration(wall_ns)),
        ("share", figures::percent(share)),
        ("at_once", figures::count(at_once as u64)),
        ("values", values(series)),
        ("order", order(at_once)),
    ]
}

fn values(series: &Series<'_, '_>) -> String {
    match series.values() {
        Values::Unknown => "do not tell the values they ask with".to_owned(),
        Values::Different(1) => "ask for the same".to_owned(),
        Values::Different(count) => {
            format!("ask for {} different things", figures::count(count as u64))
        }
    }
}

/// A clause about whether calls wait for each other.
pub(super) fn order(at_once: usize) -> String {
    match at_once {
        0 | 1 => "one after the other".to_owned(),
        more => format!("up to {} of them at one time", figures::count(more as u64)),
    }
}

fn facts(
    study: &Study<'_>,
    series: &Series<'_, '_>,
    source: Option<String>,
) -> Vec<(String, String)> {
    let median = figures::duration(series.median_ns());
    let count = figures::count(series.calls.len() as u64);
    let mut facts = vec![(format!("{count} × {median}"), "calls and their median".to_owned())];
    let parents = series.parents();
    let parent = series.calls.first().and_then(|&call| study.tree.parents[call]);
    if let Some(parent) = parent.filter(|_| parents > 1) {
        let name = &study.segment.spans[parent].name;
        let number = figures::count(parents as u64);
        facts.push((number, format!("spans that they hang under, such as {name}")));
    }
    if let Values::Different(different) = series.values() {
        facts.push((figures::count(different as u64), "different things asked for".to_owned()));
    }
    match series.at_once() {
        0 | 1 => {}
        more => facts.push((figures::count(more as u64), "at one time".to_owned())),
    }
    if let Some(source) = source {
        facts.push((source, "is the call that ended last before them".to_owned()));
    }
    if let Some(spans) = study.cut_at {
        facts.push((
            format!("{} spans", figures::count(u64::from(spans))),
            "is where the telemetry SDK cut this trace: there may be more".to_owned(),
        ));
    }
    facts
}

/// A call as people read it: `SELECT order_items`, `GET api/users/{id}`.
pub(super) fn name_of_call(span: &SpanDigest) -> String {
    match &span.call {
        Some(call) if call.kind == CallKind::Http && !span.name.is_empty() => span.name.to_string(),
        Some(call) => call.operation.clone(),
        None => span.name.to_string(),
    }
}

pub(super) fn class_of(span: &SpanDigest) -> Class {
    span.call.as_ref().map_or(Class::Own, |call| call.class)
}

/// What a call is in a fingerprint: whom it calls, hosts that differ in
/// numbers being one, and what it does.
pub(super) fn identity_of(span: &SpanDigest) -> [String; 2] {
    match &span.call {
        Some(call) => [url::path_template(&call.target), call.operation.clone()],
        None => [String::new(), span.name.to_string()],
    }
}

/// Sets the issue apart from others of its class at the endpoint.
pub(super) fn family_of(detector: &str, span: &SpanDigest) -> String {
    let [target, operation] = identity_of(span);
    format!("{detector} {target} {operation}")
}

#[cfg(test)]
mod tests {
    use super::bounded;

    #[test]
    fn long_families_stay_apart() {
        let long = |end: &str| bounded(format!("n-plus-one-query {}{end}", "é".repeat(400)));
        assert_ne!(long("a"), long("b"));
        assert_eq!(long("a"), long("a"));
        assert_eq!(long("a").chars().count(), 160 + 2 + 16);
        assert_eq!(bounded("short".to_owned()), "short");
    }
}
