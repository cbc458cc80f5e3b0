//! What agents on hosts tell: is every role alive, who asks how often, and what
//! upstream was spared.

pub(crate) mod callers;
mod life;
mod roles;

use hotspan_store::{AgentRoleRow, AgentTraceRow, AgentsAsked};
use maud::{Markup, html};

use crate::parts::figures::{Figure, figures};
use crate::parts::format;
use crate::parts::shell::{Frame, Place, page, when};
use crate::parts::table::Sorting;
use callers::{Column, callers, named};
use roles::{roles, standing};

/// Everything the page shows.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// What agents told in the window.
    pub(crate) asked: AgentsAsked,
    /// How callers are sorted.
    pub(crate) sorting: Sorting<Column>,
    /// Host and port of this server as the browser knows them.
    pub(crate) host: String,
}

/// The page.
pub(crate) fn credentials(frame: &Frame, model: Credentials) -> Markup {
    let Credentials { asked, sorting, host } = model;
    let body = html! {
        @if asked.roles.is_empty() && asked.callers.is_empty() {
            (set_up(frame, &host))
        } @else {
            (verdict(frame, &asked))
            (figures(&numbers(&asked)))
            (roles(frame, &asked.roles))
            (callers(frame, &asked, sorting))
            (traces(frame, &asked.traces))
            (notes(&asked))
        }
    };
    page(frame, Some(Place::Credentials), "Credentials", &body)
}

/// One sentence: the role that needs a person most, or what was spared.
fn verdict(frame: &Frame, asked: &AgentsAsked) -> Markup {
    let worst = asked.roles.iter().find(|row| !standing(row, frame.now).is_well);
    let totals = asked.totals;
    html! {
        section.lede { p {
            @match worst {
                Some(row) => {
                    b.bad { "Role " (row.latest.role) " on " (host_of(row)) " " (standing(row, frame.now).says) "." }
                    @if !row.latest.reason.is_empty() { " " (row.latest.reason) "." }
                },
                None if asked.roles.is_empty() => {
                    b { "No role was told about " (frame.window.phrase()) "." }
                },
                None => {
                    b.well { "Every role has credentials." } " "
                    (format::plural(totals.answered_from_memory as f64, "request was", "requests were"))
                    " answered from memory " (frame.window.phrase()) "; upstream was asked "
                    (format::plural(totals.attempts as f64, "time", "times")) "."
                },
            }
        } }
    }
}

fn numbers(asked: &AgentsAsked) -> Vec<Figure> {
    let totals = asked.totals;
    let mean = totals.sum_ns / i64::try_from(totals.lookups.max(1)).unwrap_or(i64::MAX);
    let refused = totals.lookups - totals.given.min(totals.lookups);
    vec![
        Figure::new(format::count(totals.lookups as f64), "lookups").hint(
            "What SDKs asked agents for: credentials at the container, imds and process doors",
        ),
        Figure::new(format::duration_short(mean), "a lookup, on average")
            .hint(format!("The slowest took {}", format::duration(totals.max_ns))),
        Figure::new(format::count(refused as f64), "without credentials")
            .hint("Refused, or asked while there were none"),
        Figure::new(format::count(totals.answered_from_memory as f64), "calls to upstream spared")
            .hint("Requests that agents answered from memory"),
        Figure::new(format::count(totals.attempts as f64), "calls to upstream made").hint(format!(
            "Mostly whether a role is the same; {} of them failed",
            format::exact(totals.failures)
        )),
        Figure::new(
            format::count(totals.hosts as f64),
            if totals.hosts == 1 { "host" } else { "hosts" },
        ),
    ]
}

/// The traces that asked most.
fn traces(frame: &Frame, rows: &[AgentTraceRow]) -> Markup {
    html! {
        section.asking {
            h2 { "Traces that asked" }
            @if rows.is_empty() {
                p.nothing { "No caller told its trace. SDKs of Sentry and OpenTelemetry send one with each request when tracing is on." }
            } @else {
                div.scroll { table.list.narrow {
                    thead { tr {
                        th scope="col" { "Trace" }
                        th.num scope="col" { "Lookups" }
                        th scope="col" { "Who" }
                        th scope="col" { "Host" }
                        th scope="col" { "Last" }
                    } }
                    tbody { @for row in rows { tr {
                        td.name { a href=(frame.link(&format!("/traces/{}", row.trace_id))) data-row { code { (format::short_id(row.trace_id)) } } }
                        td.num { (format::exact(row.lookups)) }
                        td { (named(&row.caller)) }
                        td { (row.host) }
                        td { (when(row.at, frame.now)) }
                    } } }
                } }
            }
        }
    }
}

fn notes(asked: &AgentsAsked) -> Markup {
    html! {
        p.notes.soft {
            "Agents add up lookups for a minute before they tell, so the newest are missing. "
            @if asked.totals.dropped > 0 {
                b.bad { (format::exact(asked.totals.dropped)) " things could not be told" }
                ": this server could not be reached for a while, or there were too many callers at once."
            }
        }
    }
}

fn host_of(row: &AgentRoleRow) -> &str {
    if row.host.is_empty() { "an unnamed host" } else { &row.host }
}

/// What to do so that there is something to see.
fn set_up(frame: &Frame, host: &str) -> Markup {
    html! {
        section.lede { p {
            b { "No agent told anything " (frame.window.phrase()) "." }
            " hotspan-agent fetches AWS credentials once for a host and hands them to every process from memory."
        } }
        section {
            h2 { "Have an agent tell this server" }
            div.snippet { pre { code { "# /etc/hotspan/agent.toml\n[report]\nserver = \"" (receiver(host)) "\"\n" } } }
            p.notes.soft { "Then restart the agent. After a moment its roles stand here: how long they live, who asks, and which traces did. Over plain HTTP an agent tells its own machine only; to another it takes https, and the key of a project where this server wants one." }
        }
    }
}

/// Where an agent on the machine of the browser would send to.
fn receiver(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    match name {
        "" | "localhost" | "127.0.0.1" | "[::1]" => "http://127.0.0.1:4318".to_owned(),
        name => format!("https://{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_agents_send_to() {
        for (host, expected) in [
            ("127.0.0.1:4319", "http://127.0.0.1:4318"),
            ("localhost:4319", "http://127.0.0.1:4318"),
            ("[::1]:4319", "http://127.0.0.1:4318"),
            ("", "http://127.0.0.1:4318"),
            ("hotspan.example", "https://hotspan.example"),
            ("hotspan.example:8443", "https://hotspan.example"),
        ] {
            assert_eq!(receiver(host), expected, "{host}");
        }
    }
}
