//! URLs and paths: taken apart, and turned into templates in which ids have
//! become placeholders. No percent-decoding and no resolution happens here.

use super::random::{is_hash, is_random};

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
    if is_placeholder(segment) || is_region(segment) {
        return template.push_str(segment);
    }
    if let Some(placeholder) = placeholder_of(segment) {
        return template.push_str(placeholder);
    }
    if let Some((stem, extension)) = stem_and_extension(segment)
        && let Some(placeholder) = placeholder_of(stem)
    {
        template.push_str(placeholder);
        template.push('.');
        return template.push_str(extension);
    }
    push_pieces(template, segment);
}

/// Compound segments such as `user-123` keep their words.
fn push_pieces(template: &mut String, segment: &str) {
    let joint = |c: char| matches!(c, '-' | '_' | '.' | ':' | ',' | ';' | '=' | '~' | '+' | '!');
    for piece in segment.split_inclusive(joint) {
        let (word, end) = match piece.chars().next_back() {
            Some(last) if joint(last) => piece.split_at(piece.len() - 1),
            _ => (piece, ""),
        };
        template.push_str(placeholder_of(word).unwrap_or(word));
        template.push_str(end);
    }
}

/// What the routers of the common frameworks write: `{id}`, `:id`, `<int:id>`, `*`.
fn is_placeholder(segment: &str) -> bool {
    (segment.starts_with('{') && segment.ends_with('}'))
        || (segment.starts_with('<') && segment.ends_with('>'))
        || segment.starts_with(':')
        || segment.starts_with('*')
}

/// `us-east-1`: a number that names a place, not a record.
fn is_region(segment: &str) -> bool {
    let mut parts = segment.split('-');
    let country = parts.next().is_some_and(|part| part.len() == 2);
    let number = parts.next_back().is_some_and(|part| part.len() == 1);
    let words = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    country && number && segment.len() > 5 && parts.all(words)
}

fn placeholder_of(text: &str) -> Option<&'static str> {
    if is_uuid(text) {
        Some("{uuid}")
    } else if is_date(text) {
        Some("{date}")
    } else if is_number(text) || is_mail_address(text) {
        Some("{id}")
    } else if is_hash(text, 8) || is_random(text) {
        Some("{hash}")
    } else {
        None
    }
}

fn stem_and_extension(segment: &str) -> Option<(&str, &str)> {
    let (stem, extension) = segment.rsplit_once('.')?;
    let fits = (1..=5).contains(&extension.len())
        && extension.bytes().all(|b| b.is_ascii_alphanumeric())
        && extension.starts_with(|first: char| first.is_ascii_alphabetic());
    fits.then_some((stem, extension))
}

/// Digits, perhaps signed, perhaps with dots between (amounts, IP addresses).
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `2026-11`, `2026-11-23`, and either with a time after it.
fn is_date(text: &str) -> bool {
    let (date, time) = text.split_at(text.find(['T', ' ']).unwrap_or(text.len()));
    let dashes_fit = |at: usize, byte: u8| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    matches!(date.len(), 7 | 10)
        && date.bytes().enumerate().all(|(at, byte)| dashes_fit(at, byte))
        && time.bytes().all(|byte| byte.is_ascii_digit() || b"T:.+-Z ".contains(&byte))
}

fn is_mail_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
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
        ] {
            assert_eq!(path_template(path), template, "{path}");
        }
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
