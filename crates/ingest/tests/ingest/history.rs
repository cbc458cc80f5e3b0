//! The look over time on a running server: what becomes slower after a release
//! is an issue, with what it costs in each minute since.

use hotspan_model::{Issue, UnixNanos};
use hotspan_store::{IssueFilter, TimeWindow};

use crate::harness::{BEGIN, FakeClock, PATIENCE, Running, SECOND, quick, start, together};

const MINUTE: i64 = 60 * SECOND;
const MILLI: i64 = 1_000_000;
const REQUESTS_A_MINUTE: i64 = 10;

/// A request of 100 ms and a query on top of it.
fn request(number: i64, at: UnixNanos, query_ms: i64, release: &str) -> String {
    let span = |index: i64, parent: &str, name: &str, kind: i64, ms: i64, attributes: &str| {
        let (begin, end) = (at.plus(index * MILLI), at.plus(index * MILLI + ms * MILLI));
        format!(
            r#"{{"traceId":"{:032x}","spanId":"{:016x}",{parent}"name":"{name}","kind":{kind},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","attributes":[{attributes}]}}"#,
            number + 1,
            (number << 4) | (index + 1),
            begin.0,
            end.0
        )
    };
    let text = |key: &str, value: &str| {
        format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
    };
    let route = [text("http.request.method", "GET"), text("http.route", "/orders")].join(",");
    let query = [
        text("db.system.name", "postgresql"),
        text("db.query.text", "SELECT * FROM orders WHERE id = 7"),
    ]
    .join(",");
    let parent = format!(r#""parentSpanId":"{:016x}","#, (number << 4) | 1);
    // Durations that are all the same would be no durations of requests.
    let jitter = number * 7 % 20;
    let spans = [
        span(0, "", "GET /orders", 2, 100 + jitter + query_ms, &route),
        span(1, &parent, "SELECT", 3, query_ms, &query),
    ]
    .join(",");
    let resource = [text("service.name", "shop"), text("service.version", release)].join(",");
    format!(r#"{{"resource":{{"attributes":[{resource}]}},"scopeSpans":[{{"spans":[{spans}]}}]}}"#)
}

struct Shop {
    running: Running,
    clock: std::sync::Arc<FakeClock>,
    now: UnixNanos,
    number: i64,
}

impl Shop {
    /// Minutes of requests whose query takes so long.
    async fn pass(&mut self, minutes: i64, query_ms: i64, release: &str) {
        for _ in 0..minutes {
            let requests: Vec<String> = (0..REQUESTS_A_MINUTE)
                .map(|nth| {
                    self.number += 1;
                    request(self.number, self.now.plus(nth * 5 * SECOND), query_ms, release)
                })
                .collect();
            self.advance(MINUTE - 4 * SECOND);
            self.running.send(&together(&requests)).await.expect("taken");
            self.running.applied().await;
            // The quiet time closes what came.
            self.advance(4 * SECOND);
            self.running.analysed().await;
        }
    }

    fn advance(&mut self, nanos: i64) {
        self.clock.advance(nanos);
        self.now = self.now.plus(nanos);
    }

    async fn issues(&self) -> Vec<Issue> {
        let all = IssueFilter::default();
        self.running.store.issues(TimeWindow::ALL, &all).await.expect("issues")
    }

    /// Waits for an issue that is as wanted.
    async fn until(&self, wanted: impl Fn(&Issue) -> bool) -> Issue {
        let reached = async {
            loop {
                if let Some(issue) = self.issues().await.into_iter().find(|issue| wanted(issue)) {
                    return issue;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(issue) => issue,
            Err(_) => panic!("there are {:#?}", self.issues().await),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_makes_a_query_slow() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let clock = FakeClock::at(BEGIN);
    let running = start(folder.path(), &clock, quick()).await;
    let mut shop = Shop { running, clock, now: BEGIN, number: 0 };
    shop.pass(130, 20, "1.0").await;
    assert_eq!(shop.issues().await, Vec::new(), "nothing became slower");

    shop.pass(30, 140, "1.1").await;
    let issue = shop.until(|issue| issue.detector == "slow-dependency").await;
    assert_eq!(issue.subject, "Slow dependency: SELECT orders");
    assert_eq!(issue.cause.code, "dependency_slower");
    assert!(issue.cause.text.contains("release 1.1"), "{}", issue.cause.text);

    // What was booked is 120 ms more for each of the requests that are counted.
    let each_ms = issue.wall_ns as f64 / issue.requests_affected / 1e6;
    assert!((115.0..125.0).contains(&each_ms), "{each_ms} ms a request");

    // It goes on as long as it lasts, each minute once.
    let before = issue.requests_affected;
    shop.pass(20, 140, "1.1").await;
    let later = shop.until(|issue| issue.requests_affected >= before + 100.0).await;
    let passed = shop.number as f64 - 1_300.0;
    assert!(later.requests_affected <= passed, "{} of {passed}", later.requests_affected);
    let each_ms = later.wall_ns as f64 / later.requests_affected / 1e6;
    assert!((115.0..125.0).contains(&each_ms), "{each_ms} ms a request, later");
    assert_eq!(shop.issues().await.len(), 1, "one change is one issue");
    shop.running.stop().await;
}
