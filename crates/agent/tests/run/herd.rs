//! Many callers at once, before there is anything to give.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::time::Duration;

use crate::host::Host;

const PROCESSES: usize = 50;
const CONNECTIONS: usize = 1_000;
/// Threads that open the connections, all before the first of them asks.
const THREADS: usize = 50;

/// Asks on an open connection, as SDKs do: an answer that says "later" is asked
/// for again.
fn ask(stream: &mut TcpStream, token: &str) -> Option<()> {
    let request =
        format!("GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n\r\n");
    for _ in 0..10 {
        stream.write_all(request.as_bytes()).expect("to send");
        let answer = answer_of(stream);
        if answer.starts_with("HTTP/1.1 200 ") {
            return Some(());
        }
        assert!(
            answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After: 1"),
            "{answer}"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    None
}

/// One answer of a connection that stays open: its JSON ends with a brace.
fn answer_of(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 4_096];
    while !answer.ends_with(b"}") {
        let length = stream.read(&mut part).expect("an answer");
        assert!(length > 0, "the connection ended");
        answer.extend_from_slice(&part[..length]);
    }
    String::from_utf8(answer).expect("text")
}

#[test]
fn a_cold_herd_makes_one_fetch() {
    let host = Host::with(&["--latency", "20ms"], "");
    let token = host.token();
    let (begin, all_open) = (Barrier::new(PROCESSES + THREADS), Barrier::new(THREADS));
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
                    let open = || TcpStream::connect(host.agent.address("container"));
                    let mut streams: Vec<_> =
                        (0..CONNECTIONS / THREADS).map(|_| open().expect("to connect")).collect();
                    all_open.wait();
                    streams.iter_mut().filter_map(|stream| ask(stream, &token)).count()
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
