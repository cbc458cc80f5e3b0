//! Many callers at once, before there is anything to give.

use std::sync::Barrier;
use std::time::Duration;

use crate::host::{Answer, Host};

const PROCESSES: usize = 50;
const CONNECTIONS: usize = 1_000;
/// Threads that open the connections; each one's are one after the other.
const THREADS: usize = 50;

/// Asks as SDKs do: an answer that says "later" is asked for again.
fn patiently(ask: impl Fn() -> Answer) -> Answer {
    for _ in 0..10 {
        let answer = ask();
        if answer.status != 503 {
            return answer;
        }
        assert_eq!(answer.header("retry-after"), Some("1"));
        std::thread::sleep(Duration::from_millis(100));
    }
    ask()
}

#[test]
fn a_cold_herd_makes_one_fetch() {
    let host = Host::with(&["--latency", "20ms"], "");
    let begin = Barrier::new(PROCESSES + THREADS);
    let given = std::thread::scope(|scope| {
        let processes: Vec<_> = (0..PROCESSES)
            .map(|_| {
                scope.spawn(|| {
                    begin.wait();
                    usize::from((0..10).any(|_| host.command(&["credentials"]).status.success()))
                })
            })
            .collect();
        let connections: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    begin.wait();
                    let asked = (0..CONNECTIONS / THREADS).map(|_| patiently(|| host.container()));
                    asked.filter(|answer| answer.status == 200).count()
                })
            })
            .collect();
        let all = processes.into_iter().chain(connections);
        all.map(|thread| thread.join().expect("it ends")).sum::<usize>()
    });
    assert_eq!(given, PROCESSES + CONNECTIONS, "nobody is left without");
    // A minute later the role would be looked at again, so the list may be there twice.
    assert_eq!(host.fetches(), 1, "{:?}", host.asked());
}
