//! The call: what an exit span does to something outside the service.

use std::sync::Arc;

/// The protocol family of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    /// HTTP.
    Http,
    /// A database statement.
    Database,
    /// A cache command.
    Cache,
    /// gRPC, an SDK operation, or another RPC.
    Rpc,
    /// A message sent or received.
    Message,
    /// Name resolution.
    Dns,
    /// TCP or TLS set-up as a span of its own.
    Connect,
}

/// What a stretch of time is spent on. Doubles as the class of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Fetching cloud credentials (IMDS, container endpoint, STS, …).
    CredentialLookup,
    /// Fetching OAuth tokens, signing keys or discovery documents.
    TokenFetch,
    /// Fetching secrets, parameters or feature flags.
    SecretFetch,
    /// Resolving names.
    Dns,
    /// Opening connections.
    ConnectionSetup,
    /// Databases.
    Database,
    /// Caches.
    Cache,
    /// Other services over HTTP.
    Http,
    /// Other services over RPC.
    Rpc,
    /// Queues and topics.
    Queue,
    /// The service itself, including time that no span covers.
    Own,
}

impl Class {
    /// Every class, in the order they are drawn.
    pub const ALL: [Self; 11] = [
        Self::CredentialLookup,
        Self::TokenFetch,
        Self::SecretFetch,
        Self::Dns,
        Self::ConnectionSetup,
        Self::Database,
        Self::Cache,
        Self::Http,
        Self::Rpc,
        Self::Queue,
        Self::Own,
    ];

    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The stable name used in JSON, CSS and storage.
    pub fn slug(self) -> &'static str {
        match self {
            Self::CredentialLookup => "credential_lookup",
            Self::TokenFetch => "token_fetch",
            Self::SecretFetch => "secret_fetch",
            Self::Dns => "dns",
            Self::ConnectionSetup => "connection_setup",
            Self::Database => "database",
            Self::Cache => "cache",
            Self::Http => "http",
            Self::Rpc => "rpc",
            Self::Queue => "queue",
            Self::Own => "own",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.slug() == slug)
    }

    /// The word a legend shows.
    pub fn label(self) -> &'static str {
        match self {
            Self::CredentialLookup => "credentials",
            Self::TokenFetch => "tokens",
            Self::SecretFetch => "secrets",
            Self::Dns => "DNS",
            Self::ConnectionSetup => "connecting",
            Self::Database => "database",
            Self::Cache => "cache",
            Self::Http => "HTTP",
            Self::Rpc => "RPC",
            Self::Queue => "queue",
            Self::Own => "own work",
        }
    }
}

/// Which part of a lookup a call is. A *lookup* is one resolution; with IMDS
/// it takes a token, a role list and the credentials themselves. A call that
/// fetches one token, key set or secret has no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LookupStep {
    /// Fetches a session token for the calls that follow.
    Token,
    /// Asks which role there is, or where to find what is looked up.
    List,
    /// Fetches the credentials: every lookup has exactly one that succeeds.
    Credentials,
    /// Fetches many secrets, parameters or flags at once.
    Batch,
    /// Another call to the same service (e.g. the identity document).
    Other,
}

/// An exit span, normalised: equal calls are the same operation on the same target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    /// The protocol family.
    pub kind: CallKind,
    /// Host, database system or destination; empty when not told.
    pub target: String,
    /// Operation template, e.g. `GET /users/{id}` or `SELECT orders`.
    pub operation: String,
    /// What it is for.
    pub class: Class,
    /// The step of a lookup this is; `None` for what is whole by itself.
    pub step: Option<LookupStep>,
    /// The knowledge entry that classified it (`aws-imds`, `aws-ecs`, …); empty otherwise.
    pub family: Arc<str>,
}
