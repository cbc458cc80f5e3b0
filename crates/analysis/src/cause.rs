//! Why lookups happen: a decision table over the evidence, and the words for it.
//!
//! | seen (token : list : credentials) | SDK | cause | sure |
//! |---|---|---|---|
//! | no credentials came | any | lookups fail | likely |
//! | token calls time out in half of the lookups | any | token response lost | very likely; likely when the calls left no span |
//! | 1:1:1 | keeps the token in a provider | new provider per use | very likely from three lookups on |
//! | 1:1:1 | does not keep it | new provider or refresh | likely |
//! | 0:1:1 | keeps the token | refresh window | likely |
//! | between the two, three tokens or more | keeps the token | new provider per use | likely |
//! | one call a lookup (container endpoints) | any | new provider or refresh | likely |
//! | families with a cause of their own (STS, other clouds, Vault) | any | that one | likely |
//!
//! Where the language is unknown nothing is more than possible, except for what
//! the calls show by themselves.

pub(crate) mod spread;

use hotspan_knowledge::causes::fill;
use hotspan_knowledge::{AwsSdk, Family, knowledge};
use hotspan_model::time::NANOS_PER_MILLI;
use hotspan_model::{Cause, Confidence, Language};

use crate::{figures, wording};

/// A metadata service that takes longer than this for a call is called slow.
const SLOW_CALL_NS: i64 = 25 * NANOS_PER_MILLI;
/// A first lookup of two clients made at start-up looks like two lookups, so
/// only more of them rule it out.
const LOOKUPS_SURE: u32 = 3;

/// The code that the family with the hop limit has for its time-outs.
const TOKEN_LOST: &str = "token_response_lost";

/// What the decision rests on.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) family: &'static Family,
    pub(crate) language: Language,
    pub(crate) lookups: u32,
    pub(crate) calls: u32,
    pub(crate) tokens: u32,
    pub(crate) lists: u32,
    pub(crate) credentials: u32,
    /// At least one lookup brought credentials.
    pub(crate) succeeded: bool,
    /// Lookups whose token call ran into a time-out, however it shows.
    pub(crate) timed_out: u32,
    /// Of those, lookups whose token call has a span without a name.
    pub(crate) nameless: u32,
    /// Of those, lookups whose token call has no span.
    pub(crate) missing: u32,
    /// Lookups whose token request was refused.
    pub(crate) refused: u32,
    /// Median of the calls that were answered.
    pub(crate) per_call_ns: Option<i64>,
    /// Templates of the calls, by step.
    pub(crate) templates: Vec<String>,
    /// Spans kept, when the SDK cut the trace there.
    pub(crate) cut_at: Option<u32>,
    /// Time-out that the token calls ran into, as measured.
    pub(crate) timeout_ns: i64,
}

impl Evidence {
    fn has_token_step(&self) -> bool {
        self.family.steps.iter().any(|step| step == "token") && self.family.steps.len() > 2
    }

    /// Token calls by lookup: mostly one, mostly none, or neither.
    fn every_lookup_has_a_token(&self) -> bool {
        self.tokens * 5 >= self.lookups * 4
    }

    fn hardly_a_lookup_has_a_token(&self) -> bool {
        self.tokens * 5 <= self.lookups
    }
}

fn sdk_of(language: Language) -> Option<&'static AwsSdk> {
    knowledge().sdks.aws(language.slug())
}

/// The cause and how sure it is.
pub(crate) fn decide(evidence: &Evidence) -> (&'static str, Confidence) {
    let known = evidence.language != Language::Unknown;
    let likely = if known { Confidence::Likely } else { Confidence::Possible };
    match evidence.family.per_use.as_deref() {
        _ if !evidence.succeeded => ("lookups_fail", Confidence::Likely),
        Some(cause) => (cause, Confidence::Likely),
        None if evidence.timed_out > 0 && evidence.timed_out * 2 >= evidence.lookups => {
            let seen = evidence.timed_out > evidence.missing && evidence.timed_out > 1;
            let confidence = if seen { Confidence::VeryLikely } else { Confidence::Likely };
            (TOKEN_LOST, confidence)
        }
        None if !evidence.has_token_step() => ("new_provider_or_refresh", likely),
        None => by_ratio(evidence, likely),
    }
}

