//! URLs, paths and queries: taken apart, and turned into templates in which ids
//! have become placeholders. What counts as an id stands in [`values`]. No
//! percent-decoding and no resolution happens here.

use super::values;

/// The parts of an absolute URL that detectors and endpoints use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlParts<'a> {
    /// `http`, `https`, …
    pub scheme: &'a str,
    /// Host without port and brackets.
    pub host: &'a str,
    /// Port when it is written out.
    pub port: Option<u16>,
    /// Path, `/` when empty.
    pub path: &'a str,
    /// Query without `?`; empty when there is none.
    pub query: &'a str,
}

/// Takes an absolute URL apart; `None` when it has no scheme or no host.
/// Userinfo and fragment are left out.
pub fn parse(text: &str) -> Option<UrlParts<'_>> {
    let (scheme, rest) = text.trim().split_once("://")?;
    let scheme_char = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        || !scheme.bytes().all(scheme_char)
    {
        return None;
    }
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(authority_end);
    let (host, port) = host_and_port(authority)?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = if path.is_empty() { "/" } else { path };
    Some(UrlParts { scheme, host, port, path, query })
}

fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let (host, port) = match address.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']')?;
            (host, after.strip_prefix(':').unwrap_or(after))
        }
        None => address.split_once(':').unwrap_or((address, "")),
    };
    let port = match port {
        "" => None,
        digits => Some(digits.parse().ok()?),
    };
    let host_fits = !host.is_empty() && !host.contains(char::is_whitespace);
    host_fits.then_some((host, port))
}

/// `GET /users/{id}`: the method and the template of an absolute URL's or a
/// bare target's path. Without a method only the path stands.
pub fn call_template(method: &str, url: &str) -> String {
    let path = parse(url).map_or(url, |parts| parts.path);
    let template = path_template(path);
    match method.trim() {
        "" => template,
        method => format!("{} {template}", method.to_ascii_uppercase()),
    }
}

/// A path with everything that looks like a value replaced: `{id}` for numbers,
/// `{uuid}`, `{hash}` for hexadecimal and generated text, `{date}`. Words,
/// versions (`v1`) and placeholders stay; the query goes.
pub fn path_template(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut template = String::with_capacity(path.len());
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            template.push('/');
        }
        push_segment(&mut template, segment);
    }
    template
}

fn push_segment(template: &mut String, segment: &str) {
    if is_placeholder(segment) || is_region(segment) || is_version(segment) {
        return template.push_str(segment);
    }
    values::push_template(template, segment);
}

/// What the routers of the common frameworks write: `{id}`, `:id`, `<int:id>`, `*`.
fn is_placeholder(segment: &str) -> bool {
    (segment.starts_with('{') && segment.ends_with('}'))
        || (segment.starts_with('<') && segment.ends_with('>'))
        || segment.starts_with(':')
        || segment.starts_with('*')
}

