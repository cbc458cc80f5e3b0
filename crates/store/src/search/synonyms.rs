//! Attributes with more than one name: semantic conventions renamed them, and
//! SDKs disagree about which to send. Who asks for one name means all of them.

/// Names of one and the same thing, newest first (OpenTelemetry semantic
/// conventions 1.20 to 1.38; `url` is what Sentry's SDKs send).
const SAME: &[&[&str]] = &[
    &["url.full", "http.url", "url"],
    &["http.request.method", "http.method"],
    &["db.query.text", "db.statement"],
    &["db.system.name", "db.system"],
    &["db.namespace", "db.name"],
    &["server.address", "net.peer.name"],
    &["server.port", "net.peer.port"],
    &["client.address", "http.client_ip"],
    &["user_agent.original", "http.user_agent"],
];

/// Every name of an attribute; empty when it has no other.
pub(super) fn names_of(key: &str) -> &'static [&'static str] {
    SAME.iter().find(|names| names.contains(&key)).copied().unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_two_things() {
        let mut names: Vec<_> = SAME.iter().copied().flatten().collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
