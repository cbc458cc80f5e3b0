//! What AWS SDKs do when they look up credentials, and what telemetry SDKs leave out.

use serde::Deserialize;

/// One language's AWS SDK.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsSdk {
    /// Language slug.
    pub language: String,
    /// For sentences: `the AWS SDK for Ruby`.
    pub name: String,
    /// What holds credentials in it, for sentences.
    pub provider: String,
    /// How long a token request whose answer is lost takes, shortest unit first.
    pub token_timeouts_ms: Vec<i64>,
    /// Why it takes that long.
    pub timeout_reason: String,
    /// A provider keeps its token for later lookups.
    pub caches_token: bool,
    /// Credentials with less life left than this are fetched again; 0 when only after expiry.
    pub refresh_window_s: i64,
    /// A lost token makes the lookup go on without one.
    pub falls_back_to_v1: bool,
    /// Who shares credentials with whom: a whole sentence.
    pub shares: String,
}

/// One telemetry SDK.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySdk {
    /// Its name; sub-packages (`sentry.ruby.rails`) count too.
    pub name: String,
    /// Spans of a transaction beyond which it drops the rest.
    pub spans_max: Option<u32>,
    /// Before this major version, a call that timed out has no span.
    pub drops_timed_out_before: Option<u32>,
    /// It writes a status into the span of every request that was answered.
    #[serde(default)]
    pub tells_every_answer: bool,
    /// Before this major version, spans hang beside the span they were opened in.
    pub flat_before: Option<u32>,
    /// Spans of calls leave out the query of an address unless it is told
    /// otherwise.
    #[serde(default)]
    pub drops_queries: bool,
}

impl TelemetrySdk {
    /// True when this version leaves out spans of calls that timed out.
    pub fn drops_timed_out(&self, version: &str) -> bool {
        is_before(version, self.drops_timed_out_before)
    }

    /// True when this version hangs spans beside the span they were opened in.
    pub fn is_flat(&self, version: &str) -> bool {
        is_before(version, self.flat_before)
    }
}

fn is_before(version: &str, limit: Option<u32>) -> bool {
    let major: Option<u32> = version.split('.').next().and_then(|text| text.parse().ok());
    major.zip(limit).is_some_and(|(major, limit)| major < limit)
}

/// Every SDK.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sdks {
    aws_sdk: Vec<AwsSdk>,
    telemetry_sdk: Vec<TelemetrySdk>,
}

impl Sdks {
    /// The AWS SDKs.
    pub fn aws_all(&self) -> &[AwsSdk] {
        &self.aws_sdk
    }

    /// The AWS SDK of a language; the one called `unknown` when there is none.
    pub fn aws(&self, language: &str) -> Option<&AwsSdk> {
        let find = |slug: &str| self.aws_sdk.iter().find(|sdk| sdk.language == slug);
        find(language).or_else(|| find("unknown"))
    }

    /// The telemetry SDK of this name or package of it.
    pub fn telemetry(&self, name: &str) -> Option<&TelemetrySdk> {
        self.telemetry_sdk.iter().find(|sdk| {
            name.strip_prefix(sdk.name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
        })
    }
}
