//! How the program ends: what went wrong, as an exit code that scripts and
//! service managers can act on. Documented in docs/agent.md.

use std::fmt;
use std::process::ExitCode;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Anything else.
    Other,
    /// The configuration is refused.
    Configuration,
    /// An address, socket or file cannot be had.
    Resource,
    /// There is no agent at the socket.
    NoAgent,
    /// The agent refused.
    Refused,
    /// There are no credentials.
    NoCredentials,
}

impl Failure {
    fn code(self) -> u8 {
        match self {
            Self::Other => 1,
            // 2 is taken by wrong arguments.
            Self::Configuration => 3,
            Self::Resource => 4,
            Self::NoAgent => 5,
            Self::Refused => 6,
            Self::NoCredentials => 7,
        }
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        Self::from(failure.code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Other => "failed",
            Self::Configuration => "the configuration is refused",
            Self::Resource => "cannot start",
            Self::NoAgent => "no agent answers",
            Self::Refused => "the agent refused",
            Self::NoCredentials => "there are no credentials",
        })
    }
}

impl std::error::Error for Failure {}

/// The exit code of an error: that of the [`Failure`] in it.
pub(crate) fn code_of(error: &anyhow::Error) -> ExitCode {
    let failure = error.downcast_ref::<Failure>().copied().unwrap_or(Failure::Other);
    failure.into()
}
