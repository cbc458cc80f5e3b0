//! A clock that jumps: nothing is stuck, lost or counted twice.

use crate::harness::{ALL, BEGIN, FakeClock, SECOND, body, quick, start};

const HOUR: i64 = 3_600 * SECOND;

/// The clock's steps in seconds; after each a request comes whose spans bear
/// the time that the sender's clock, which is right, has.
#[tokio::test(flavor = "multi_thread")]
async fn jumps_by_hours_neither_stop_nor_lose_anything() {
    for (name, jumps) in [
        ("forward", &[5 * HOUR][..]),
        ("forward and back", &[5 * HOUR, -5 * HOUR]),
        ("back", &[-5 * HOUR]),
        ("back and forward", &[-5 * HOUR, 5 * HOUR]),
        ("to and fro", &[30 * HOUR, -20 * HOUR, 3 * HOUR, -13 * HOUR]),
    ] {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let clock = FakeClock::at(BEGIN);
        let running = start(folder.path(), &clock, quick()).await;
        let mut bodies = vec![body(1, BEGIN, 4, 0..5)];
        running.send(&bodies[0]).await.expect("taken");
        running.applied().await;
        let mut at = BEGIN;
        for (number, jump) in (2..).zip(jumps) {
            clock.advance(*jump);
            at = at.plus(*jump);
            // What a clock that is hours back takes for the future is refused
            // by name; so these spans have the time the server believes in.
            bodies.push(body(number, at, 4, ALL));
            let receipt = running.send(&bodies[bodies.len() - 1]).await.expect("taken");
            assert_eq!(receipt.rejections, [], "{name}");
            running.applied().await;
            // The quiet time passes by this clock, whatever it showed before.
            clock.advance(4 * SECOND);
            running.analysed().await;
            clock.advance(4 * SECOND);
            at = at.plus(8 * SECOND);
            running.settle().await;
        }
        // Late spans are let go of and the log is done with in ordinary time.
        clock.advance(400 * SECOND);
        running.released().await;
        for body in &bodies {
            assert!(running.stored(body).await > 0, "{name}");
        }
        let stats = running.ingest.stats();
        assert_eq!((stats.duplicates, stats.dropped.len()), (0, 0), "{name}: {stats:?}");
        running.stop().await;
    }
}
