//! Everything a request can be refused for, before a door puts it into the
//! words of its protocol. `docs/ingest.md` lists the same, in the same order.

use std::time::Duration;

use axum::http::StatusCode;
use hotspan_ingest::{Ingest, Refusal};
use thiserror::Error;

/// gRPC status codes that the doors use (google.rpc.Code).
pub(crate) mod code {
    pub(crate) const INVALID_ARGUMENT: i32 = 3;
    pub(crate) const DEADLINE_EXCEEDED: i32 = 4;
    pub(crate) const PERMISSION_DENIED: i32 = 7;
    pub(crate) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(crate) const UNIMPLEMENTED: i32 = 12;
    pub(crate) const UNAVAILABLE: i32 = 14;
    pub(crate) const UNAUTHENTICATED: i32 = 16;
}

/// Why a request was refused whole, with what to do about it.
#[derive(Debug, Error)]
pub(crate) enum Denial {
    #[error(
        "body is larger than {limit} bytes, before or after decompression: send smaller batches"
    )]
    BodyTooLarge { limit: usize },
    #[error("content encoding {0:?} is not supported: use gzip, deflate, br, zstd or none")]
    UnknownEncoding(String),
    #[error("body cannot be decompressed: {0}: send what Content-Encoding announces")]
    CorruptBody(String),
    #[error("body did not arrive within {seconds} seconds: send smaller batches")]
    SlowBody { seconds: u64 },
    #[error("body ended early: {0}")]
    BrokenBody(String),
    #[error("content type {0:?} is not supported: use application/x-protobuf or application/json")]
    UnknownContentType(String),
    #[error("{0}")]
    Malformed(String),
    #[error("no project key: {0}")]
    KeyMissing(&'static str),
    #[error("the project key is unknown: `hotspan project add NAME` makes one and prints its DSN")]
    KeyUnknown,
    #[error("the request names several projects or keys: send one")]
    KeysDisagree,
    #[error("the key does not belong to project {0:?}: copy the DSN anew")]
    KeyOfOtherProject(String),
    #[error("project {0:?} is not a valid name: use letters, digits, `-`, `_` and `.`, at most 64")]
    InvalidProject(String),
    #[error(
        "{limit} projects were made by requests that named new ones; no more are made: \
         add this one with `hotspan project add NAME`"
    )]
    TooManyProjects { limit: usize },
    #[error("too much is being received at once: send again in {} s", BUSY_RETRY_AFTER.as_secs())]
    Busy,
    #[error("the server cannot read its list of projects: look at its log")]
    Unavailable,
    /// Ingest refused, and counted that itself.
    #[error(transparent)]
    ByIngest(#[from] Refusal),
}

/// What busy doors ask senders to wait.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);
/// What is asked for while files are unusable.
const DOWN_RETRY_AFTER: Duration = Duration::from_secs(5);