/// Token calls tell new providers from refreshes where providers keep tokens.
fn by_ratio(evidence: &Evidence, likely: Confidence) -> (&'static str, Confidence) {
    let caches = sdk_of(evidence.language).is_some_and(|sdk| sdk.caches_token);
    match caches {
        true if evidence.every_lookup_has_a_token() => {
            let sure = evidence.lookups >= LOOKUPS_SURE;
            let confidence = if sure { Confidence::VeryLikely } else { Confidence::Likely };
            ("new_provider_per_use", confidence)
        }
        true if evidence.hardly_a_lookup_has_a_token() => ("refresh_window", likely),
        // Each token is a new provider; these refresh on top of it.
        true if evidence.tokens >= LOOKUPS_SURE => ("new_provider_per_use", likely),
        false if evidence.every_lookup_has_a_token() => ("new_provider_or_refresh", likely),
        _ => ("undetermined", Confidence::Undetermined),
    }
}

/// The cause in words, with its figures.
pub(crate) fn explain(evidence: &Evidence) -> Cause {
    let (code, confidence) = decide(evidence);
    let mut figures = common_figures(evidence.family, evidence.language, evidence.per_call_ns);
    figures.extend([
        ("lookups", figures::count(u64::from(evidence.lookups))),
        ("calls", figures::count(u64::from(evidence.calls))),
        ("per_lookup", per_lookup(evidence)),
        ("tokens", figures::count(u64::from(evidence.tokens.min(evidence.lookups)))),
        ("timed_out", figures::count(u64::from(evidence.timed_out))),
        ("timeout", figures::duration(evidence.timeout_ns)),
        ("at_least", evidence.cut_at.map_or("", |_| "at least ").to_owned()),
    ]);
    wording::cause(code, confidence, &figures, facts(evidence))
}

/// Figures about the SDK and about who answers.
fn common_figures(
    family: &Family,
    language: Language,
    per_call_ns: Option<i64>,
) -> Vec<(&'static str, String)> {
    // What AWS's SDKs do says nothing about other services.
    let sdk = sdk_of(language).filter(|_| family.id.starts_with("aws-"));
    let text = |read: fn(&AwsSdk) -> &str| sdk.map_or(String::new(), |sdk| read(sdk).to_owned());
    let own = [("endpoint", family.endpoint.clone())];
    let health = per_call_ns.map_or(String::new(), |nanos| {
        let sentence = knowledge().causes.health(nanos >= SLOW_CALL_NS);
        let per_call = [("per_call", figures::duration(nanos))];
        fill(&fill(sentence, &own), &per_call)
    });
    let window = sdk.map_or(0, |sdk| sdk.refresh_window_s);
    let [endpoint] = own;
    vec![
        endpoint,
        ("health", health),
        ("sdk", text(|sdk| &sdk.name)),
        ("provider", text(|sdk| &sdk.provider)),
        ("shares", text(|sdk| &sdk.shares)),
        ("timeout_reason", text(|sdk| &sdk.timeout_reason)),
        ("window", figures::setting(window)),
    ]
}

/// `PUT + GET + GET`: methods of HTTP calls, names of operations.
fn per_lookup(evidence: &Evidence) -> String {
    let words = evidence.templates.iter();
    let words: Vec<&str> =
        words.map(|template| template.split(' ').next().unwrap_or(template)).collect();
    words.join(" + ")
}

fn facts(evidence: &Evidence) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let number = |count: u32| figures::count(u64::from(count));
    if evidence.has_token_step() {
        let [token, list, credentials] =
            [evidence.tokens, evidence.lists, evidence.credentials].map(number);
        let meaning = if evidence.every_lookup_has_a_token() {
            "token : role list : credentials calls; every lookup starts with a new token"
        } else {
            "token : role list : credentials calls; not every lookup starts with a new token"
        };
        facts.push((format!("{token} : {list} : {credentials}"), meaning.to_owned()));
    }
    if evidence.timed_out > 0 {
        let shape = match (evidence.nameless, evidence.missing) {
            (0, 0) => "token calls ran into the time-out",
            (_, 0) => "token calls ran into the time-out; their spans have no name",
            _ => {
                "token calls ran into the time-out; the SDK dropped their spans, the gaps show them"
            }
        };
        facts.push((
            format!("{} × {}", number(evidence.timed_out), figures::duration(evidence.timeout_ns)),
            shape.to_owned(),
        ));
    }
    if evidence.refused > 0 {
        facts.push((
            number(evidence.refused),
            "token requests were refused; the lookups went on without one (IMDSv1)".to_owned(),
        ));
    }
    if let Some(nanos) = evidence.per_call_ns {
        facts.push((figures::duration(nanos), "median of the calls that were answered".to_owned()));
    }
    if let Some(spans) = evidence.cut_at {
        facts.push((
            format!("{} spans", number(spans)),
            "is where the telemetry SDK cut this trace: there are more lookups than it shows"
                .to_owned(),
        ));
    }
    facts
}
