//! Made-up traffic for measurements: traces in two shapes, always the same
//! ones. `keyed` has attributes without meaning, in the numbers that trace
//! stores are commonly compared with; `web` has what instrumented web services
//! send. How traces look on the network stands in `encode`.

mod encode;

pub use encode::{otlp_json, otlp_kind, sentry_envelopes, span_v2_envelope};

use hotspan_model::{SpanKind, Value};

/// Spans of every trace.
pub const SPANS_PER_TRACE: usize = 10;

/// Attributes of a span in [`keyed`] traffic.
const KEYED_ATTRIBUTES: u64 = 11;
/// Attribute names in [`keyed`] traffic.
const KEYED_NAMES: u64 = 97;
/// Attribute values in [`keyed`] traffic.
const KEYED_VALUES: u64 = 1_000;

/// The first trace begins here, nanoseconds since 1970.
const EPOCH_NS: i64 = 1_795_404_618_000_000_000;

/// One trace: the entry span first, the others below it.
#[derive(Debug, Clone)]
pub struct SampleTrace {
    /// Not zero.
    pub id: [u8; 16],
    /// The service of all its spans.
    pub service: &'static str,
    /// In order of their start.
    pub spans: Vec<SampleSpan>,
}

/// One span of made-up traffic.
#[derive(Debug, Clone)]
pub struct SampleSpan {
    /// Not zero.
    pub id: [u8; 8],
    /// `None` for the entry span.
    pub parent: Option<[u8; 8]>,
    /// As an SDK writes it.
    pub name: String,
    /// Its role.
    pub kind: SpanKind,
    /// When it began, nanoseconds since 1970.
    pub start_ns: i64,
    /// How long it took, nanoseconds.
    pub duration_ns: i64,
    /// Typed attributes.
    pub attributes: Vec<(String, Value)>,
}

/// Traces of ten spans with eleven attributes each, of 97 keys and 1,000 values.
pub fn keyed(traces: usize) -> Vec<SampleTrace> {
    let mut dice = Dice(17);
    let attributes = |dice: &mut Dice, _: usize| {
        let mut at = dice.below(KEYED_NAMES);
        let pairs = (0..KEYED_ATTRIBUTES).map(|_| {
            // A stride keeps the keys of a span apart.
            at = (at + 7) % KEYED_NAMES;
            let value = Value::Str(format!("value_{:03}", dice.below(KEYED_VALUES)));
            (format!("attribute.key_{at:02}"), value)
        });
        let pairs = pairs.collect();
        (format!("operation-{}", dice.below(40)), SpanKind::Internal, pairs)
    };
    (0..traces).map(|_| trace(&mut dice, attributes)).collect()
}

/// Web requests: routes, SQL statements with literals, calls to other services.
pub fn web(traces: usize) -> Vec<SampleTrace> {
    let mut dice = Dice(23);
    (0..traces).map(|_| trace(&mut dice, web_span)).collect()
}

type Described = (String, SpanKind, Vec<(String, Value)>);

fn trace(dice: &mut Dice, mut describe: impl FnMut(&mut Dice, usize) -> Described) -> SampleTrace {
    const SERVICES: [&str; 5] = ["shop", "orders", "billing", "search", "mail"];
    let mut id = [0; 16];
    id[..8].copy_from_slice(&dice.roll().to_be_bytes());
    id[8..].copy_from_slice(&dice.roll().to_be_bytes());
    let begin = EPOCH_NS + dice.below(1_000_000_000) as i64;
    let mut spans: Vec<SampleSpan> = Vec::new();
    for nth in 0..SPANS_PER_TRACE {
        let (name, kind, attributes) = describe(dice, nth);
        // The third and the fourth span have children of their own.
        let parent = spans.get(if nth > 6 { 3 } else { 0 }).map(|parent| parent.id);
        spans.push(SampleSpan {
            id: dice.roll().to_be_bytes(),
            parent,
            name,
            kind: if nth == 0 { SpanKind::Server } else { kind },
            start_ns: begin + nth as i64 * 1_000_000,
            duration_ns: if nth == 0 { 40_000_000 } else { 900_000 + dice.below(90_000) as i64 },
            attributes,
        });
    }
    SampleTrace { id, service: SERVICES[dice.below(5) as usize], spans }
}

