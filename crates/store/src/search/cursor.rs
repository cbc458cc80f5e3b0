//! Where a page of hits ended, as text that goes through an address.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use hotspan_model::UnixNanos;
use thiserror::Error;

use super::found::Rank;

/// Where a page ended: the next one begins with what is older.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchCursor(pub(super) Rank);

/// A text is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a cursor of this server: take `next` of the page before, or leave it out")]
pub struct CursorError;

impl SearchCursor {
    /// Everything older than `time`.
    pub(super) fn before(time: UnixNanos) -> Self {
        Self(Rank { start: time, hash: 0, project: "".into() })
    }

    /// The last start before which the next page begins.
    pub(super) fn start(&self) -> UnixNanos {
        self.0.start
    }
}

impl Display for SearchCursor {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:032x}.{}", self.0.start.0, self.0.hash, self.0.project)
    }
}

impl FromStr for SearchCursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(CursorError);
        let (start, hash, project) = (part()?, part()?, part()?);
        let is_hash = hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        Ok(Self(Rank {
            start: UnixNanos(start.parse().map_err(|_| CursorError)?),
            hash: u128::from_str_radix(hash, 16).ok().filter(|_| is_hash).ok_or(CursorError)?,
            project: project.into(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back() {
        let cursor = SearchCursor(Rank { start: UnixNanos(-7), hash: 12, project: "a.b".into() });
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "1", "1.2.p", "x.0000000000000000000000000000000c.p"] {
            assert_eq!(text.parse::<SearchCursor>(), Err(CursorError), "{text:?}");
        }
    }
}
