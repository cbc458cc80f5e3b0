//! Tokens are not guessed, and whoever tries takes nothing from those who know
//! theirs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::host::{Host, wait_until};

const FLOODING_CONNECTIONS: usize = 30;
/// More than a user may fail at once.
const GUESSES_MIN: u64 = 60;
const LOOKUPS: usize = 100;

#[test]
fn tokens_are_not_guessed() {
    let host = Host::start().ready();
    let token = host.token();
    let other = format!("{}x", &token[..token.len() - 1]);
    for sent in
        ["", "Bearer", &token[1..], &other, &format!("Bearer {token}"), &format!("{token}{token}")]
    {
        let request = format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {sent}");
        let answer = host.raw("container", &request);
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    let none = host.raw("container", "GET /credentials HTTP/1.1\nHost: 127.0.0.1");
    assert_eq!(none.status, 401);
    let session = host.session();
    for sent in ["", "AQAA", &session[1..], &session[..55], &format!("{session}="), &token] {
        let answer = host.metadata("/latest/meta-data/iam/security-credentials/", sent);
        assert_eq!(answer.status, 401, "{answer:?}");
    }
}

/// Guesses without a pause, and says how many were answered.
fn flood(address: &str, guess: &str, answered: &AtomicU64, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        // A connection is ended with the answer to one guess too many.
        let Ok(mut stream) = TcpStream::connect(address) else { continue };
        while !is_over.load(Ordering::Relaxed) && stream.write_all(guess.as_bytes()).is_ok() {
            let mut answer = [0; 1_024];
            match stream.read(&mut answer) {
                Ok(length) if length > 0 => {
                    assert!(answer[..length].starts_with(b"HTTP/1.1 401"));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                _ => break,
            }
        }
    }
}

#[test]
fn a_flood_of_guesses_is_slowed_down_and_nobody_else_is() {
    let begun = std::time::Instant::now();
    let host = Host::start().ready();
    let session = host.session();
    let path = "/latest/meta-data/iam/security-credentials/app-role";
    let (answered, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let metric = |line: &str| {
        let metrics = host.raw("metrics", "GET /metrics HTTP/1.1\nHost: 127.0.0.1").body;
        let found = metrics.lines().find_map(|found| found.strip_prefix(line)?.parse().ok());
        found.unwrap_or(0_u64)
    };
    let slowed = |door: &str| {
        metric(&format!("hotspan_agent_refused_total{{door=\"{door}\",reason=\"failures\"}} "))
    };
    std::thread::scope(|scope| {
        for (door, guess) in [
            (
                "container",
                "GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: guess\r\n\r\n",
            ),
            (
                "imds",
                "GET /latest/meta-data/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-aws-ec2-metadata-token: guess\r\n\r\n",
            ),
        ] {
            let address = host.agent.address(door);
            for _ in 0..FLOODING_CONNECTIONS {
                scope.spawn(|| flood(address, guess, &answered, &is_over));
            }
        }
        wait_until("the flood is slowed down", || {
            slowed("container") > 0
                && slowed("imds") > 0
                && answered.load(Ordering::Relaxed) > GUESSES_MIN
        });
        for _ in 0..LOOKUPS {
            // The same user, from the same address, beside it.
            assert_eq!(host.container().status, 200, "whoever knows the token is served");
            assert_eq!(host.metadata(path, &session).status, 200, "and who has a session");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let of = |door: &str, answer: &str| {
        let rows = host.status()["lookups"].as_array().expect("a list").clone();
        let row = rows.into_iter().find(|row| row["door"] == door && row["answer"] == answer);
        row.map_or(0, |row| row["count"].as_u64().expect("a count"))
    };
    assert_eq!(of("container", "given"), LOOKUPS as u64);
    assert_eq!(of("imds", "given"), LOOKUPS as u64);
    let denied = of("container", "denied")
        + metric("hotspan_agent_refused_total{door=\"imds\",reason=\"token\"} ");
    assert!(denied >= answered.load(Ordering::Relaxed), "every guess is counted: {denied}");
    // It is told in some lines a second; what was given is told whole.
    let told = |what: &str| {
        let audit = std::fs::read_to_string(host.file("audit.jsonl")).expect("the log");
        audit.lines().filter(|line| line.contains(what)).count()
    };
    wait_until("the log has all", || told("given") == 2 * LOOKUPS);
    let told_of = 10 * (begun.elapsed().as_secs() as usize + 2);
    assert!((1..=told_of).contains(&told("denied")), "at most ten a second");
}
