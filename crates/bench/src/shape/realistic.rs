//! Web requests as applications send them: an entry span, SQL, cache and HTTP
//! calls below it, and now and then a request that looks credentials up.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, Status, status::StatusCode};

use super::{number, resource, span_id, text, trace_id};
use crate::random::Random;

const SERVICES: [&str; 12] = [
    "storefront",
    "checkout",
    "catalog",
    "search",
    "accounts",
    "billing",
    "inventory",
    "mailer",
    "reports",
    "gateway",
    "media",
    "admin",
];
const THINGS: [&str; 17] = [
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
    "exports",
    "teams",
    "tickets",
    "plans",
    "events",
];
const METHODS: [&str; 4] = ["GET", "GET", "POST", "PATCH"];
const HOSTS: [&str; 6] = [
    "api.stripe.com",
    "s3.eu-central-1.amazonaws.com",
    "hooks.slack.com",
    "search.internal:9200",
    "geo.internal",
    "mail.internal",
];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
    "okhttp/5.1.0",
    "python-requests/2.32.4",
];

pub(super) fn trace(random: &mut Random) -> (Resource, Vec<Span>) {
    let service = random.skewed(SERVICES.len());
    let thing = random.skewed(THINGS.len());
    let method = *random.pick(&METHODS);
    let mut request = Request::new(random, method, THINGS[thing]);
    for _ in 0..1 + random.skewed(14) {
        request.call(random);
    }
    if random.one_in(50) {
        request.lookups(random);
    }
    request.finish(random);
    (of_service(random, SERVICES[service]), request.spans)
}

struct Request {
    trace_id: Vec<u8>,
    root: Vec<u8>,
    method: &'static str,
    thing: &'static str,
    spans: Vec<Span>,
    now: u64,
}

impl Request {
    fn new(random: &mut Random, method: &'static str, thing: &'static str) -> Self {
        let (trace_id, root) = (trace_id(random), span_id(random));
        Self { trace_id, root, method, thing, spans: Vec::new(), now: 200_000 }
    }

    fn call(&mut self, random: &mut Random) {
        match random.below(10) {
            0..6 => self.query(random),
            6..8 => self.cache(random),
            8 => self.http(random),
            _ => self.template(random),
        }
    }

    fn query(&mut self, random: &mut Random) {
        let table = *random.pick(&THINGS);
        let statement = match random.below(4) {
            0 => format!(
                "SELECT \"{table}\".* FROM \"{table}\" WHERE \"{table}\".\"id\" = $1 LIMIT $2"
            ),
            1 => format!(
                "SELECT COUNT(*) FROM \"{table}\" WHERE \"{table}\".\"account_id\" = $1 AND \"{table}\".\"deleted_at\" IS NULL"
            ),
            2 => format!(
                "UPDATE \"{table}\" SET \"status\" = $1, \"updated_at\" = $2 WHERE \"{table}\".\"id\" = $3"
            ),
            _ => format!(
                "SELECT \"{table}\".\"id\", \"{table}\".\"name\", \"{table}\".\"created_at\" FROM \"{table}\" INNER JOIN \"accounts\" ON \"accounts\".\"id\" = \"{table}\".\"account_id\" WHERE \"accounts\".\"slug\" = $1 ORDER BY \"{table}\".\"created_at\" DESC LIMIT $2"
            ),
        };
        let attributes = vec![
            text("db.system", "postgresql"),
            text("db.name", "shop_production"),
            text("db.user", "shop"),
            text("net.peer.name", "db-1.internal"),
            number("net.peer.port", 5432),
            text("db.statement", statement),
        ];
        self.exit(random, format!("SELECT shop_production.{table}"), attributes, 1_500_000);
    }

    fn cache(&mut self, random: &mut Random) {
        let attributes = vec![
            text("db.system", "redis"),
            text("net.peer.name", "cache-1.internal"),
            number("net.peer.port", 6379),
            text("db.statement", format!("GET views/{}/{}", self.thing, random.below(50_000))),
        ];
        self.exit(random, "GET".to_owned(), attributes, 300_000);
    }

