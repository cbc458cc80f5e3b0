//! `client_report` items: what the SDK says it lost before sending.

use serde::Deserialize;

use super::Reading;
use crate::decoded::{Reason, RequestError};
use crate::json::Capped;

/// Different losses of one request. SDKs have a dozen reasons and a dozen
/// categories.
const LOSSES_MAX: usize = 100;

/// What a loss is called that has no usable name, or comes after too many.
const OTHER: &str = "other";

/// Characters of a reason or category.
const NAME_CHARS_MAX: usize = 64;

#[derive(Deserialize)]
struct Report {
    discarded_events: Option<Capped<Entry>>,
    filtered_events: Option<Capped<Entry>>,
    filtered_sampling_events: Option<Capped<Entry>>,
    rate_limited_events: Option<Capped<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    quantity: u64,
}

/// Decodes a report into the request's client losses.
pub(super) fn decode(json: &str, reading: &mut Reading<'_>) -> Result<(), RequestError> {
    reading.budget.pay_item()?;
    let report: Report = match serde_json::from_str(json) {
        Ok(report) => report,
        Err(error) => {
            let message =
                format!("client report is unreadable: {error}; send it as the SDK made it");
            reading.decoded.reject(Reason::MalformedItem, message);
            return Ok(());
        }
    };
    let lists = [
        report.discarded_events,
        report.filtered_events,
        report.filtered_sampling_events,
        report.rate_limited_events,
    ];
    let entries = lists.into_iter().flatten().flat_map(|list| list.items);
    for entry in entries {
        add(&mut reading.decoded.client_losses, &entry);
    }
    Ok(())
}

fn add(losses: &mut Vec<(String, String, u64)>, entry: &Entry) {
    let mut key = (name(&entry.reason), name(&entry.category));
    let known = |losses: &[(String, String, u64)], key: (&str, &str)| {
        losses.iter().position(|loss| loss.0 == key.0 && loss.1 == key.1)
    };
    if losses.len() >= LOSSES_MAX && known(losses, key).is_none() {
        key = (OTHER, OTHER);
    }
    match known(losses, key) {
        Some(index) => losses[index].2 = losses[index].2.saturating_add(entry.quantity),
        None => losses.push((key.0.to_owned(), key.1.to_owned(), entry.quantity)),
    }
}

/// These become names of counters, so whatever is no name becomes `other`.
fn name(text: &str) -> &str {
    let is_name = !text.is_empty()
        && text.len() <= NAME_CHARS_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':'));
    if is_name { text } else { OTHER }
}
