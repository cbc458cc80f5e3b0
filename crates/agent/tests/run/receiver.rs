//! A server for tests that takes reports: what was sent to it, and an answer
//! that the test chooses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// Long enough for a slow machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(90);

/// A report as it came.
pub(crate) struct Sent {
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Sent {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// Its spans of this name.
    pub(crate) fn spans(&self, name: &str) -> Vec<Value> {
        let json = self.json();
        let spans = json["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans");
        spans.iter().filter(|span| span["name"] == name).cloned().collect()
    }
}

/// The server.
pub(crate) struct Server {
    pub(crate) address: String,
    status: Arc<Mutex<u16>>,
    reports: Receiver<Sent>,
}

impl Server {
    /// At `address`; any port when it ends in `:0`.
    pub(crate) fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).expect("an address");
        let address = listener.local_addr().expect("an address").to_string();
        let status = Arc::new(Mutex::new(200));
        let (sender, reports) = channel();
        let answered = Arc::clone(&status);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let status = *answered.lock().expect("whole");
                if take(stream, status, &sender).is_none() {
                    return;
                }
            }
        });
        Self { address, status, reports }
    }

    /// What it answers from now on.
    pub(crate) fn answer(&self, status: u16) {
        *self.status.lock().expect("whole") = status;
    }

    /// The next report.
    pub(crate) fn next(&self) -> Sent {
        self.reports.recv_timeout(PATIENCE).expect("a report")
    }
}

/// An address where nobody listens.
pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address");
    listener.local_addr().expect("an address").to_string()
}

/// Takes one report; none when the test has ended.
fn take(mut stream: TcpStream, status: u16, sender: &Sender<Sent>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            // Whoever only looks whether anyone is there.
            return Some(());
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
    });
    let mut body = vec![0; length.expect("a length")];
    reader.read_exact(&mut body).ok()?;
    let text = String::from_utf8(body).expect("text");
    let answer =
        format!("HTTP/1.1 {status} Said\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
    // Told first: who waits for the answer may look at once.
    sender.send(Sent { head, text }).ok()?;
    let _ = stream.write_all(answer.as_bytes());
    Some(())
}