fn web_span(dice: &mut Dice, nth: usize) -> Described {
    let id = dice.below(1_000_000);
    match nth {
        0 => request(dice, id),
        1 | 4 | 7 => http_call(id),
        2 | 5 | 8 => statement(id),
        3 => own_work(),
        _ => cache_command(id),
    }
}

fn text(key: &str, text: &str) -> (String, Value) {
    (key.to_owned(), Value::Str(text.to_owned()))
}

fn int(key: &str, number: u64) -> (String, Value) {
    (key.to_owned(), Value::Int(number as i64))
}

fn request(dice: &mut Dice, id: u64) -> Described {
    const ROUTES: [&str; 6] = [
        "/api/orders/{id}",
        "/api/users/{id}/cart",
        "/reports/{year}/summary",
        "/search",
        "/checkout/confirm",
        "/api/products/{sku}/reviews",
    ];
    let route = ROUTES[dice.below(6) as usize];
    let name = format!("GET {route}");
    let pairs = vec![
        text("http.request.method", "GET"),
        text("http.route", route),
        text("url.path", &route.replace("{id}", &id.to_string())),
        text("url.scheme", "https"),
        text("url.query", "limit=20&sort=-created"),
        text("server.address", "shop.example.com"),
        int("server.port", 443),
        text("client.address", "203.0.113.77"),
        text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"),
        text("network.protocol.version", "1.1"),
        int("http.response.status_code", 200),
    ];
    (name, SpanKind::Server, pairs)
}

fn http_call(id: u64) -> Described {
    let url = format!("http://inventory.internal:8080/v1/items/{id}?expand=price");
    let pairs = vec![
        text("http.request.method", "GET"),
        text("url.full", &url),
        text("server.address", "inventory.internal"),
        int("server.port", 8080),
        int("http.response.status_code", if id.is_multiple_of(50) { 503 } else { 200 }),
        text("network.protocol.version", "1.1"),
        text("network.peer.address", "10.0.12.34"),
        int("network.peer.port", 8080),
        text("thread.name", "worker-12"),
        int("thread.id", id % 64),
    ];
    ("GET".to_owned(), SpanKind::Client, pairs)
}

fn statement(id: u64) -> Described {
    let statement = format!(
        "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = \
         o.customer_id WHERE o.customer_id = {id} AND o.state = 'open' LIMIT 20"
    );
    let pairs = vec![
        text("db.system.name", "postgresql"),
        text("db.namespace", "shop"),
        text("db.query.text", &statement),
        text("db.operation.name", "SELECT"),
        text("server.address", "db-1.internal"),
        int("server.port", 5432),
        text("thread.name", "worker-12"),
        int("thread.id", id % 64),
    ];
    ("SELECT shop.orders".to_owned(), SpanKind::Client, pairs)
}

fn own_work() -> Described {
    let pairs = vec![
        text("code.function.name", "Orders::Summary.render"),
        text("code.file.path", "app/services/orders/summary.rb"),
        int("code.line.number", 112),
        text("thread.name", "worker-12"),
    ];
    ("render summary".to_owned(), SpanKind::Internal, pairs)
}

fn cache_command(id: u64) -> Described {
    let pairs = vec![
        text("db.system.name", "redis"),
        text("db.operation.name", "GET"),
        text("db.query.text", &format!("GET cart:{id}")),
        text("server.address", "cache-1.internal"),
        int("server.port", 6379),
    ];
    ("GET".to_owned(), SpanKind::Client, pairs)
}

/// Numbers without pattern, the same ones every time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) | 1
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.roll() >> 1) % limit
    }
}
