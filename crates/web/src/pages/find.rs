//! `GET /find?q=…`: leads from a trace id, an issue's number, a filter or
//! words to the page that has them.

use axum::response::Redirect;
use hotspan_model::TraceId;

use super::visit::Visit;
use crate::parts::address::Address;
use crate::parts::shell::Frame;

pub(crate) async fn show(visit: Visit) -> Redirect {
    Redirect::to(&target(&visit.frame).to_string())
}

fn target(frame: &Frame) -> Address {
    let asked = frame.here.get("q").unwrap_or_default().trim();
    if let Ok(trace) = asked.parse::<TraceId>() {
        return frame.link(&format!("/traces/{trace}"));
    }
    let number = asked.strip_prefix("HS-").or_else(|| asked.strip_prefix("hs-"));
    if let Some(Ok(issue)) = number.map(str::parse::<i64>) {
        return frame.link(&format!("/issues/{issue}"));
    }
    if asked.contains(':') || asked.starts_with('{') {
        return frame.link("/search").with("q", asked);
    }
    frame.link("/").with("q", asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_to_the_page() {
        for (asked, expected) in [
            ("4bf92f3577b34da6a3ce929d0e0e4736", "/traces/4bf92f3577b34da6a3ce929d0e0e4736"),
            (" HS-12 ", "/issues/12"),
            ("hs-x", "/?q=hs-x"),
            ("POST /reports", "/?q=POST%20%2Freports"),
            ("//evil.example", "/?q=%2F%2Fevil.example"),
            ("http.url:*169.254*", "/search?q=http.url%3A%2A169.254%2A"),
            ("{ duration > 2s }", "/search?q=%7B%20duration%20%3E%202s%20%7D"),
            ("", "/"),
        ] {
            let frame = Frame { here: Address::new("/find").with("q", asked), ..Frame::default() };
            assert_eq!(target(&frame).to_string(), expected, "{asked:?}");
        }
    }
}