/// `v2.0`: versions of an interface, not records. Without a point the number is
/// too short to be taken for one.
fn is_version(segment: &str) -> bool {
    let parts = segment.strip_prefix(['v', 'V']).map(|numbers| numbers.split('.'));
    parts.is_some_and(|mut parts| {
        parts.all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// `us-east-1`: a number that names a place, not a record.
fn is_region(segment: &str) -> bool {
    let mut parts = segment.split('-');
    let country = parts.next().is_some_and(|part| part.len() == 2);
    let number = parts.next_back().is_some_and(|part| part.len() == 1);
    let words = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    country && number && segment.len() > 5 && parts.all(words)
}

/// More keys than this are not told: some queries are tables of their own.
const QUERY_KEYS_MAX: usize = 12;

/// `limit&q`: the keys of a query in their order in the alphabet, each once,
/// without values. What signs a request or routes it within an SDK is left out,
/// and so is what stands in brackets: `ids[0]` and `ids[1]` are `ids[]`.
pub fn query_keys(query: &str) -> String {
    let pairs = query.trim_start_matches('?').split(['&', ';']);
    let mut keys: Vec<String> = pairs
        .map(|pair| pair.split('=').next().unwrap_or_default())
        .filter(|key| !key.is_empty() && !signs(key))
        .map(key_template)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys.truncate(QUERY_KEYS_MAX);
    keys.join("&")
}

fn key_template(key: &str) -> String {
    let bracket = ["[", "%5B", "%5b"].iter().filter_map(|mark| key.find(mark)).min();
    let mut template = String::with_capacity(key.len());
    match bracket {
        Some(at) => {
            values::push_template(&mut template, &key[..at]);
            template.push_str("[]");
        }
        None => push_segment(&mut template, key),
    }
    template
}

/// Parameters that change from request to request without changing what is asked.
pub fn signs(key: &str) -> bool {
    const STARTS: [&str; 2] = ["x-amz-", "x-goog-"];
    const WHOLE: [&str; 6] =
        ["signature", "sig", "expires", "awsaccesskeyid", "googleaccessid", "x-id"];
    let starts = |start: &&str| {
        key.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
    };
    STARTS.iter().any(starts) || WHOLE.iter().any(|name| key.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_come_apart() {
        for (text, expected) in [
            (
                "http://169.254.169.254/latest/api/token",
                Some(("http", "169.254.169.254", None, "/latest/api/token", "")),
            ),
            (
                "https://user:pass@s3.eu-west-1.amazonaws.com:8443?x-id=PutObject#top",
                Some(("https", "s3.eu-west-1.amazonaws.com", Some(8443), "/", "x-id=PutObject")),
            ),
            (
                "http://[fd00:ec2::254]:80/latest",
                Some(("http", "fd00:ec2::254", Some(80), "/latest", "")),
            ),
            ("http://host:/x", Some(("http", "host", None, "/x", ""))),
            ("http://host:99999/x", None),
            ("http:///x", None),
            ("/only/a/path", None),
            ("PUT http://host/", None),
            ("", None),
        ] {
            let found = parse(text).map(|u| (u.scheme, u.host, u.port, u.path, u.query));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn paths_become_templates() {
        for (path, template) in [
            ("/", "/"),
            ("", ""),
            ("/users/42", "/users/{id}"),
            ("/users/-42/", "/users/{id}/"),
            ("/users/42?full=1", "/users/{id}"),
            ("/v1/users", "/v1/users"),
            ("/oauth2/v2.0/token", "/oauth2/v2.0/token"),
            ("/api/v1.12/users/7", "/api/v1.12/users/{id}"),
            ("/files/v2.417", "/files/v2.{id}"),
            ("/api/v2beta1/x", "/api/v2beta1/x"),
            ("/oauth2/token", "/oauth2/token"),
            ("/o/123e4567-e89b-12d3-a456-426614174000", "/o/{uuid}"),
            ("/c/da39a3ee5e6b4b0d3255bfef95601890afd80709", "/c/{hash}"),
            ("/c/1a2b3c4d.png", "/c/{hash}.png"),
            ("/reports/2026-11-23", "/reports/{date}"),
            ("/reports/2026-11", "/reports/{date}"),
            ("/reports/2026-11-23T10:00:00Z", "/reports/{date}"),
            ("/files/V1StGXR8_Z5jdHi6B-myT", "/files/{hash}"),
            ("/p/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/p/{hash}"),
            ("/job-17/step_3", "/job-{id}/step_{id}"),
            ("/us-east-1/instances/i-0abcd1234ef567890", "/us-east-1/instances/i-{hash}"),
            ("/hosts/10.0.0.1", "/hosts/{id}"),
            ("/mail/a.person@example.com", "/mail/{id}"),
            ("/users/{id}/posts/:post/<int:n>", "/users/{id}/posts/:post/<int:n>"),
            (
                "/latest/meta-data/iam/security-credentials/lab-upload-role",
                "/latest/meta-data/iam/security-credentials/lab-upload-role",
            ),
            ("/lab/p/7", "/lab/p/{id}"),
            ("/urn:uuid:123e4567-e89b-12d3-a456-426614174000", "/urn:uuid:{uuid}"),
            ("/o/user-123E4567-E89B-12D3-A456-426614174000.json", "/o/user-{uuid}.json"),
            ("/customers/cus_9s6XKzkNRiz8i3", "/customers/cus_{hash}"),
            ("/watch/dQw4w9WgXcQ", "/watch/{hash}"),
            ("/o/507f1f77bcf86cd799439011", "/o/{hash}"),
            ("/c/dGhlIHF1aWNrIGJyb3du/dGVzdA==", "/c/{hash}/{hash}"),
            ("/c/aGVsbG8gd29ybGQ%3D", "/c/{hash}"),
            ("/mail/a.person%40example.com", "/mail/{id}"),
            ("/runs/20261123T100000Z", "/runs/{date}"),
            ("/runs/2026-W47/2026-11-23_10", "/runs/{date}/{id}-{id}-{id}_{id}"),
            ("/at/2026-11-23T10%3A00%3A00Z", "/at/{date}"),
            ("/x/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3In0.dozjgNryP4J3", "/x/{hash}"),
            ("/OAuth2Token3/Http2Server/Ec2Instances", "/OAuth2Token3/Http2Server/Ec2Instances"),
            ("/en-US/articles/how-to-win", "/en-US/articles/how-to-win"),
        ] {
            assert_eq!(path_template(path), template, "{path}");
        }
    }

    #[test]
    fn queries_keep_their_keys() {
        for (query, keys) in [
            ("", ""),
            ("q=shoes&limit=10&q=boots", "limit&q"),
            ("?page=2;flag", "flag&page"),
            ("ids[0]=7&ids[1]=8&filter%5Bname%5D=x", "filter[]&ids[]"),
            ("X-Amz-Signature=0f1e&X-Amz-Date=1&x-id=GetObject&versionId=3", "versionId"),
            ("_=1795435200&1795435200", "_&{id}"),
            ("{id}&limit", "limit&{id}"),
        ] {
            assert_eq!(query_keys(query), keys, "{query}");
            assert_eq!(query_keys(keys), keys, "twice: {query}");
        }
        let many: Vec<String> = ('a'..='z').map(|key| format!("{key}=1")).collect();
        assert_eq!(query_keys(&many.join("&")), "a&b&c&d&e&f&g&h&i&j&k&l");
    }

    #[test]
    fn calls_become_templates() {
        for (method, url, template) in [
            ("put", "http://127.0.0.3:5000/lab/p/7?x-id=PutObject", "PUT /lab/p/{id}"),
            ("GET", "/latest/api/token", "GET /latest/api/token"),
            ("", "http://host", "/"),
        ] {
            assert_eq!(call_template(method, url), template, "{method} {url}");
        }
    }

    proptest! {
        #[test]
        fn templates_are_stable(path in "[/a-zA-Z0-9{}:._~?=%@é-]{0,60}") {
            let once = path_template(&path);
            prop_assert_eq!(path_template(&once), once.clone());
            prop_assert!(once.len() <= path.len() * 4 + 4, "{} grew to {}", path, once);
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,80}", method in "\\PC{0,8}") {
            let _ = parse(&text);
            let _ = call_template(&method, &text);
        }

        #[test]
        fn parsed_parts_are_in_the_text(text in "[a-z]{1,5}://[a-z@:0-9./?#]{0,30}") {
            if let Some(parts) = parse(&text) {
                prop_assert!(text.contains(parts.host));
                prop_assert!(parts.path.starts_with('/'));
            }
        }
    }
}
