//! Patterns for hosts and paths, as written in the knowledge files.

use serde::Deserialize;

/// A host pattern: `*`, `loopback`, or labels of which `*` stands for any one
/// and `**` at an end for any number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum HostPattern {
    /// Any host.
    Any,
    /// 127.0.0.0/8, `::1` and `localhost`.
    Loopback,
    /// Exactly this host.
    Exact(String),
    /// Label by label, `*` standing for any one label.
    Labels(Vec<String>),
    /// These labels, then any.
    Begins(Vec<String>),
    /// Any labels, then these.
    Ends(Vec<String>),
}

impl From<String> for HostPattern {
    fn from(text: String) -> Self {
        let labels = |text: &str| text.split('.').map(str::to_owned).collect();
        match text.as_str() {
            "*" => Self::Any,
            "loopback" => Self::Loopback,
            _ if text.ends_with(".**") => Self::Begins(labels(&text[..text.len() - 3])),
            _ if text.starts_with("**.") => Self::Ends(labels(&text[3..])),
            _ if text.split('.').any(|label| label == "*") => Self::Labels(labels(&text)),
            _ => Self::Exact(text),
        }
    }
}

impl HostPattern {
    /// True when `host` (no port, no brackets) fits.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => is_loopback(host),
            Self::Exact(exact) => exact.eq_ignore_ascii_case(host),
            Self::Labels(labels) => {
                let mut parts = host.split('.');
                fit(labels.iter(), &mut parts) && parts.next().is_none()
            }
            Self::Begins(labels) => fit(labels.iter(), &mut host.split('.')),
            Self::Ends(labels) => fit(labels.iter().rev(), &mut host.rsplit('.')),
        }
    }
}

/// True when each label has a part that it stands for.
fn fit<'a, 'b>(
    mut labels: impl Iterator<Item = &'a String>,
    parts: &mut impl Iterator<Item = &'b str>,
) -> bool {
    labels.all(|label| {
        parts.next().is_some_and(|part| label == "*" || label.eq_ignore_ascii_case(part))
    })
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<core::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A path pattern: segments of which `{name}` stands for any one and
/// `{name}:verb` for any one with that end, with `**` at either end for any
/// number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct PathPattern {
    text: String,
    segments: Vec<Segment>,
    any_prefix: bool,
    any_suffix: bool,
}

/// One segment of a path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Any,
    Exact(String),
    EndsIn(String),
}

impl Segment {
    fn of(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            None => Self::Exact(text.to_owned()),
            Some((_, "")) => Self::Any,
            Some((_, end)) => Self::EndsIn(end.to_owned()),
        }
    }

    fn matches(&self, segment: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == segment,
            Self::EndsIn(end) => segment.len() > end.len() && segment.ends_with(end.as_str()),
        }
    }
}

impl From<String> for PathPattern {
    fn from(text: String) -> Self {
        let mut segments: Vec<&str> = text.split('/').filter(|s| !s.is_empty()).collect();
        let any_prefix = segments.first() == Some(&"**");
        if any_prefix {
            segments.remove(0);
        }
        let any_suffix = segments.last() == Some(&"**");
        if any_suffix {
            segments.pop();
        }
        let segments = segments.into_iter().map(Segment::of).collect();
        Self { text, segments, any_prefix, any_suffix }
    }
}

impl PathPattern {
    /// The pattern as written: the template of every path that fits.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The last segment of every path that fits, empty for `/`; `None` when it
    /// may be any.
    pub fn end(&self) -> Option<&str> {
        match self.segments.last() {
            _ if self.any_suffix => None,
            Some(Segment::Exact(end)) => Some(end),
            Some(_) => None,
            None => Some(""),
        }
    }

    /// True when a path with these [`segments`] fits.
    pub fn matches(&self, path: &[&str]) -> bool {
        let wanted = self.segments.len();
        let skipped = match (self.any_prefix, self.any_suffix) {
            (true, false) if path.len() >= wanted => path.len() - wanted,
            (false, true) if path.len() >= wanted => 0,
            (false, false) if path.len() == wanted => 0,
            _ => return false,
        };
        // From the end, where paths differ soonest: most calls are none of these.
        let path = &path[skipped..skipped + wanted];
        path.iter().zip(&self.segments).rev().all(|(segment, wanted)| wanted.matches(segment))
    }
}

/// The segments of a path without query. Empty ones do not count, so that
/// `//latest/api/token` and a trailing slash make no difference.
pub fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (pattern, host, fits) in [
            ("*", "anything", true),
            ("loopback", "127.0.0.3", true),
            ("loopback", "::1", true),
            ("loopback", "LocalHost", true),
            ("loopback", "10.0.0.1", false),
            ("sts.amazonaws.com", "STS.amazonaws.com", true),
            ("sts.*.amazonaws.com", "sts.eu-west-1.amazonaws.com", true),
            ("sts.*.amazonaws.com", "sts.amazonaws.com", false),
            ("sts.*.amazonaws.com", "evil.sts.eu.amazonaws.com.example", false),
            ("vault.**", "vault", true),
            ("vault.**", "Vault.service.consul", true),
            ("vault.**", "my.vault", false),
            ("vault.**", "vaults.example.com", false),
            ("**.vault.azure.net", "prod.vault.azure.net", true),
            ("**.vault.azure.net", "vault.azure.net.example", false),
        ] {
            let pattern = HostPattern::from(pattern.to_owned());
            assert_eq!(pattern.matches(host), fits, "{pattern:?} on {host}");
        }
    }

    #[test]
    fn paths() {
        for (pattern, path, fits) in [
            ("/", "/", true),
            ("/", "", true),
            ("/", "/x", false),
            ("/latest/api/token", "//latest/api/token/", true),
            ("/latest/api/token", "/latest/api/token/x", false),
            ("/a/{role}", "/a/lab-role", true),
            ("/a/{role}", "/a/", false),
            ("**/oauth/token", "/realms/x/oauth/token", true),
            ("**/oauth/token", "/oauth/token", true),
            ("**/oauth/token", "/token", false),
            ("/v1/kv/**", "/v1/kv", true),
            ("/v1/kv/**", "/v1/kv/a/b", true),
            ("/v1/kv/**", "/v1", false),
            ("/v1/{version}:access", "/v1/latest:access", true),
            ("/v1/{version}:access", "/v1/:access", false),
            ("/v1/{version}:access", "/v1/latest", false),
            ("**/oauth2/{server}/v1/token", "/oauth2/default/v1/token", true),
        ] {
            let pattern = PathPattern::from(pattern.to_owned());
            assert_eq!(pattern.matches(&segments(path)), fits, "{} on {path}", pattern.as_str());
        }
    }
}
