//! What the doors and pages need to be told, with defaults for the rest.

use std::time::Duration;

use crate::security::MetricsToken;

/// Addresses that users type into SDKs and browsers, for pages that tell how
/// to connect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicUrls {
    /// Pages, API and Sentry ingest, e.g. `http://127.0.0.1:4319`.
    pub ui: String,
    /// OTLP over gRPC, e.g. `http://127.0.0.1:4317`.
    pub otlp_grpc: String,
    /// OTLP over HTTP, e.g. `http://127.0.0.1:4318`.
    pub otlp_http: String,
}

/// Settings of this crate. Every limit is named here.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// How users reach the listeners.
    pub urls: PublicUrls,
    /// Host names the pages answer to besides loopback names and IP addresses.
    pub hosts: Vec<String>,
    /// Ingest refuses requests without the key of a project.
    pub keys_required: bool,
    /// Pages and the JSON API need a session.
    pub login_required: bool,
    /// Lets a program read `/metrics` where a login is required.
    pub metrics_token: Option<MetricsToken>,
    /// A proxy in front speaks HTTPS: session cookies are marked `Secure`.
    pub https: bool,
    /// The data is a recording; pages say so.
    pub demo: bool,
    /// Largest request body, compressed or not, after decompression too.
    pub body_bytes_max: usize,
    /// Bodies being read or decoded at any moment, over all listeners.
    pub receiving_bytes_max: usize,
    /// Bodies being decompressed at any moment.
    pub decompressions_max: usize,
    /// Pages and API requests being answered at any moment.
    pub page_requests_max: usize,
    /// Connections open at any moment, for each listener.
    pub connections_max: usize,
    /// Time to read one request's body.
    pub body_timeout: Duration,
    /// Time to answer one page or API request.
    pub page_timeout: Duration,
    /// Time to read a request's head, and to wait for the next one.
    pub header_timeout: Duration,
    /// How long the OTLP doors wait for room before they refuse.
    pub otlp_patience: Duration,
    /// How long the Sentry doors wait for room before they refuse: Sentry SDKs
    /// never retry, so their refusals are losses.
    pub sentry_patience: Duration,
    /// Time that requests in flight get when the server stops.
    pub drain_timeout: Duration,
    /// Projects that requests may create by naming them.
    pub projects_max: usize,
    /// How long a session lives.
    pub session_lifetime: Duration,
}

const MIB: usize = 1024 * 1024;

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            urls: PublicUrls::default(),
            hosts: Vec::new(),
            keys_required: false,
            login_required: false,
            metrics_token: None,
            https: false,
            demo: false,
            body_bytes_max: 64 * MIB,
            receiving_bytes_max: 512 * MIB,
            decompressions_max: 4,
            page_requests_max: 64,
            connections_max: 2_048,
            body_timeout: Duration::from_secs(60),
            page_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(30),
            otlp_patience: Duration::from_secs(1),
            sentry_patience: Duration::from_secs(2),
            drain_timeout: Duration::from_secs(10),
            projects_max: 200,
            session_lifetime: Duration::from_secs(14 * 24 * 60 * 60),
        }
    }
}
