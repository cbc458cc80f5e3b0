//! The answers, header by header as EC2 gives them. What is asked for is
//! decided in [`crate::service`].

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, LAST_MODIFIED, RETRY_AFTER,
    SERVER,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::ext::ReasonPhrase;

use crate::civil::UnixSeconds;
use crate::secret::Secret;

/// Tells how long a token holds; asked for by the `PUT`, echoed by all answers.
pub const TTL_HEADER: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");

/// An answer before it becomes HTTP. Holds credentials perhaps, so it cannot
/// be printed.
pub struct Answer {
    status: StatusCode,
    body: Secret,
    headers: Vec<(HeaderName, String)>,
}

impl Answer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A document, unchanged since `modified`.
    pub fn document(body: Secret, modified: UnixSeconds) -> Self {
        Self::plain(StatusCode::OK, body)
            .with(ACCEPT_RANGES, "none")
            .with(LAST_MODIFIED, modified.http_date())
    }

    /// A session token and how long it holds.
    pub fn token(token: Secret, ttl_seconds: i64) -> Self {
        Self::plain(StatusCode::OK, token).with(TTL_HEADER, ttl_seconds.to_string())
    }

    /// The remaining life of the token that came with the request.
    #[must_use]
    pub fn with_remaining(self, ttl_seconds: Option<i64>) -> Self {
        match ttl_seconds {
            Some(seconds) => self.with(TTL_HEADER, seconds.to_string()),
            None => self,
        }
    }

    /// An error with EC2's XHTML page (400, 401, 404, 5xx).
    pub fn page(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        let title = format!("{} - {reason}", status.as_u16());
        let page = PAGE.replace("TITLE", &title);
        Self::new(status, "text/html", Secret::new(page))
    }

    /// An error without a body (403).
    pub fn empty(status: StatusCode) -> Self {
        Self::plain(status, Secret::new(String::new()))
    }

    /// 405 with the methods there are.
    pub fn not_allowed(methods: &'static str) -> Self {
        Self::empty(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, methods)
    }

    /// 503: nothing to give yet.
    pub fn try_later() -> Self {
        Self::page(StatusCode::SERVICE_UNAVAILABLE).after_a_second()
    }

    /// An answer of the container endpoint.
    pub fn json(status: StatusCode, body: Secret) -> Self {
        Self::new(status, "application/json", body)
    }

    /// An error of the container endpoint. `code` and `message` are plain words.
    pub fn json_error(status: StatusCode, code: &str, message: &str) -> Self {
        let body = format!("{{\"code\":\"{code}\",\"message\":\"{message}\"}}");
        Self::json(status, Secret::new(body))
    }

    /// Tells the caller to ask again in a second.
    #[must_use]
    pub fn after_a_second(self) -> Self {
        self.with(RETRY_AFTER, "1")
    }

    /// The first half of this answer's body, as if the sender had stopped.
    #[must_use]
    pub fn cut(self) -> Self {
        let text = self.body.expose();
        let half =
            (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        let body = Secret::new(text[..half].to_owned());
        Self { body, ..self }
    }

    /// The HTTP response. EC2 closes every connection.
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = self.into_kept_response();
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }

    /// The same on a connection that is kept, for who serves SDKs that keep one.
    pub fn into_kept_response(self) -> Response<Full<Bytes>> {
        let length = self.body.expose().len();
        let mut response = Response::new(Full::new(Bytes::from_owner(Wiped(self.body))));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            // Values come from this crate or from checked settings; one that
            // cannot be a header is left out rather than failing the answer.
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(SERVER, HeaderValue::from_static("EC2ws"));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            // EC2's wording.
            response.extensions_mut().insert(ReasonPhrase::from_static(b"Not Allowed"));
        }
        response
    }

    fn plain(status: StatusCode, body: Secret) -> Self {
        Self::new(status, "text/plain", body)
    }

    fn new(status: StatusCode, content_type: &str, body: Secret) -> Self {
        Self { status, body, headers: vec![(CONTENT_TYPE, content_type.to_owned())] }
    }

    fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A body as it is sent: wiped with the last response that holds it.
struct Wiped(Secret);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// 339 bytes for `404 - Not Found`, as measured on EC2.
const PAGE: &str = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>
<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"
\t\t \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">
<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">
 <head>
  <title>TITLE</title>
 </head>
 <body>
  <h1>TITLE</h1>
 </body>
</html>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_missing_path_has_the_length_it_has_on_ec2() {
        let response = Answer::page(StatusCode::NOT_FOUND).into_response();
        assert_eq!(response.headers()[CONTENT_LENGTH], "339");
    }
}
