//! What a decoder hands back: spans, rejections with their reasons, counts.
//! No wire format is named here.

use hotspan_model::Span;
use thiserror::Error;

/// Bytes of a rejection's message. Parsers quote what they do not like, and
/// that comes from outside.
const MESSAGE_BYTES_MAX: usize = 300;

/// What one request held.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decoded {
    /// The spans that can be kept, in reading order.
    pub spans: Vec<Span>,
    /// What cannot be kept, in reading order.
    pub rejections: Vec<Rejection>,
    /// Parts of accepted spans that were left out, by reason: attributes over
    /// a limit. Each is also in the span's own dropped count.
    pub dropped: Vec<(Reason, u64)>,
    /// Items that are received but not kept, by name, e.g. `sentry_item.sessions`.
    pub counts: Vec<(String, u64)>,
    /// What the client says it lost itself: reason, category, quantity.
    pub client_losses: Vec<(String, String, u64)>,
    /// The id that the answer to a Sentry request repeats.
    pub event_id: Option<String>,
}

impl Decoded {
    /// The number of each accepted span in the request's reading order, in
    /// which every span takes one number and so does every item that could
    /// not be read at all. Rejections use the same numbers.
    pub fn span_items(&self) -> impl Iterator<Item = u32> + '_ {
        let mut rejected = self.rejections.iter().map(|rejection| rejection.item).peekable();
        let mut item = 0;
        self.spans.iter().map(move |_| {
            while rejected.next_if_eq(&item).is_some() {
                item += 1;
            }
            item += 1;
            item - 1
        })
    }

    /// The number that the next span or unreadable item gets.
    pub(crate) fn next_item(&self) -> u32 {
        (self.spans.len() + self.rejections.len()) as u32
    }

    /// Records that the item being read cannot be kept.
    pub(crate) fn reject(&mut self, reason: Reason, message: impl Into<String>) {
        let mut message = message.into();
        if message.len() > MESSAGE_BYTES_MAX {
            message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
            message.push('…');
        }
        self.rejections.push(Rejection { item: self.next_item(), reason, message });
    }

    /// Adds `quantity` to the count called `name`.
    pub(crate) fn count(&mut self, name: &str, quantity: u64) {
        match self.counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, total)) => *total = total.saturating_add(quantity),
            None => self.counts.push((name.to_owned(), quantity)),
        }
    }

    /// Records that `quantity` parts of an accepted span were left out.
    pub(crate) fn drop_parts(&mut self, reason: Reason, quantity: u64) {
        if quantity == 0 {
            return;
        }
        match self.dropped.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, total)) => *total = total.saturating_add(quantity),
            None => self.dropped.push((reason, quantity)),
        }
    }
}

/// One span or item of a request that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Its number in reading order; see [`Decoded::span_items`].
    pub item: u32,
    /// Why, for counting.
    pub reason: Reason,
    /// Why, for people: names the field and the remedy.
    pub message: String,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $slug:literal,)+) => {
        /// Why a span, an item or a part of one is not kept.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable name used in counters and answers.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)+ }
            }

            /// Reads [`Self::slug`].
            pub fn from_slug(slug: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.slug() == slug)
            }
        }
    };
}

reasons! {
    /// The trace id is missing or all zeros.
    ZeroTraceId = "zero_trace_id",
    /// The span id is missing or all zeros.
    ZeroSpanId = "zero_span_id",
    /// An id has the wrong length or is not hex.
    InvalidId = "invalid_id",
    /// A time is missing or unreadable.
    InvalidTime = "invalid_time",
    /// The span ends before it starts.
    EndBeforeStart = "end_before_start",
    /// Text that is not UTF-8.
    InvalidUtf8 = "invalid_utf8",
    /// The span lies before what is kept. Decided on admission, not here.
    TooOld = "too_old",
    /// The span lies in the future. Decided on admission, not here.
    TooNew = "too_new",
    /// An attribute's value is over the limit; the span is kept without it.
    AttributeTooLarge = "attribute_too_large",
    /// A span has more attributes, events or links than are kept; the span is
    /// kept with the first ones.
    TooManyParts = "too_many_parts",
    /// An attribute's value is nested deeper than is read.
    TooDeep = "too_deep",
    /// The item cannot be parsed.
    MalformedItem = "malformed_item",
    /// The item has more bytes than are read.
    ItemTooLarge = "item_too_large",
    /// The request has more spans than are read.
    TooManySpans = "too_many_spans",
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.slug())
    }
}

/// Why nothing of a request can be kept. The sender gets this text, with
/// status 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The bytes do not follow the format.
    #[error("malformed {format}: {detail}; send the body that the content type announces")]
    Malformed {
        /// What was expected, e.g. `OTLP protobuf`.
        format: &'static str,
        /// What is wrong and where.
        detail: String,
    },
    /// The request has more of something than is read at once.
    #[error("more than {limit} {what} in one request; send smaller batches")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
}

impl RequestError {
    pub(crate) fn malformed(format: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Malformed { format, detail: detail.to_string() }
    }
}
