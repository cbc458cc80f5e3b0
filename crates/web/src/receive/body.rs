//! Reading a request's body within bounds: of bytes before and after
//! decompression, of time, and of what all requests together may hold.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::{Buf, BufMut, BytesMut};
use hotspan_wire::encoding::{self, Encoding, EncodingError};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use super::budget::{NoRoom, Reservation};
use super::denial::Denial;
use crate::state::AppState;

/// A body over the limit is read on, and thrown away, up to this many times
/// the limit: most clients look at the answer only when they have sent all.
const DISCARD_FACTOR: usize = 4;

/// A body and the room it takes. The room is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    /// The bytes, decompressed where that was asked for.
    pub(crate) bytes: Bytes,
    room: Reservation,
}

impl Held {
    /// The same room around a part of the bytes.
    pub(crate) fn map(self, part: impl FnOnce(Bytes) -> Bytes) -> Self {
        Self { bytes: part(self.bytes), room: self.room }
    }
}

/// Reads a whole body and undoes its `Content-Encoding`. Waits for room until
/// `until`.
pub(crate) async fn read(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
    until: Instant,
) -> Result<Held, Denial> {
    let encoding = encoding_of(headers)?;
    let limit = state.config.body_bytes_max;
    let leftover = if headers.contains_key(header::EXPECT) {
        // The client waits for a `100 Continue` before it sends anything.
        Leftover::Leave
    } else {
        Leftover::Discard
    };
    let raw = read_raw(state, body, limit, leftover, until).await?;
    decompress(state, raw, encoding, until).await
}

/// Throws away a body that nobody is going to read: a client that is still
/// sending when the connection closes may never see the answer.
pub(crate) async fn decline(state: &AppState, headers: &HeaderMap, mut body: Body) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let discarding = discard(&mut body, state.config.body_bytes_max);
    // Whether it ends or the time does, the answer is the same.
    let _ = timeout(state.config.body_timeout, discarding).await;
}

/// What becomes of the rest of a body that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leftover {
    /// It is read and thrown away.
    Discard,
    /// It is not read: the client looks at the answer anyway.
    Leave,
}

/// Reads a whole body as it came.
pub(crate) async fn read_raw(
    state: &AppState,
    mut body: Body,
    limit: usize,
    leftover: Leftover,
    until: Instant,
) -> Result<Held, Denial> {
    let seconds = state.config.body_timeout.as_secs();
    let mut room = state.doors.budget.reserve(until);
    let reading = async {
        let gathered = gather(&mut body, limit, &mut room).await;
        let too_large = matches!(gathered, Err(Denial::BodyTooLarge { .. }));
        if too_large && leftover == Leftover::Discard {
            discard(&mut body, limit.saturating_mul(DISCARD_FACTOR)).await;
        }
        gathered
    };
    let bytes = timeout(state.config.body_timeout, reading)
        .await
        .map_err(|_| Denial::SlowBody { seconds })??;
    Ok(Held { bytes, room })
}

/// Undoes one encoding away from the async threads, a few bodies at a time:
/// a small body may be a bomb, and which one is known only afterwards.
pub(crate) async fn decompress(
    state: &AppState,
    held: Held,
    encoding: Encoding,
    until: Instant,
) -> Result<Held, Denial> {
    if encoding == Encoding::Identity {
        return Ok(held);
    }
    let limit = state.config.body_bytes_max;
    let turn = state.doors.budget.decompression(until).await.map_err(busy)?;
    let Held { bytes, mut room } = held;
    let compressed_len = bytes.len();
    let undone = tokio::task::spawn_blocking(move || {
        let undone = encoding::decompress(bytes, encoding, limit);
        (undone, turn)
    });
    let (undone, turn) = undone.await.map_err(|error| Denial::CorruptBody(error.to_string()))?;
    let bytes = undone.map_err(denial_of)?;
    room.grow_to(bytes.len().max(compressed_len)).await.map_err(busy)?;
    drop(turn);
    Ok(Held { bytes, room })
}

/// What `Content-Encoding` names, over all lines of that header.
fn encoding_of(headers: &HeaderMap) -> Result<Encoding, Denial> {
    let lines: Vec<&str> = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .map(|line| line.to_str().unwrap_or("(not text)"))
        .collect();
    Encoding::from_header(&lines.join(",")).map_err(denial_of)
}

async fn gather(body: &mut Body, limit: usize, room: &mut Reservation) -> Result<Bytes, Denial> {
    let too_large = Denial::BodyTooLarge { limit };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large);
    }
    let mut gathered = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Denial::BrokenBody(error.to_string()))?;
        let Ok(chunk) = frame.into_data() else {
            continue;
        };
        if chunk.remaining() > limit - gathered.len() {
            return Err(too_large);
        }
        room.grow_to(gathered.len() + chunk.remaining()).await.map_err(busy)?;
        gathered.put(chunk);
    }
    Ok(gathered.freeze())
}

async fn discard(body: &mut Body, bytes_max: usize) {
    let mut discarded = 0;
    while discarded < bytes_max
        && let Some(Ok(frame)) = body.frame().await
    {
        discarded += frame.data_ref().map_or(0, Bytes::len);
    }
}

fn busy(_: NoRoom) -> Denial {
    Denial::Busy
}

fn denial_of(error: EncodingError) -> Denial {
    match error {
        EncodingError::TooLarge { limit } => Denial::BodyTooLarge { limit },
        EncodingError::Unknown(name) => Denial::UnknownEncoding(name),
        EncodingError::Corrupt { detail, .. } => Denial::CorruptBody(detail),
    }
}