impl Denial {
    /// The stable name it is counted under.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::UnknownEncoding(_) => "unknown_encoding",
            Self::CorruptBody(_) => "corrupt_body",
            Self::SlowBody { .. } => "slow_body",
            Self::BrokenBody(_) => "broken_body",
            Self::UnknownContentType(_) => "unknown_content_type",
            Self::Malformed(_) => "malformed_request",
            Self::KeyMissing(_) => "key_missing",
            Self::KeyUnknown => "key_unknown",
            Self::KeysDisagree => "keys_disagree",
            Self::KeyOfOtherProject(_) => "key_of_other_project",
            Self::InvalidProject(_) => "invalid_project",
            Self::TooManyProjects { .. } => "too_many_projects",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::ByIngest(refusal) => refusal.slug(),
        }
    }

    /// The status of OTLP over HTTP. Only 429 and 503 make exporters retry.
    pub(crate) fn otlp_status(&self) -> StatusCode {
        match self {
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownEncoding(_) | Self::UnknownContentType(_) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::SlowBody { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::CorruptBody(_)
            | Self::BrokenBody(_)
            | Self::Malformed(_)
            | Self::InvalidProject(_)
            | Self::ByIngest(Refusal::Malformed(_)) => StatusCode::BAD_REQUEST,
            Self::KeyMissing(_) => StatusCode::UNAUTHORIZED,
            Self::KeyUnknown
            | Self::KeysDisagree
            | Self::KeyOfOtherProject(_)
            | Self::TooManyProjects { .. } => StatusCode::FORBIDDEN,
            Self::Busy | Self::ByIngest(Refusal::Busy { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable
            | Self::ByIngest(Refusal::DiskFull { .. } | Refusal::ShuttingDown { .. }) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The status of the Sentry doors, which know no 401, 408 and 415.
    pub(crate) fn sentry_status(&self) -> StatusCode {
        match self.otlp_status() {
            StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN,
            StatusCode::REQUEST_TIMEOUT | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                StatusCode::BAD_REQUEST
            }
            status => status,
        }
    }

    /// The code of OTLP over gRPC and of `google.rpc.Status` bodies.
    pub(crate) fn grpc_code(&self) -> i32 {
        match self {
            // With `RetryInfo` it is sent again, without it is given up.
            Self::BodyTooLarge { .. } | Self::Busy | Self::ByIngest(Refusal::Busy { .. }) => {
                code::RESOURCE_EXHAUSTED
            }
            Self::UnknownEncoding(_) => code::UNIMPLEMENTED,
            Self::SlowBody { .. } => code::DEADLINE_EXCEEDED,
            Self::CorruptBody(_)
            | Self::BrokenBody(_)
            | Self::UnknownContentType(_)
            | Self::Malformed(_)
            | Self::InvalidProject(_)
            | Self::ByIngest(Refusal::Malformed(_)) => code::INVALID_ARGUMENT,
            Self::KeyMissing(_) => code::UNAUTHENTICATED,
            Self::KeyUnknown
            | Self::KeysDisagree
            | Self::KeyOfOtherProject(_)
            | Self::TooManyProjects { .. } => code::PERMISSION_DENIED,
            Self::Unavailable
            | Self::ByIngest(Refusal::DiskFull { .. } | Refusal::ShuttingDown { .. }) => {
                code::UNAVAILABLE
            }
        }
    }

    /// Counts it, once.
    pub(crate) fn count(&self, ingest: &Ingest) {
        if !matches!(self, Self::ByIngest(_)) {
            ingest.refuse(self.reason());
        }
    }

    /// How long to wait before sending again; `None` when sending again cannot help.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy => Some(BUSY_RETRY_AFTER),
            Self::Unavailable => Some(DOWN_RETRY_AFTER),
            Self::ByIngest(refusal) => refusal.retry_after(),
            _ => None,
        }
    }
}

/// Whole seconds for a `Retry-After` header: never less than asked, never 0.
pub(crate) fn retry_seconds(wait: Duration) -> u64 {
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    whole.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../../docs/ingest.md");

    /// One of each; the compiler does not ask for new ones here, `docs` does.
    fn every_denial() -> Vec<Denial> {
        let text = || "x".to_owned();
        let retry_after = Duration::from_millis(1_500);
        vec![
            Denial::BodyTooLarge { limit: 1 },
            Denial::UnknownEncoding(text()),
            Denial::CorruptBody(text()),
            Denial::SlowBody { seconds: 1 },
            Denial::BrokenBody(text()),
            Denial::UnknownContentType(text()),
            Denial::Malformed(text()),
            Denial::KeyMissing("x"),
            Denial::KeyUnknown,
            Denial::KeysDisagree,
            Denial::KeyOfOtherProject(text()),
            Denial::InvalidProject(text()),
            Denial::TooManyProjects { limit: 1 },
            Denial::Busy,
            Denial::ByIngest(Refusal::Busy { retry_after }),
            Denial::ByIngest(Refusal::DiskFull { reason: text(), retry_after }),
            Denial::ByIngest(Refusal::ShuttingDown { retry_after }),
            Denial::Unavailable,
        ]
    }

    fn code_name(code: i32) -> &'static str {
        match code {
            code::INVALID_ARGUMENT => "INVALID_ARGUMENT",
            code::DEADLINE_EXCEEDED => "DEADLINE_EXCEEDED",
            code::PERMISSION_DENIED => "PERMISSION_DENIED",
            code::RESOURCE_EXHAUSTED => "RESOURCE_EXHAUSTED",
            code::UNIMPLEMENTED => "UNIMPLEMENTED",
            code::UNAVAILABLE => "UNAVAILABLE",
            code::UNAUTHENTICATED => "UNAUTHENTICATED",
            _ => "undocumented",
        }
    }

    #[test]
    fn the_document_tells_what_is_answered() {
        for denial in every_denial() {
            let name = format!("`{}`", denial.reason());
            let row = DOCUMENT
                .lines()
                .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
                .map(|row| row.split('|').map(str::trim).collect::<Vec<_>>())
                .find(|row| row.len() == 4 && row[0].starts_with(&name))
                .unwrap_or_else(|| panic!("docs/ingest.md does not tell of {name}"));
            let answers = [
                denial.sentry_status().as_str().to_owned(),
                denial.otlp_status().as_str().to_owned(),
                code_name(denial.grpc_code()).to_owned(),
            ];
            for (told, answered) in row[1..].iter().zip(answers) {
                // An empty cell says that the door never answers so.
                assert!(told.is_empty() || *told == answered, "{name}: {told}, not {answered}");
            }
        }
    }

    #[test]
    fn only_what_passes_by_itself_may_be_sent_again() {
        for denial in every_denial() {
            let passing = matches!(denial.otlp_status().as_u16(), 429 | 503);
            assert_eq!(denial.retry_after().is_some(), passing, "{}", denial.reason());
            let may_pass =
                matches!(denial.grpc_code(), code::UNAVAILABLE | code::RESOURCE_EXHAUSTED);
            assert!(may_pass || !passing, "{}", denial.reason());
            let unavailable = denial.grpc_code() == code::UNAVAILABLE;
            assert!(passing || !unavailable, "{}", denial.reason());
        }
        assert_eq!(retry_seconds(Duration::from_millis(1_500)), 2);
        assert_eq!(retry_seconds(Duration::ZERO), 1);
    }
}
