//! What senders are told: receipts with rejections, and refusals.

use expect_test::{Expect, expect};
use hotspan_ingest::{IngestConfig, Receipt, Refusal};
use hotspan_store::FrameDoor;

use crate::harness::{ALL, BEGIN, FakeClock, SECOND, body, quick, resource, start, together};

fn told(answer: &Result<Receipt, Refusal>) -> String {
    match answer {
        Ok(receipt) => {
            let rejections = receipt.rejections.iter().map(|rejection| {
                format!("\n{} {}: {}", rejection.item, rejection.reason, rejection.message)
            });
            format!("accepted {}{}", receipt.accepted, rejections.collect::<String>())
        }
        Err(refusal) => format!("{} {:?}: {refusal}", refusal.slug(), refusal.retry_after()),
    }
}

async fn check(config: IngestConfig, door: FrameDoor, body: &str, expected: Expect) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let running = start(folder.path(), &FakeClock::at(BEGIN), config).await;
    let answer = running.submit(door, body).await;
    let stats = running.ingest.stats();
    let counted = format!(
        "{}\nspans {} requests {} rejected {:?} refused {:?}",
        told(&answer),
        stats.accepted_spans,
        stats.accepted_requests,
        stats.rejected,
        stats.refused
    );
    expected.assert_eq(&counted);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn good_spans_are_taken_and_bad_ones_named() {
    let day = 86_400 * SECOND;
    let mixed = together(&[
        resource(1, BEGIN, 0, ALL),
        resource(2, BEGIN.plus(-31 * day), 0, ALL),
        resource(3, BEGIN.plus(2 * day), 0, ALL),
        resource(4, BEGIN.plus(-29 * day), 0, ALL),
    ]);
    check(quick(), FrameDoor::OtlpJson, &mixed, expect![[r#"
        accepted 2
        1 too_old: start time 2026-12-15T08:00:00.000Z of span 0000000000020001 lies before 2026-12-16T08:00:00.000Z, the end of the 30 days that are kept; check the sender's clock or raise `retention_days`
        2 too_new: time 2027-01-17T08:00:00.200Z of span 0000000000030001 lies more than 600 s after this server's 2027-01-15T08:00:00.000Z; set the sender's clock
        spans 2 requests 1 rejected {"too_new": 1, "too_old": 1} refused {}"#]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_format_is_malformed() {
    check(quick(), FrameDoor::OtlpJson, "{", expect![[r#"
        malformed_request None: malformed OTLP JSON: EOF while parsing an object at line 1 column 1; send the body that the content type announces
        spans 0 requests 0 rejected {} refused {"malformed_request": 1}"#]]).await;
    check(quick(), FrameDoor::SentryStore, "{", expect![[r#"
        malformed_request None: malformed Sentry event: EOF while parsing an object at line 1 column 1; send the body that the content type announces
        spans 0 requests 0 rejected {} refused {"malformed_request": 1}"#]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_span_nothing_is_kept_and_all_is_well() {
    check(
        quick(),
        FrameDoor::OtlpJson,
        "{}",
        expect![[r#"
        accepted 0
        spans 0 requests 1 rejected {} refused {}"#]],
    )
    .await;
    let session = "{}\n{\"type\":\"session\"}\n{}\n";
    check(
        quick(),
        FrameDoor::SentryEnvelope,
        session,
        expect![[r#"
        accepted 0
        spans 0 requests 1 rejected {} refused {}"#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_room_is_told_with_a_time_to_wait() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = IngestConfig { in_flight_bytes_max: 10, ..quick() };
    let running = start(folder.path(), &FakeClock::at(BEGIN), config).await;
    // Each body takes all the room there is, so two at once do not fit.
    let body = body(1, BEGIN, 3, ALL);
    let (mut refused, mut accepted) = (0, 0);
    for _ in 0..50 {
        let (one, other) = tokio::join!(running.send(&body), running.send(&body));
        for answer in [one, other] {
            match answer {
                Ok(_) => accepted += 1,
                Err(Refusal::Busy { retry_after }) => {
                    assert!(!retry_after.is_zero());
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
    let stats = running.ingest.stats();
    assert_eq!(stats.accepted_requests, accepted);
    assert_eq!(stats.refused.get("busy").copied().unwrap_or(0), refused);
    assert_eq!(stats.in_flight_bytes, 0);
    assert!(accepted >= 50, "one of two always fits");
    let ingest = running.ingest.clone();
    running.stop().await;
    let late = ingest.submit(hotspan_ingest::Received {
        door: FrameDoor::OtlpJson,
        project: "default".into(),
        content_type: String::new(),
        body: "{}".into(),
    });
    assert!(matches!(late.await, Err(Refusal::ShuttingDown { .. })));
}
