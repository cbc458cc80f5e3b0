//! Attributes of OpenTracing and of Zipkin's instrumentations in the words of
//! OpenTelemetry. What was sent stays; what only older words say is added.
//!
//! Sources: OpenTracing's `semantic_conventions.md`, Zipkin's `Tag` constants
//! and what Brave's instrumentations send.

use hotspan_model::normalise::url;
use hotspan_model::{Attributes, Value};

use crate::value::Collected;

/// OTLP's number of a client's span.
const CLIENT: i32 = 3;

/// An older name, the newer one, and what makes the addition needless.
type Renamed = (&'static str, &'static str, &'static [&'static str]);

const RENAMED: [Renamed; 11] = [
    ("peer.hostname", "server.address", &["server.address", "net.peer.name"]),
    ("peer.ipv4", "network.peer.address", PEER_ADDRESSES),
    ("peer.ipv6", "network.peer.address", PEER_ADDRESSES),
    ("peer.port", "server.port", &["server.port", "net.peer.port", "network.peer.port"]),
    ("db.instance", "db.name", &["db.name", "db.namespace"]),
    ("sql.query", "db.statement", STATEMENTS),
    ("cassandra.query", "db.statement", STATEMENTS),
    ("http.path", "url.path", &["url.path", "http.target", "url.full"]),
    ("message_bus.destination", "messaging.destination.name", DESTINATIONS),
    ("kafka.topic", "messaging.destination.name", DESTINATIONS),
    ("jms.queue", "messaging.destination.name", DESTINATIONS),
];

const PEER_ADDRESSES: &[&str] = &["network.peer.address", "net.peer.ip", "net.sock.peer.addr"];
const STATEMENTS: &[&str] = &["db.statement", "db.query.text"];
const DESTINATIONS: &[&str] = &["messaging.destination.name", "messaging.destination"];
const DATABASE_SYSTEMS: &[&str] = &["db.system", "db.system.name"];

/// Attributes that tell where a call goes.
const HOSTS: &[&str] = &[
    "server.address",
    "net.peer.name",
    "network.peer.address",
    "net.peer.ip",
    "net.sock.peer.addr",
    "http.host",
    "url.full",
];

/// What names of services, libraries and addresses give away about a database,
/// and what OpenTelemetry calls it.
const DATABASES: [(&str, &str); 15] = [
    ("mysql", "mysql"),
    ("mariadb", "mariadb"),
    ("postgres", "postgresql"),
    ("redis", "redis"),
    ("memcache", "memcached"),
    ("mongo", "mongodb"),
    ("cassandra", "cassandra"),
    ("elasticsearch", "elasticsearch"),
    ("opensearch", "opensearch"),
    ("sqlite", "sqlite"),
    ("sqlserver", "microsoft.sql_server"),
    ("mssql", "microsoft.sql_server"),
    ("oracle", "oracle.db"),
    ("dynamo", "aws.dynamodb"),
    ("jdbc", OTHER_SQL),
];

/// A database that speaks SQL and is not told apart further.
const OTHER_SQL: &str = "other_sql";

/// Adds what is missing. `kind` is OTLP's number of the span's role, if it was
/// told; the answer is the role as far as the attributes tell it.
pub(crate) fn translate(collected: &mut Collected, kind: Option<i32>) -> Option<i32> {
    let sent = &collected.attributes;
    // OpenTracing asks for a role on remote procedures only; a span with its
    // database tags is a client's all the same.
    let of_database = ["db.type", "sql.query", "cassandra.query"];
    let kind = kind.or_else(|| has_any(sent, &of_database).then_some(CLIENT));
    let mut added = renamed(sent);
    added.extend(url_path(sent));
    added.extend(database_system(sent));
    added.extend(message_system(sent));
    added.extend(remote_procedure(sent));
    added.extend(server_address(sent, &added));
    for (key, value) in &added {
        collected.push(key, Ok(value));
    }
    kind
}

