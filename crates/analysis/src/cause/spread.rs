//! Why lookups happen in most requests of an endpoint: means instead of single
//! calls, since a profile keeps sums.
//!
//! | a request that looks up | cause |
//! |---|---|
//! | has one lookup | credentials are not shared between requests |
//! | has more | neither between requests nor inside them |
//! | waits about a lost token's time-out for each | the token answer is lost, in every request |

use hotspan_knowledge::Family;
use hotspan_model::time::NANOS_PER_MILLI;
use hotspan_model::{Cause, Confidence, Language};

use super::{common_figures, sdk_of};
use crate::{figures, wording};

/// A request that has this many lookups on average repeats them.
const LOOKUPS_REPEATED: f64 = 1.5;

/// What the endpoint form rests on; all weighted.
#[derive(Debug)]
pub(crate) struct Spread {
    pub(crate) family: &'static Family,
    pub(crate) language: Language,
    pub(crate) requests: f64,
    pub(crate) affected: f64,
    pub(crate) lookups: f64,
    pub(crate) calls: f64,
    pub(crate) wall_ns: i64,
}

impl Spread {
    /// The cause in words, with its figures.
    pub(crate) fn explain(&self, confidence: Confidence) -> Cause {
        let (code, confidence) = self.decide(confidence);
        // Where most of the time is waiting, the mean of a call tells nothing.
        let per_call_ns =
            (!self.waits()).then(|| (self.wall_ns as f64 / self.calls.max(1.0)) as i64);
        let mut told = common_figures(self.family, self.language, per_call_ns);
        let [requests, affected, lookups, per_request] =
            [self.requests, self.affected, self.lookups, self.per_request()].map(figures::weighted);
        let facts = self.facts(&affected, &requests);
        told.extend([
            ("requests", requests),
            ("affected", affected),
            ("lookups", lookups),
            ("per_request", per_request),
            ("per_wait", figures::duration(self.per_lookup_ns())),
        ]);
        wording::cause(code, confidence, &told, facts)
    }

    fn decide(&self, confidence: Confidence) -> (&'static str, Confidence) {
        match self.family.per_request.as_deref() {
            Some(own) => (own, confidence.min(Confidence::Likely)),
            // A mean may come from calls that are slow and not lost.
            None if self.waits() => {
                ("token_lost_in_every_request", confidence.min(Confidence::Likely))
            }
            None if self.per_request() >= LOOKUPS_REPEATED => {
                ("credentials_not_shared_and_repeated", confidence)
            }
            None => ("credentials_not_shared", confidence),
        }
    }

    fn facts(&self, affected: &str, requests: &str) -> Vec<(String, String)> {
        let mut facts = vec![(
            format!("{affected} of {requests}"),
            "requests made a lookup of their own".to_owned(),
        )];
        if self.per_request() >= LOOKUPS_REPEATED {
            let number = figures::weighted(self.per_request());
            facts.push((number, "lookups in a request that has any".to_owned()));
        }
        if self.waits() {
            facts.push((
                figures::duration(self.per_lookup_ns()),
                "mean of a lookup: about the time-out of a token request whose answer is lost"
                    .to_owned(),
            ));
        }
        facts
    }

    fn per_request(&self) -> f64 {
        self.lookups / self.affected.max(f64::MIN_POSITIVE)
    }

    fn per_lookup_ns(&self) -> i64 {
        (self.wall_ns as f64 / self.lookups.max(1.0)) as i64
    }

    /// True when a lookup takes about as long as one whose token is lost.
    fn waits(&self) -> bool {
        let timeout = |ms: &i64| ms * NANOS_PER_MILLI * 9 / 10;
        let has_token = self.family.id.starts_with("aws-")
            && self.family.steps.iter().any(|step| step == "token");
        let timeout_ns = sdk_of(self.language).and_then(|sdk| sdk.token_timeouts_ms.first());
        has_token && timeout_ns.is_some_and(|ms| self.per_lookup_ns() >= timeout(ms))
    }
}
