//! A page with one message: nothing there, or something went wrong.

use maud::{Markup, html};

use crate::parts::shell::{Frame, page};

/// A title, what it means, and where to go from here.
pub(crate) fn message(frame: &Frame, title: &str, text: &str) -> Markup {
    let body = html! {
        section.message {
            h1 { (title) }
            p { (text) }
            p { a.act href=(frame.link("/")) { "All endpoints" } }
        }
    };
    page(frame, None, title, &body)
}
