//! The smallest client: sends a request that was written beforehand, and reads
//! an answer up to its end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail};

/// Nothing here takes so long when all is well.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than any answer.
const BUFFER_BYTES: usize = 16 * 1_024;

/// A connection and what came over it.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Asks, and returns the body of the 200 that comes.
    pub(crate) fn ask(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).context("cannot send")?;
        let mut filled = 0;
        loop {
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let length = self.stream.read(room).context("cannot read")?;
            if length == 0 {
                bail!("the connection ended after {filled} bytes");
            }
            filled += length;
            if let Some(body) = body_of(&self.buffer[..filled])? {
                return Ok(&self.buffer[body..filled]);
            }
        }
    }
}

/// Where the body begins, once all of it is there.
fn body_of(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    if !head.starts_with("HTTP/1.1 200") {
        bail!("answered {}", head.lines().next().unwrap_or_default());
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let length = length.context("no Content-Length")??;
    Ok((bytes.len() >= end + 4 + length).then_some(end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_answer() {
        for (text, expected) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", Some(Some(38))),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", Some(None)),
            ("HTTP/1.1 200 OK\r\nContent-", Some(None)),
            ("HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", None),
        ] {
            assert_eq!(body_of(text.as_bytes()).ok(), expected, "{text}");
        }
    }
}
