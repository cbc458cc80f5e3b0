//! The endpoint: what a user of the service called.

use std::fmt;
use std::sync::Arc;

/// How an endpoint is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointKind {
    /// An HTTP request.
    Http,
    /// A remote procedure call other than plain HTTP.
    Rpc,
    /// A message taken from a queue or topic.
    Message,
    /// A background job, a cron task, a command, or anything else that starts a segment.
    Job,
}

impl EndpointKind {
    /// The stable lower-case name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Rpc => "rpc",
            Self::Message => "message",
            Self::Job => "job",
        }
    }

    /// Reads [`Self::slug`].
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Http, Self::Rpc, Self::Message, Self::Job]
            .into_iter()
            .find(|kind| kind.slug() == slug)
    }
}

/// (project, service, kind, name): the unit of roll-ups, profiles and issues.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The project that received the spans.
    pub project: Arc<str>,
    /// The service that serves it.
    pub service: Arc<str>,
    /// How it is reached.
    pub kind: EndpointKind,
    /// Method and route (`GET /users/{id}`), RPC method, job name, or Sentry's
    /// transaction name.
    pub name: Arc<str>,
}

impl Endpoint {
    /// The name that collects endpoints beyond a service's cap.
    pub const OTHER: &'static str = "(other)";
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
