//! Callers that never stop asking: each keeps what it was given once, a token
//! or a session, as SDKs do in processes that run for weeks.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many answers each gets before something is done to the agent.
const ANSWERS_BETWEEN: usize = 10;
const PATIENCE: Duration = Duration::from_secs(120);

/// Someone who asks.
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// The request without its last line.
    pub(crate) request: String,
    /// One connection for all requests, or one for each.
    pub(crate) keeps: bool,
    pub(crate) counts: Counts,
}

/// What became of its requests.
#[derive(Default)]
pub(crate) struct Counts {
    /// It got what it asked for.
    given: AtomicUsize,
    /// It was told to come again.
    put_off: AtomicUsize,
    /// Its connection ended before the answer did.
    pub(crate) broken: AtomicUsize,
}

/// An open connection.
type Connection = BufReader<TcpStream>;

/// Has all callers ask until `meanwhile` has ended.
#[expect(clippy::print_stdout, reason = "figures, for whoever asks the test for them")]
pub(crate) fn asking(callers: &[Caller], meanwhile: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // When a check fails, too, so that the test ends.
        let _stop = StopAtEnd(&stop);
        for caller in callers {
            scope.spawn(|| caller.ask_until(&stop));
        }
        meanwhile();
    });
    for Caller { name, counts, .. } in callers {
        println!("{name}: {counts:?}");
    }
}

/// Waits until each has been given something a few times.
pub(crate) fn wait_for_more(callers: &[Caller]) {
    let given = |caller: &Caller| caller.counts.given.load(Ordering::Relaxed);
    let before: Vec<_> = callers.iter().map(given).collect();
    let begun = Instant::now();
    for (caller, before) in callers.iter().zip(before) {
        while given(caller) < before + ANSWERS_BETWEEN {
            assert!(
                begun.elapsed() < PATIENCE,
                "{} gets nothing: {:?}",
                caller.name,
                caller.counts
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Caller {
    fn ask_until(&self, stop: &AtomicBool) {
        let mut kept = None;
        while !stop.load(Ordering::Relaxed) {
            let was_kept = kept.is_some();
            let mut connection = kept.take().unwrap_or_else(|| self.connect());
            match self.ask(&mut connection) {
                Ok((status, stays_open)) => {
                    let count = match status {
                        200 => &self.counts.given,
                        503 => &self.counts.put_off,
                        // The token, or the session, is no longer what it was.
                        other => panic!("{}: status {other}", self.name),
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                    kept = (self.keeps && stays_open).then_some(connection);
                }
                // Whoever keeps connections may find that one has ended since,
                // and asks again on another, as every HTTP client does.
                Err(error) if was_kept && error.kind() != ErrorKind::UnexpectedEof => {}
                Err(_) => {
                    self.counts.broken.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address)
            .unwrap_or_else(|error| panic!("{}: refused: {error}", self.name));
        // Nobody is kept waiting for ever.
        stream.set_read_timeout(Some(PATIENCE)).expect("to set");
        BufReader::new(stream)
    }

    /// The status, and whether the connection stays open. An answer that begins
    /// and does not end is an unexpected end; a connection that has ended
    /// before is another error.
    fn ask(&self, connection: &mut Connection) -> io::Result<(u16, bool)> {
        let kind = if self.keeps { "keep-alive" } else { "close" };
        let request = format!("{}\r\nConnection: {kind}\r\n\r\n", self.request);
        connection.get_mut().write_all(request.as_bytes())?;
        if connection.fill_buf()?.is_empty() {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        let cut_off = |_| io::Error::from(ErrorKind::UnexpectedEof);
        let (mut status, mut length, mut stays_open) = (0, 0, true);
        loop {
            let mut line = String::new();
            connection.read_line(&mut line).map_err(cut_off)?;
            let line = line.strip_suffix("\r\n").ok_or(ErrorKind::UnexpectedEof)?;
            let lower = line.to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest.get(..3).and_then(|text| text.parse().ok()).unwrap_or(0);
            } else if let Some(value) = lower.strip_prefix("content-length: ") {
                length = value.parse().unwrap_or(0);
            } else if lower == "connection: close" {
                stays_open = false;
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).map_err(cut_off)?;
        Ok((status, stays_open))
    }
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [given, put_off, broken] =
            [&self.given, &self.put_off, &self.broken].map(|count| count.load(Ordering::Relaxed));
        write!(f, "{given} given, {put_off} put off, {broken} broken off")
    }
}
