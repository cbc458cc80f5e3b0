//! How instrumentations spell the same span: names, attributes, door.

use hotspan_model::{Attributes, Door, Span, SpanKind};

/// The spelling of one instrumentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// OpenTelemetry with today's semantic conventions: `url.full`.
    Otel,
    /// OpenTelemetry with the old ones: `http.url`.
    OtelOld,
    /// OpenTelemetry Ruby: `http.target` and `net.peer.name`, no whole URL.
    OtelRuby,
    /// Sentry transactions with the URL in attributes too.
    Sentry,
    /// Sentry transactions of sentry-ruby 5: description and status only.
    Sentry5,
    /// Sentry's streamed spans: host in the name, the rest in attributes.
    SpanV2,
}

const SQL: [&str; 5] = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];

impl Style {
    /// Every style with its name in the notation.
    pub const ALL: [(&'static str, Self); 6] = [
        ("otel", Self::Otel),
        ("otel-old", Self::OtelOld),
        ("otel-ruby", Self::OtelRuby),
        ("sentry", Self::Sentry),
        ("sentry-5", Self::Sentry5),
        ("span-v2", Self::SpanV2),
    ];

    /// The style called `name`.
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, style)| style)
    }

    /// True for the OpenTelemetry styles.
    pub fn is_otel(self) -> bool {
        matches!(self, Self::Otel | Self::OtelOld | Self::OtelRuby)
    }

    /// The door its spans come through.
    pub fn door(self) -> Door {
        if self.is_otel() { Door::Otlp } else { Door::Sentry }
    }

    /// Spells a span whose name is still as written in the notation.
    pub fn spell(self, span: &mut Span, kind: Option<&str>) {
        let name = span.name.clone();
        match (kind, name.split_once(' ')) {
            (Some("server"), parts) => self.server(span, parts),
            (Some("aws"), _) => self.aws(span, &name),
            (Some("client"), _) => self.plain(span, SpanKind::Client, "http.client"),
            (Some("producer"), _) => self.plain(span, SpanKind::Producer, "queue.publish"),
            (Some("consumer"), _) => self.plain(span, SpanKind::Consumer, "queue.process"),
            (None, Some((method, url))) if url.contains("://") => self.request(span, method, url),
            (None, _) if SQL.iter().any(|verb| name.starts_with(verb)) => {
                self.statement(span, &name);
            }
            _ => self.plain(span, SpanKind::Internal, "function"),
        }
    }

    fn plain(self, span: &mut Span, kind: SpanKind, op: &str) {
        span.kind = kind;
        self.op(&mut span.attributes, op);
    }

    fn op(self, attributes: &mut Attributes, op: &str) {
        if !self.is_otel() {
            attributes.set("sentry.op", op);
        }
    }

    fn server(self, span: &mut Span, parts: Option<(&str, &str)>) {
        self.plain(span, SpanKind::Server, "http.server");
        if !self.is_otel() {
            span.attributes.set("sentry.transaction.source", "route");
        } else if let Some((method, route)) = parts {
            let (key, _, _, _) = self.http_keys();
            span.attributes.set(key, method);
            span.attributes.set("http.route", route);
        }
    }

    fn aws(self, span: &mut Span, operation: &str) {
        self.plain(span, SpanKind::Client, "rpc");
        let (service, method) = operation.split_once('.').unwrap_or((operation, ""));
        span.attributes.set("rpc.system", "aws-api");
        span.attributes.set("rpc.service", service);
        span.attributes.set("rpc.method", method);
    }

    fn statement(self, span: &mut Span, sql: &str) {
        self.plain(span, SpanKind::Client, "db.sql.query");
        match self {
            Self::Otel => {
                span.attributes.set("db.system.name", "postgresql");
                span.attributes.set("db.query.text", sql);
            }
            Self::OtelOld | Self::OtelRuby => {
                span.attributes.set("db.system", "postgresql");
                span.attributes.set("db.statement", sql);
            }
            Self::Sentry | Self::Sentry5 | Self::SpanV2 => return,
        }
        span.name = sql.split(' ').next().unwrap_or_default().to_owned();
    }

    fn request(self, span: &mut Span, method: &str, url: &str) {
        self.plain(span, SpanKind::Client, "http.client");
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (authority, path) = rest.find('/').map_or((rest, "/"), |place| rest.split_at(place));
        let host = authority.split(':').next().unwrap_or_default().to_owned();
        let (method_key, url_key, peer_key, _) = self.http_keys();
        match self {
            Self::Otel | Self::OtelOld => span.name = method.to_owned(),
            Self::OtelRuby => span.name = format!("HTTP {method}"),
            Self::SpanV2 => span.name = format!("{method} {host}"),
            Self::Sentry => {}
            Self::Sentry5 => return self.set_http_status(span, Some(200)),
        }
        span.attributes.set(method_key, method);
        match self {
            Self::OtelRuby => span.attributes.set(url_key, path),
            _ => span.attributes.set(url_key, url),
        }
        if !peer_key.is_empty() {
            span.attributes.set(peer_key, host);
        }
        self.set_http_status(span, Some(200));
    }

    /// Sets or takes away the HTTP status of the answer.
    pub fn set_http_status(self, span: &mut Span, code: Option<i64>) {
        let (_, _, _, key) = self.http_keys();
        match code {
            Some(code) => span.attributes.set(key, code),
            None => {
                let kept = span.attributes.iter().filter(|(name, _)| *name != key);
                span.attributes = kept.map(|(k, v)| (k.to_owned(), v.to_value())).collect();
            }
        }
    }

    /// Attribute names for method, URL, peer and status.
    fn http_keys(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Otel | Self::SpanV2 => {
                ("http.request.method", "url.full", "server.address", "http.response.status_code")
            }
            Self::OtelOld => ("http.method", "http.url", "", "http.status_code"),
            Self::OtelRuby => ("http.method", "http.target", "net.peer.name", "http.status_code"),
            Self::Sentry => ("http.request.method", "url", "", "http.response.status_code"),
            Self::Sentry5 => ("", "", "", "status"),
        }
    }
}
