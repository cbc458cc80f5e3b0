//! How much is in a metrics or logs request, without reading what it says:
//! both are accepted and counted, not kept.

use serde::Deserialize;

use super::Format;
use super::fields::{Fields, WireError};
use crate::decoded::RequestError;
use crate::json::{Count, Counted, Sum};

/// Fields that lead from the request to a metric: `resource_metrics`,
/// `scope_metrics`, `metrics`.
const METRICS: &[u32] = &[1, 2, 2];

/// The kinds of data a metric can have: gauge, sum, histogram, exponential
/// histogram, summary. Each has its points in field 1.
const METRIC_DATA: &[u32] = &[5, 7, 9, 10, 11];

/// Fields that lead from the request to a log record.
const LOG_RECORDS: &[u32] = &[1, 2, 2];

/// Counts the data points of an `ExportMetricsServiceRequest`.
pub fn count_metrics(body: &[u8], format: Format) -> Result<u64, RequestError> {
    match format {
        Format::Protobuf => at_path(body, METRICS, &mut points_of_metric)
            .map_err(|error| RequestError::malformed("OTLP metrics protobuf", error)),
        Format::Json => serde_json::from_slice::<MetricsRequest>(body)
            .map(|request| request.count())
            .map_err(|error| RequestError::malformed("OTLP metrics JSON", error)),
    }
}

/// Counts the log records of an `ExportLogsServiceRequest`.
pub fn count_logs(body: &[u8], format: Format) -> Result<u64, RequestError> {
    match format {
        Format::Protobuf => at_path(body, LOG_RECORDS, &mut |_| Ok(1))
            .map_err(|error| RequestError::malformed("OTLP logs protobuf", error)),
        Format::Json => serde_json::from_slice::<LogsRequest>(body)
            .map(|request| request.count())
            .map_err(|error| RequestError::malformed("OTLP logs JSON", error)),
    }
}

/// Sums what `count` says of every message that lies at `path`.
fn at_path(
    message: &[u8],
    path: &[u32],
    count: &mut dyn FnMut(&[u8]) -> Result<u64, WireError>,
) -> Result<u64, WireError> {
    let Some((step, rest)) = path.split_first() else {
        return count(message);
    };
    let mut total = 0;
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        if number == *step {
            total += at_path(payload.bytes()?, rest, count)?;
        }
    }
    Ok(total)
}

fn points_of_metric(metric: &[u8]) -> Result<u64, WireError> {
    let mut total = 0;
    let mut fields = Fields::of(metric);
    while let Some((number, payload)) = fields.next()? {
        if METRIC_DATA.contains(&number) {
            total += at_path(payload.bytes()?, &[1], &mut |_| Ok(1))?;
        }
    }
    Ok(total)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetricsRequest {
    resource_metrics: Option<Sum<ResourceMetrics>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceMetrics {
    scope_metrics: Option<Sum<ScopeMetrics>>,
}

#[derive(Deserialize)]
struct ScopeMetrics {
    metrics: Option<Sum<Metric>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    gauge: Option<Points>,
    sum: Option<Points>,
    histogram: Option<Points>,
    exponential_histogram: Option<Points>,
    summary: Option<Points>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Points {
    data_points: Option<Count>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogsRequest {
    resource_logs: Option<Sum<ResourceLogs>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs {
    scope_logs: Option<Sum<ScopeLogs>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs {
    log_records: Option<Count>,
}

macro_rules! counted {
    ($($name:ident: $($field:ident)+,)+) => {
        $(impl Counted for $name {
            fn count(&self) -> u64 {
                0 $(+ self.$field.as_ref().map_or(0, Counted::count))+
            }
        })+
    };
}

counted! {
    MetricsRequest: resource_metrics,
    ResourceMetrics: scope_metrics,
    ScopeMetrics: metrics,
    Metric: gauge sum histogram exponential_histogram summary,
    Points: data_points,
    LogsRequest: resource_logs,
    ResourceLogs: scope_logs,
    ScopeLogs: log_records,
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::{
        Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
        ScopeMetrics, Summary, SummaryDataPoint,
    };
    use prost::Message;

    fn metric(data: Data) -> Metric {
        Metric { name: "m".to_owned(), data: Some(data), ..Metric::default() }
    }

    #[test]
    fn data_points_of_every_kind() {
        let metrics = vec![
            metric(Data::Gauge(Gauge { data_points: vec![NumberDataPoint::default(); 3] })),
            metric(Data::Histogram(Histogram {
                data_points: vec![HistogramDataPoint::default(); 2],
                ..Histogram::default()
            })),
            metric(Data::Summary(Summary { data_points: vec![SummaryDataPoint::default()] })),
        ];
        let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![
                ResourceMetrics { scope_metrics, ..ResourceMetrics::default() };
                2
            ],
        };
        let counted = count_metrics(&request.encode_to_vec(), Format::Protobuf);
        assert_eq!(counted, Ok(12));
    }

    #[test]
    fn log_records() {
        let request = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                scope_logs: vec![
                    ScopeLogs {
                        log_records: vec![LogRecord::default(); 4],
                        ..ScopeLogs::default()
                    };
                    2
                ],
                ..ResourceLogs::default()
            }],
        };
        assert_eq!(count_logs(&request.encode_to_vec(), Format::Protobuf), Ok(8));
    }

    #[test]
    fn json() {
        let metrics = |json: &str| count_metrics(json.as_bytes(), Format::Json).ok();
        let logs = |json: &str| count_logs(json.as_bytes(), Format::Json).ok();
        let gauge = r#"{"gauge":{"dataPoints":[{"asInt":"1"},{}]}},{"sum":{"dataPoints":[{}]}}"#;
        let request =
            format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{gauge}]}}]}}]}}"#);
        assert_eq!(metrics(&request), Some(3));
        assert_eq!(metrics("{}"), Some(0));
        assert_eq!(metrics(r#"{"resourceMetrics":null}"#), Some(0));
        assert_eq!(metrics(r#"{"resourceMetrics":[{"scopeMetrics":7}]}"#), None);
        assert_eq!(metrics("[]"), None);
        assert_eq!(metrics("nonsense"), None);
        let records = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{},{}]}]}]}"#;
        assert_eq!(logs(records), Some(2));
    }

    #[test]
    fn broken_protobuf_is_refused() {
        assert!(count_metrics(&[0x0a, 5, 1], Format::Protobuf).is_err());
        assert!(count_logs(&[0x0a, 2, 0x12, 9], Format::Protobuf).is_err());
        assert_eq!(count_logs(&[], Format::Protobuf), Ok(0));
    }
}
