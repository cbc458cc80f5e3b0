//! What every page stands in: head, bar, foot, help.

use hotspan_model::UnixNanos;
use maud::{DOCTYPE, Markup, html};

use super::address::Address;
use super::format;
use crate::assets;

/// A place in the bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Home.
    Endpoints,
    /// Issues.
    Issues,
    /// Traces.
    Traces,
    /// Search.
    Search,
    /// What agents on hosts tell.
    Credentials,
    /// Status.
    Status,
}

const PLACES: [(Place, &str, &str); 6] = [
    (Place::Endpoints, "/", "Endpoints"),
    (Place::Issues, "/issues", "Issues"),
    (Place::Traces, "/traces", "Traces"),
    (Place::Search, "/search", "Search"),
    (Place::Credentials, "/credentials", "Credentials"),
    (Place::Status, "/status", "Status"),
];

/// The stretch of time that pages look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Window {
    /// The last hour.
    Hour,
    /// The last six hours.
    SixHours,
    /// The last 24 hours.
    #[default]
    Day,
    /// The last seven days.
    Week,
}

impl Window {
    /// Every window, shortest first.
    pub(crate) const ALL: [Self; 4] = [Self::Hour, Self::SixHours, Self::Day, Self::Week];

    /// The value of `?window=`.
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// `in the last 24 hours`, after which a sentence may end.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::Hour => "in the last hour",
            Self::SixHours => "in the last 6 hours",
            Self::Day => "in the last 24 hours",
            Self::Week => "in the last 7 days",
        }
    }

    /// Its length.
    pub(crate) fn nanos(self) -> i64 {
        let hours = match self {
            Self::Hour => 1,
            Self::SixHours => 6,
            Self::Day => 24,
            Self::Week => 7 * 24,
        };
        hours * 60 * hotspan_model::time::NANOS_PER_MINUTE
    }

    /// Reads [`Self::slug`].
    pub(crate) fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.slug() == slug)
    }
}

/// What a page needs to know about the request and the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// Where the page is.
    pub(crate) here: Address,
    /// The time.
    pub(crate) now: UnixNanos,
    /// The chosen stretch of time.
    pub(crate) window: Window,
    /// The data is a recording.
    pub(crate) demo: bool,
    /// Someone is logged in and can log out.
    pub(crate) session: bool,
}

impl Frame {
    /// A link to another page, keeping window and theme.
    pub(crate) fn link(&self, path: &str) -> Address {
        self.here.keeping(path, &["window", "theme"])
    }

    /// `?theme=dark|light`, for browsers without scripts and for pictures.
    fn theme(&self) -> Option<&'static str> {
        match self.here.get("theme") {
            Some("dark") => Some("dark"),
            Some("light") => Some("light"),
            _ => None,
        }
    }
}

/// A whole page.
pub(crate) fn page(frame: &Frame, place: Option<Place>, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[frame.theme()] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Hotspan" }
                link rel="stylesheet" href=(assets::url("style.css"));
                link rel="icon" type="image/svg+xml" href=(assets::url("icon.svg"));
                script src=(assets::url("theme.js")) {}
                script type="module" src=(assets::url("app.js")) {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (bar(frame, place))
                @if frame.demo { (demo_note()) }
                main #main { (body) }
                (foot(frame))
                (help())
                (patterns())
            }
        }
    }
}

fn bar(frame: &Frame, place: Option<Place>) -> Markup {
    html! {
        header.bar {
            a.mark href=(frame.link("/")) { (mark()) "hotspan" }
            nav.places aria-label="Pages" {
                @for (at, path, name) in PLACES {
                    a href=(frame.link(path)) aria-current=[(place == Some(at)).then_some("page")] { (name) }
                }
            }
            form.find action="/find" method="get" role="search" {
                @for (name, value) in frame.link("/find").params() {
                    input type="hidden" name=(name) value=(value);
                }
                input #find type="search" name="q" aria-label="Find an endpoint, an issue or a trace"
                    placeholder="Endpoint, HS-12 or trace id" autocomplete="off" spellcheck="false";
                kbd aria-hidden="true" { "/" }
            }
            (window_choice(frame))
            (theme_choice(frame))
        }
    }
}

