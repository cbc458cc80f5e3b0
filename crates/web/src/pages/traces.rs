//! `GET /traces?service=…&min=…&errors=1&by=slowest`.

use hotspan_model::time::NANOS_PER_MILLI;
use hotspan_store::TraceFilter;

use super::view::traces::{Traces, traces};
use super::visit::{Shown, Visit};

/// Rows on the page.
const ROWS_MAX: usize = 100;
/// Latest requests among which the slowest are looked for.
const LATEST_MAX: usize = 2_000;

pub(crate) async fn show(visit: Visit) -> Shown {
    let store = &visit.state.store;
    let fail = |error| visit.failed(&error);
    let min = visit.param("min").trim().to_owned();
    let duration_min_ns = duration(&min);
    let service = visit.param("service").to_owned();
    let errors_only = visit.param("errors") == "1";
    let slowest = visit.param("by") == "slowest";
    let filter = TraceFilter {
        project: None,
        service: (!service.is_empty()).then(|| service.clone()),
        duration_min_ns,
        errors_only,
    };
    let wanted = if slowest { LATEST_MAX } else { ROWS_MAX };
    let mut rows = store.recent_traces(visit.window(), &filter, wanted).await.map_err(fail)?;
    let looked_at = rows.len();
    if slowest {
        rows.sort_by_key(|row| std::cmp::Reverse(row.duration_ns));
        rows.truncate(ROWS_MAX);
    }
    let mut services: Vec<String> =
        store.services().await.map_err(fail)?.into_iter().map(|(_, service)| service).collect();
    services.sort();
    services.dedup();
    let model = Traces {
        rows,
        services,
        service,
        min_unclear: !min.is_empty() && duration_min_ns.is_none(),
        min,
        errors_only,
        slowest,
        slowest_of: (slowest && looked_at == LATEST_MAX).then_some(LATEST_MAX),
        rows_max: ROWS_MAX,
    };
    Ok(traces(&visit.frame, &model))
}

/// `500 ms`, `2s`, `1.5 s`, `1m`; a bare number is milliseconds.
fn duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = match text[digits..].trim() {
        "" | "ms" => 1.0,
        "us" | "µs" => 0.001,
        "s" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return None,
    };
    let number: f64 = text[..digits].parse().ok()?;
    Some((number * unit * NANOS_PER_MILLI as f64) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("500 ms", Some(500_000_000)),
            ("500", Some(500_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("2 m", Some(120_000_000_000)),
            ("7µs", Some(7_000)),
            ("", None),
            ("fast", None),
            ("1.2.3 s", None),
            ("-1 s", None),
        ] {
            assert_eq!(duration(text), expected, "{text:?}");
        }
    }
}
