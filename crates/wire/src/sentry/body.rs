//! The JSON of events and transactions, as far as it is read. Fields that do
//! not decide about spans are lenient: a wrong type there counts as not sent.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::SdkInfo;
use super::timestamp::Timestamp;
use crate::json::{Flat, Text, lenient};

/// An `event` or a `transaction`: one schema for both.
#[derive(Debug, Deserialize)]
pub(super) struct Body<'a> {
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) event_id: Option<String>,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) start_timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) transaction: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) transaction_info: Option<TransactionInfo>,
    pub(super) contexts: Option<Contexts>,
    #[serde(borrow)]
    pub(super) spans: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tags: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) release: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) environment: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) server_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) platform: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) sdk: Option<SdkInfo>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) request: Option<RequestInfo>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) level: Option<String>,
    #[serde(default, borrow)]
    pub(super) exception: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) logentry: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TransactionInfo {
    #[serde(deserialize_with = "lenient")]
    pub(super) source: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RequestInfo {
    #[serde(deserialize_with = "lenient")]
    pub(super) method: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Contexts {
    pub(super) trace: Option<TraceContext>,
    #[serde(deserialize_with = "lenient")]
    pub(super) response: Option<ResponseContext>,
    #[serde(deserialize_with = "lenient")]
    pub(super) runtime: Option<RuntimeContext>,
}

/// `contexts.trace`: of a transaction the root span, of an event the span that
/// was open when it happened.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TraceContext {
    #[serde(deserialize_with = "lenient")]
    pub(super) trace_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) span_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) parent_span_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) op: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) status: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) origin: Option<String>,
    pub(super) data: Option<Flat>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ResponseContext {
    #[serde(deserialize_with = "lenient")]
    pub(super) status_code: Option<StatusCode>,
}

/// A number, or a number as text.
#[derive(Debug, Deserialize)]
#[serde(from = "Box<RawValue>")]
pub(super) struct StatusCode(pub(super) Option<i64>);

impl From<Box<RawValue>> for StatusCode {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw.get().trim_matches('"').parse().ok())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RuntimeContext {
    #[serde(deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) version: Option<String>,
}

/// A span inside a transaction, or a standalone one of the first version.
#[derive(Debug, Deserialize)]
pub(super) struct ChildSpan<'a> {
    #[serde(borrow)]
    pub(super) trace_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) span_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) parent_span_id: Option<Text<'a>>,
    pub(super) is_segment: Option<bool>,
    #[serde(borrow)]
    pub(super) op: Option<Text<'a>>,
    pub(super) description: Option<String>,
    pub(super) name: Option<String>,
    pub(super) start_timestamp: Option<Timestamp>,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) end_timestamp: Option<Timestamp>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    pub(super) origin: Option<Text<'a>>,
    pub(super) data: Option<Flat>,
    #[serde(borrow)]
    pub(super) tags: Option<&'a RawValue>,
}