fn window_choice(frame: &Frame) -> Markup {
    html! {
        nav.windows aria-label="Time window" {
            @for window in Window::ALL {
                a href=(frame.here.with("window", window.slug()))
                    aria-current=[(frame.window == window).then_some("true")]
                    title=(format!("Show what happened {}", window.phrase())) { (window.slug()) }
            }
        }
    }
}

/// A link that works alone; the script makes the choice last.
fn theme_choice(frame: &Frame) -> Markup {
    let other = if frame.theme() == Some("dark") { "light" } else { "dark" };
    html! {
        a.theme #theme href=(frame.here.with("theme", other)) title="Light or dark" aria-label="Switch between light and dark" {
            svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" {
                circle.ring cx="8" cy="8" r="6.25" {}
                path.half d="M8 1.75a6.25 6.25 0 0 1 0 12.5z" {}
            }
        }
    }
}

/// The mark: a waterfall of four bars.
fn mark() -> Markup {
    html! {
        svg viewBox="0 0 22 16" width="22" height="16" aria-hidden="true" {
            rect.c-own x="0" y="0" width="22" height="3.6" rx="1" {}
            rect.c-credential_lookup x="3" y="6.2" width="8" height="3.6" rx="1" {}
            rect.c-database x="12.5" y="6.2" width="6.5" height="3.6" rx="1" {}
            rect.c-credential_lookup x="3" y="12.4" width="4.5" height="3.6" rx="1" {}
        }
    }
}

fn demo_note() -> Markup {
    html! {
        p.note role="note" {
            b { "Recorded data." }
            " This server shows requests of real SDKs, recorded in a lab and moved to the present. Nothing here is yours."
        }
    }
}

fn foot(frame: &Frame) -> Markup {
    html! {
        footer.foot {
            span { "Hotspan " (env!("CARGO_PKG_VERSION")) }
            span title=(format::moment(frame.now)) { "as of " (format::time_of_day(frame.now)) " UTC" }
            span.wide { kbd { "?" } " shows the keys" }
            @if frame.session {
                form method="post" action="/logout" { button.plain type="submit" { "Log out" } }
            }
        }
    }
}

fn help() -> Markup {
    let keys = [
        ("/", "find an endpoint, an issue or a trace"),
        ("j  k", "next and previous row"),
        ("Enter", "open the row"),
        ("g e", "endpoints"),
        ("g i", "issues"),
        ("g t", "traces"),
        ("g f", "search"),
        ("g c", "credentials"),
        ("g s", "status"),
        ("?", "this help"),
        ("Esc", "close"),
    ];
    html! {
        dialog.help #help aria-labelledby="help-title" {
            h2 #help-title { "Keys" }
            dl { @for (key, what) in keys { dt { kbd { (key) } } dd { (what) } } }
            form method="dialog" { button.act type="submit" { "Close" } }
        }
    }
}

/// Patterns that drawings fill with, once a page.
fn patterns() -> Markup {
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" {
            defs {
                pattern #hatch width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    line.hatch x1="0" y1="0" x2="0" y2="6" {}
                }
            }
        }
    }
}

/// A moment: relative to read, absolute to point at.
pub(crate) fn when(time: UnixNanos, now: UnixNanos) -> Markup {
    html! {
        time datetime=(time) title=(format::moment(time)) { (format::ago(time, now)) }
    }
}

/// Where a page is in the house.
pub(crate) fn crumbs(steps: &[(Option<Address>, String)]) -> Markup {
    html! {
        nav.crumb aria-label="Where you are" {
            @for (index, (address, name)) in steps.iter().enumerate() {
                @if index > 0 { span aria-hidden="true" { " / " } }
                @match address {
                    Some(address) => a href=(address) { (name) },
                    None => span aria-current="page" { (name) },
                }
            }
        }
    }
}