    fn http(&mut self, random: &mut Random) {
        let host = *random.pick(&HOSTS);
        let url =
            format!("https://{host}/v1/{}/{}?expand=lines", self.thing, random.below(1_000_000));
        let status = if random.one_in(40) { 503 } else { 200 };
        let attributes = vec![
            text("http.method", "GET"),
            text("http.url", url),
            text("net.peer.name", host),
            number("http.status_code", status),
            text("http.flavor", "1.1"),
        ];
        self.exit(random, "HTTP GET".to_owned(), attributes, 25_000_000);
        if status == 503 {
            self.fail_last("503 Service Unavailable");
        }
    }

    /// Three lookups of role credentials, three calls each.
    fn lookups(&mut self, random: &mut Random) {
        for _ in 0..3 {
            for (method, path) in [
                ("PUT", "/latest/api/token"),
                ("GET", "/latest/meta-data/iam/security-credentials/"),
                ("GET", "/latest/meta-data/iam/security-credentials/app-role"),
            ] {
                let attributes = vec![
                    text("http.method", method),
                    text("http.url", format!("http://169.254.169.254{path}")),
                    number("http.status_code", 200),
                ];
                self.exit(random, format!("HTTP {method}"), attributes, 1_200_000);
            }
        }
    }

    fn template(&mut self, random: &mut Random) {
        let name = format!("render {}/show.html.erb", self.thing);
        let took = random.duration(3_000_000);
        let span = self.child(random, name, SpanKind::Internal, Vec::new(), took);
        self.spans.push(span);
    }

    fn exit(&mut self, random: &mut Random, name: String, attributes: Vec<KeyValue>, typical: u64) {
        let took = random.duration(typical);
        let span = self.child(random, name, SpanKind::Client, attributes, took);
        self.spans.push(span);
    }

    fn child(
        &mut self,
        random: &mut Random,
        name: String,
        kind: SpanKind,
        attributes: Vec<KeyValue>,
        took: u64,
    ) -> Span {
        let start = self.now;
        self.now += took + random.duration(100_000);
        Span {
            trace_id: self.trace_id.clone(),
            span_id: span_id(random),
            parent_span_id: self.root.clone(),
            name,
            kind: kind as i32,
            start_time_unix_nano: start,
            end_time_unix_nano: start + took,
            attributes,
            ..Default::default()
        }
    }

    fn fail_last(&mut self, why: &str) {
        if let Some(span) = self.spans.last_mut() {
            span.status = Some(Status { code: StatusCode::Error as i32, message: why.to_owned() });
        }
    }

    /// The entry span, which ends last.
    fn finish(&mut self, random: &mut Random) {
        let failed = random.one_in(100);
        let id = random.below(5_000_000);
        let attributes = vec![
            text("http.method", self.method),
            text("http.scheme", "https"),
            text("http.target", format!("/{}/{id}?locale=en&page={}", self.thing, random.below(9))),
            text("http.route", format!("/{}/:id", self.thing)),
            number("http.status_code", if failed { 500 } else { 200 }),
            text("http.user_agent", *random.pick(&AGENTS)),
            text("net.host.name", "shop.example"),
            text(
                "http.client_ip",
                format!("10.{}.{}.{}", random.below(4), random.below(256), random.below(256)),
            ),
            number("enduser.account", random.skewed(20_000) as i64),
        ];
        let code = if failed { StatusCode::Error } else { StatusCode::Unset };
        self.spans.push(Span {
            trace_id: self.trace_id.clone(),
            span_id: self.root.clone(),
            name: format!("{} /{}/:id", self.method, self.thing),
            kind: SpanKind::Server as i32,
            end_time_unix_nano: self.now + random.duration(2_000_000),
            attributes,
            status: Some(Status { code: code as i32, ..Default::default() }),
            ..Default::default()
        });
    }
}

fn of_service(random: &mut Random, service: &str) -> Resource {
    let pod = random.below(3);
    resource(vec![
        text("service.name", service),
        text("service.version", "2026.11.2"),
        text("deployment.environment.name", "production"),
        text("telemetry.sdk.language", "ruby"),
        text("telemetry.sdk.name", "opentelemetry"),
        text("telemetry.sdk.version", "1.8.0"),
        text("k8s.pod.name", format!("{service}-7d9f4b5c6-{pod}")),
        text("k8s.namespace.name", "shop"),
        text("host.name", format!("ip-10-0-0-{pod}.eu-central-1.compute.internal")),
        number("process.pid", 40 + pod as i64),
    ])
}
