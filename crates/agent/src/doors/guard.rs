//! What no SDK sends: requests that came through a proxy, from a browser, or
//! to a name that could have been rebound to this machine. Looked at before
//! anything else of a request.

use http::header::HOST;
use http::request::Parts;

use crate::settings::is_own_machine;

/// Why a request is refused, in a word for a counter.
pub(crate) fn refusal(request: &Parts) -> Option<&'static str> {
    if let Some(why) = request.headers.keys().find_map(|name| refused_header(name.as_str())) {
        return Some(why);
    }
    let mut hosts = request.headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_meant =
        hosts.next().is_none() && is_own_host(host) && request.uri.host().is_none_or(is_own_host);
    (!is_meant).then_some("host")
}

fn refused_header(name: &str) -> Option<&'static str> {
    // Nearly every header is told apart by its first letter.
    match name.as_bytes().first()? {
        b'x' if name.starts_with("x-forwarded") => Some("forwarded"),
        b'f' if name == "forwarded" => Some("forwarded"),
        b's' if name.starts_with("sec-fetch-") => Some("browser"),
        b'o' | b'r' if matches!(name, "origin" | "referer") => Some("browser"),
        _ => None,
    }
}

/// A name could be rebound by whoever owns it; these addresses are this
/// machine's, whoever says so.
fn is_own_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) => (name, port),
            None => return false,
        },
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok());
    // Which of them nearly all say is not worked out anew for each request.
    is_port
        && (name == "127.0.0.1"
            || name.eq_ignore_ascii_case("localhost")
            || name.parse().is_ok_and(is_own_machine))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn requests_that_no_sdk_makes() {
        for (headers, expected) in [
            (&[("host", "127.0.0.1:9911")][..], None),
            (&[("host", "localhost:9911")], None),
            (&[("host", "LOCALHOST")], None),
            (&[("host", "[::1]:9911")], None),
            (&[("host", "169.254.169.254")], None),
            (&[("host", "[fd00:ec2::254]")], None),
            (&[("host", "127.0.0.1"), ("user-agent", "Boto3/1.43")], None),
            (&[], Some("host")),
            (&[("host", "")], Some("host")),
            (&[("host", "evil.example")], Some("host")),
            (&[("host", "localhost.evil.example:9911")], Some("host")),
            (&[("host", "127.0.0.1.evil.example")], Some("host")),
            (&[("host", "10.0.0.1")], Some("host")),
            (&[("host", "127.0.0.1:9911@evil.example")], Some("host")),
            (&[("host", "[::1")], Some("host")),
            (&[("host", "127.0.0.1"), ("host", "evil.example")], Some("host")),
            (&[("host", "127.0.0.1"), ("x-forwarded-for", "1.2.3.4")], Some("forwarded")),
            (&[("host", "127.0.0.1"), ("X-Forwarded-Host", "a")], Some("forwarded")),
            (&[("host", "127.0.0.1"), ("forwarded", "for=1.2.3.4")], Some("forwarded")),
            (&[("host", "127.0.0.1"), ("origin", "https://evil.example")], Some("browser")),
            (&[("host", "127.0.0.1"), ("sec-fetch-site", "cross-site")], Some("browser")),
        ] {
            let mut request = Request::builder().uri("/credentials");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            assert_eq!(refusal(&parts), expected, "{headers:?}");
        }
    }

    #[test]
    fn the_host_of_an_absolute_request_counts_too() {
        let request = Request::builder().uri("http://evil.example/").header("host", "127.0.0.1");
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        assert_eq!(refusal(&parts), Some("host"));
    }
}
