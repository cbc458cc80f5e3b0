//! Made-up traces of two shapes.

use std::sync::Arc;

use hotspan_model::{
    Attributes, Door, EntryHint, Resource, Scope, Span, SpanId, SpanKind, Status, TraceId,
    UnixNanos, Value, ValueRef,
};

/// Tables and things that requests are about.
const THINGS: [&str; 12] = [
    "orders",
    "products",
    "users",
    "carts",
    "invoices",
    "payments",
    "addresses",
    "reviews",
    "shipments",
    "coupons",
    "sessions",
    "images",
];

/// SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn thing(&mut self) -> &'static str {
        THINGS[self.below(THINGS.len())]
    }

    /// Nanoseconds around `typical`, with a long tail.
    fn duration(&mut self, typical: f64) -> i64 {
        let unit = ((self.next() >> 11) as f64 / (1_u64 << 53) as f64).max(1e-9);
        (typical * (0.3 - unit.ln() * 0.7)) as i64
    }

    fn span_id(&mut self) -> SpanId {
        SpanId(self.next().to_be_bytes())
    }
}

/// Adds the spans of a trace that begins `at`.
pub(crate) fn trace(shape: &str, random: &mut Random, at: UnixNanos, spans: &mut Vec<Span>) {
    match shape {
        "web" => web(random, at, spans),
        _ => jaeger(random, at, spans),
    }
}

/// Ten spans, eleven attributes each out of 97 keys and 1,000 values.
fn jaeger(random: &mut Random, at: UnixNanos, spans: &mut Vec<Span>) {
    let service = format!("service-{}", random.below(10));
    let operation = format!("operation-{}", random.below(20));
    let resource = [("service.name", service.clone()), ("host.name", "bench-1".to_owned())];
    let total = random.duration(20e6);
    let mut root = root(random, at, &service, texts(resource));
    (root.name, root.end) = (operation.clone(), at.plus(total));
    for nth in 0..10 {
        let start = at.plus(total / 10 * nth);
        let mut span = if nth == 0 { root.clone() } else { child(random, &root, start) };
        if nth > 0 {
            span.name = format!("{operation}-{nth}");
            span.end = start.plus(random.below((total / 10).max(1) as usize) as i64);
        }
        let first = random.below(97);
        let attribute = |nth: usize| {
            let key = format!("attribute_{}", (first + nth * 8) % 97);
            (key, Value::Str(format!("value_{}", random.below(1_000))))
        };
        span.attributes = (0..11).map(attribute).collect();
        spans.push(span);
    }
}

/// A web request with statements, cache reads and calls below it.
fn web(random: &mut Random, at: UnixNanos, spans: &mut Vec<Span>) {
    let (thing, pod) = (random.thing(), random.below(3));
    let service = format!("shop-{}", random.below(8));
    let resource = [
        ("service.name", service.clone()),
        ("service.version", "2026.11.2".to_owned()),
        ("deployment.environment.name", "production".to_owned()),
        ("telemetry.sdk.language", "ruby".to_owned()),
        ("telemetry.sdk.name", "opentelemetry".to_owned()),
        ("k8s.pod.name", format!("{service}-7d9f4b5c6-{pod}")),
        ("host.name", format!("ip-10-0-0-{pod}.eu-central-1.compute.internal")),
    ];
    let mut root = root(random, at, &service, texts(resource));
    root.name = format!("GET /{thing}/:id");
    root.attributes = texts([
        ("http.method", "GET".to_owned()),
        ("http.target", format!("/{thing}/{}?locale=en", random.below(5_000_000))),
        ("http.route", format!("/{thing}/:id")),
        ("http.client_ip", format!("10.0.{}.{}", random.below(256), random.below(256))),
    ]);
    root.attributes.push("http.status_code", ValueRef::Int(200));
    let mut now = at.plus(200_000);
    for _ in 0..1 + random.below(8) {
        let mut span = child(random, &root, now);
        span.kind = SpanKind::Client;
        let (name, typical, attributes) = call(random, thing);
        (span.name, span.attributes) = (name, texts(attributes));
        span.end = now.plus(random.duration(typical));
        now = span.end.plus(random.duration(100e3));
        spans.push(span);
    }
    root.end = now;
    spans.push(root);
}

type Pairs = Vec<(&'static str, String)>;

fn call(random: &mut Random, thing: &str) -> (String, f64, Pairs) {
    match random.below(10) {
        0..6 => {
            let table = random.thing();
            let statement = match random.below(3) {
                0 => format!("SELECT \"{table}\".* FROM \"{table}\" WHERE \"{table}\".\"id\" = $1"),
                1 => {
                    format!("UPDATE \"{table}\" SET \"status\" = $1 WHERE \"{table}\".\"id\" = $2")
                }
                _ => format!("SELECT COUNT(*) FROM \"{table}\" WHERE \"{table}\".\"account\" = $1"),
            };
            let system = ("db.system", "postgresql".to_owned());
            let pairs = vec![system, ("db.name", "shop".to_owned()), ("db.statement", statement)];
            (format!("SELECT shop.{table}"), 1.5e6, pairs)
        }
        6..8 => {
            let read = format!("GET views/{thing}/{}", random.below(50_000));
            let pairs = vec![("db.system", "redis".to_owned()), ("db.statement", read)];
            ("GET".to_owned(), 0.3e6, pairs)
        }
        _ => {
            let url = format!("https://api.example.com/v1/{thing}/{}", random.below(1_000_000));
            let pairs = vec![("http.method", "GET".to_owned()), ("http.url", url)];
            ("HTTP GET".to_owned(), 25e6, pairs)
        }
    }
}

fn texts(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Attributes {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), Value::Str(value))).collect()
}

fn child(random: &mut Random, root: &Span, start: UnixNanos) -> Span {
    Span {
        span_id: random.span_id(),
        parent: Some(root.span_id),
        kind: SpanKind::Internal,
        entry: EntryHint::No,
        start,
        ..root.clone()
    }
}

fn root(random: &mut Random, at: UnixNanos, service: &str, resource: Attributes) -> Span {
    let mut trace_id = [0; 16];
    trace_id[..8].copy_from_slice(&random.next().to_be_bytes());
    trace_id[8..].copy_from_slice(&random.next().to_be_bytes());
    let scope = Scope { name: "bench".to_owned(), version: "1".to_owned(), ..Scope::default() };
    Span {
        trace_id: TraceId(trace_id),
        span_id: random.span_id(),
        parent: None,
        name: String::new(),
        kind: SpanKind::Server,
        start: at,
        end: at,
        status: Status::Unset,
        status_message: String::new(),
        attributes: Attributes::new(),
        events: Vec::new(),
        links: Vec::new(),
        flags: 1,
        trace_state: String::new(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        resource: Arc::new(Resource { attributes: resource }),
        scope: Arc::new(scope),
        service: service.into(),
        weight: 1.0,
        entry: EntryHint::Yes,
        door: Door::Otlp,
    }
}