/// An attribute to be added.
type Added = (&'static str, Value);

fn has_any(sent: &Attributes, keys: &[&str]) -> bool {
    keys.iter().any(|key| sent.get(key).is_some())
}

fn renamed(sent: &Attributes) -> Vec<Added> {
    let mut added: Vec<Added> = Vec::new();
    for (old, new, needless) in RENAMED {
        let Some(value) = sent.get(old) else { continue };
        if !has_any(sent, needless) && !added.iter().any(|(key, _)| *key == new) {
            added.push((new, value.to_value()));
        }
    }
    added
}

/// OpenTracing's servers write the target alone into `http.url`.
fn url_path(sent: &Attributes) -> Option<Added> {
    let target = sent.first_str(&["http.url"]).filter(|url| url.starts_with('/'))?;
    let known = ["url.path", "http.target", "http.path"];
    let path = target.split(['?', '#']).next().unwrap_or_default();
    (!has_any(sent, &known)).then(|| ("url.path", path.into()))
}

fn database_system(sent: &Attributes) -> Option<Added> {
    if has_any(sent, DATABASE_SYSTEMS) {
        return None;
    }
    let kind = sent.first_str(&["db.type"]);
    let has_statement = has_any(sent, &["db.statement", "db.instance", "sql.query"]);
    let system = if sent.get("cassandra.query").is_some() {
        "cassandra"
    } else if kind.is_some() || has_statement {
        let hints = ["db.type", "component", "peer.service", "peer.address"];
        let known = hints.iter().find_map(|hint| database_in(sent.first_str(&[hint])?));
        known.or(kind).unwrap_or(OTHER_SQL)
    } else {
        // Clients of stores without a query language send nothing but a name.
        let named = sent.first_str(&["component", "peer.service"]).and_then(database_in);
        return named
            .filter(|name| *name == "redis" && has_any(sent, &["redis.command"]))
            .map(|name| ("db.system", name.into()));
    };
    let system = if system.eq_ignore_ascii_case("sql") { OTHER_SQL } else { system };
    Some(("db.system", system.into()))
}

fn database_in(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    DATABASES.into_iter().find(|(part, _)| text.contains(part)).map(|(_, system)| system)
}

fn message_system(sent: &Attributes) -> Option<Added> {
    if sent.get("messaging.system").is_some() {
        return None;
    }
    if sent.get("kafka.topic").is_some() {
        return Some(("messaging.system", "kafka".into()));
    }
    if !has_any(sent, &["message_bus.destination", "jms.queue"]) {
        return None;
    }
    let component = sent.first_str(&["component"]).unwrap_or("message_bus");
    Some(("messaging.system", component.into()))
}

fn remote_procedure(sent: &Attributes) -> Option<Added> {
    let component = sent.first_str(&["component"])?;
    let known = ["rpc.system", "rpc.system.name"];
    (component.eq_ignore_ascii_case("grpc") && !has_any(sent, &known))
        .then(|| ("rpc.system", "grpc".into()))
}

/// Where no attribute has a host, an address for a client library or the name
/// of the other service tells calls apart.
fn server_address(sent: &Attributes, added: &[Added]) -> Option<Added> {
    let has_url = sent.first_str(&["http.url"]).is_some_and(|url| url.contains("://"));
    if has_url || has_any(sent, HOSTS) || added.iter().any(|(key, _)| HOSTS.contains(key)) {
        return None;
    }
    let of_address = sent.first_str(&["peer.address"]).and_then(host_in);
    let host = of_address.or_else(|| sent.first_str(&["peer.service"]))?;
    Some(("server.address", host.into()))
}

/// The host of `10.0.0.5:3306`, `db.internal` or `mysql://db.internal:3306/shop`.
fn host_in(address: &str) -> Option<&str> {
    if address.contains("://") {
        return url::parse(address.trim_start_matches("jdbc:")).map(|parts| parts.host);
    }
    let host = match address.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => address,
    };
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is added to `key=value` pairs, and the role if it was not told.
    fn check(sent: &[(&str, &str)], added: &[(&str, &str)], kind: Option<i32>) {
        let mut collected = Collected::default();
        for (key, value) in sent {
            collected.push(key, Ok(*value));
        }
        assert_eq!(translate(&mut collected, None), kind, "{sent:?}");
        let found: Vec<(String, String)> = collected
            .attributes
            .iter()
            .skip(sent.len())
            .map(|(key, value)| (key.to_owned(), value.to_string()))
            .collect();
        let found: Vec<(&str, &str)> =
            found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, added, "{sent:?}");
    }

    #[test]
    fn older_words() {
        check(&[("http.method", "GET"), ("http.url", "http://h/p")], &[], None);
        check(&[("http.url", "/dispatch?customer=7")], &[("url.path", "/dispatch")], None);
        check(&[("http.url", "/a"), ("http.target", "/a")], &[], None);
        check(
            &[("http.method", "GET"), ("http.path", "/a"), ("peer.service", "stock")],
            &[("url.path", "/a"), ("server.address", "stock")],
            None,
        );
        check(
            &[("peer.hostname", "h"), ("peer.ipv4", "10.0.0.5"), ("peer.port", "80")],
            &[("server.address", "h"), ("network.peer.address", "10.0.0.5"), ("server.port", "80")],
            None,
        );
        check(&[("peer.hostname", "h"), ("net.peer.name", "h")], &[], None);
        check(&[("peer.address", "db-1:3306")], &[("server.address", "db-1")], None);
        check(&[("peer.address", "fd00::1")], &[("server.address", "fd00::1")], None);
        check(&[("component", "gRPC")], &[("rpc.system", "grpc")], None);
    }

    #[test]
    fn older_words_of_databases() {
        check(
            &[("sql.query", "SELECT 1"), ("peer.service", "mysql")],
            &[("db.statement", "SELECT 1"), ("db.system", "mysql"), ("server.address", "mysql")],
            Some(CLIENT),
        );
        check(
            &[("db.type", "sql"), ("db.instance", "shop"), ("component", "java-jdbc")],
            &[("db.name", "shop"), ("db.system", "other_sql")],
            Some(CLIENT),
        );
        check(
            &[("db.statement", "SELECT 1"), ("peer.address", "jdbc:postgresql://db:5432/shop")],
            &[("db.system", "postgresql"), ("server.address", "db")],
            None,
        );
        check(&[("db.statement", "SELECT 1"), ("db.system", "db2")], &[], None);
        check(&[("db.type", "hbase")], &[("db.system", "hbase")], Some(CLIENT));
        check(
            &[("cassandra.query", "SELECT 1")],
            &[("db.statement", "SELECT 1"), ("db.system", "cassandra")],
            Some(CLIENT),
        );
        check(&[("peer.service", "redis-cart")], &[("server.address", "redis-cart")], None);
        check(
            &[("peer.service", "redis-cart"), ("redis.command", "GET")],
            &[("db.system", "redis"), ("server.address", "redis-cart")],
            None,
        );
    }

    #[test]
    fn older_words_of_messages() {
        check(
            &[("message_bus.destination", "orders"), ("component", "java-kafka")],
            &[("messaging.destination.name", "orders"), ("messaging.system", "java-kafka")],
            None,
        );
        check(
            &[("kafka.topic", "orders")],
            &[("messaging.destination.name", "orders"), ("messaging.system", "kafka")],
            None,
        );
    }
}
