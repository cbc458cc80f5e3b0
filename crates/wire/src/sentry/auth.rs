//! Who sends: the `X-Sentry-Auth` header and the DSN. Whether a key is valid
//! is not decided here.

/// What a client says about itself with each request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Auth {
    /// The project's public key.
    pub key: String,
    /// Protocol version, e.g. `7`; empty when not told.
    pub version: String,
    /// The SDK, e.g. `sentry-ruby/6.6.2`; empty when not told.
    pub client: String,
}

/// Reads `X-Sentry-Auth`, e.g. `Sentry sentry_version=7, sentry_key=abc`.
/// `None` when it has another scheme or no key.
pub fn parse_auth_header(value: &str) -> Option<Auth> {
    let (scheme, pairs) = value.trim().split_once(char::is_whitespace)?;
    if !scheme.eq_ignore_ascii_case("sentry") {
        return None;
    }
    let mut auth = Auth::default();
    for (name, value) in pairs.split(',').filter_map(|pair| pair.split_once('=')) {
        let value = value.trim().trim_matches('"').to_owned();
        match name.trim() {
            "sentry_key" => auth.key = value,
            "sentry_version" => auth.version = value,
            "sentry_client" => auth.client = value,
            _ => {}
        }
    }
    (!auth.key.is_empty()).then_some(auth)
}

/// The address an SDK is given: `{scheme}://{key}[:{secret}]@{host}{path}/{project}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dsn {
    /// The project's public key.
    pub key: String,
    /// The last segment of the path.
    pub project: String,
}

impl Dsn {
    /// Reads a DSN. The secret, which old SDKs still send, is ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("://")?;
        let (user, address) = rest.split_once('@')?;
        let key = user.split(':').next().unwrap_or_default();
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let (host, project) = path.trim_end_matches('/').rsplit_once('/')?;
        if key.is_empty() || host.is_empty() || project.is_empty() {
            return None;
        }
        Some(Self { key: key.to_owned(), project: project.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_headers() {
        let key = |header: &str| parse_auth_header(header).map(|auth| auth.key);
        for (header, expected) in [
            (
                "Sentry sentry_version=7, sentry_client=sentry-ruby/5.3.0, sentry_timestamp=1795406393, sentry_key=pub",
                Some("pub"),
            ),
            ("sentry sentry_key=\"pub\",sentry_version=7", Some("pub")),
            ("  Sentry   sentry_key = pub ", Some("pub")),
            ("Sentry sentry_key=pub, sentry_secret=hidden", Some("pub")),
            ("Sentry sentry_key=", None),
            ("Sentry", None),
            ("Bearer sentry_key=pub", None),
            ("", None),
        ] {
            assert_eq!(key(header).as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn dsns() {
        let parse = |dsn: &str| Dsn::parse(dsn).map(|dsn| (dsn.key, dsn.project));
        for (dsn, expected) in [
            ("http://pub@127.0.0.1:9400/1", Some(("pub", "1"))),
            ("https://pub:secret@sentry.example/path/shop/", Some(("pub", "shop"))),
            ("https://pub@host/7?x=1", Some(("pub", "7"))),
            ("https://host/1", None),
            ("https://@host/1", None),
            ("https://pub@host", None),
            ("pub@host/1", None),
        ] {
            let expected = expected.map(|(key, project)| (key.to_owned(), project.to_owned()));
            assert_eq!(parse(dsn), expected, "{dsn}");
        }
    }
}
