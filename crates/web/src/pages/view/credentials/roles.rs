//! Each role of each host: how it stands, how long it lives, when it was fetched.

use hotspan_model::UnixNanos;
use hotspan_model::time::{NANOS_PER_MINUTE, NANOS_PER_SECOND};
use hotspan_store::AgentRoleRow;
use maud::{Markup, html};

use super::host_of;
use super::life::{Axis, life, span};
use crate::parts::format;
use crate::parts::meter::part;
use crate::parts::shell::{Frame, when};

/// An agent that tells less often than this is not well, or is gone: the
/// longest interval it can be told to keep is ten minutes.
const SILENT_NS: i64 = 12 * NANOS_PER_MINUTE;
/// SDKs begin to ask again and again below this.
const SHORT_SECONDS: i64 = 30 * 60;
/// Clocks further apart than this are worth a look.
const SKEW_SECONDS: i64 = 5;

/// How it stands with a role, in words.
pub(super) struct Standing {
    pub(super) says: &'static str,
    pub(super) is_well: bool,
}

/// How it stands with a role now.
pub(super) fn standing(row: &AgentRoleRow, now: UnixNanos) -> Standing {
    let (says, is_well) = match (row.latest.standing.as_str(), left(row, now)) {
        ("removed", Some(..=0) | None) => ("was taken away", false),
        _ if is_silent(row, now) => ("is not told about any more", false),
        (_, Some(..=0) | None) => ("has no credentials", false),
        (_, Some(left)) if left < short(row) => ("has little life left", false),
        ("failing", _) => ("cannot be fetched anew", false),
        ("missing", _) => ("may have been taken away", false),
        _ => ("is well", true),
    };
    Standing { says, is_well }
}

/// Of credentials that never live long, half is no little.
fn short(row: &AgentRoleRow) -> i64 {
    row.latest.life_seconds.map_or(SHORT_SECONDS, |life| SHORT_SECONDS.min(life / 2))
}

fn is_silent(row: &AgentRoleRow, now: UnixNanos) -> bool {
    now.since(row.latest.at) > SILENT_NS
}

/// Seconds of life left now, as far as the last report tells.
fn left(row: &AgentRoleRow, now: UnixNanos) -> Option<i64> {
    let since = now.since(row.latest.at).max(0) / NANOS_PER_SECOND;
    row.latest.seconds_left.map(|left| left.saturating_sub(since).max(0))
}

/// The roles as a table.
pub(super) fn roles(frame: &Frame, rows: &[AgentRoleRow]) -> Markup {
    let axis = Axis { from: frame.now.plus(-frame.window.nanos()), to: frame.now };
    html! {
        section {
            h2 { "Roles" }
            div.scroll { table.list.roles {
                thead { tr {
                    th scope="col" { "Role" }
                    th scope="col" { "Standing" }
                    th scope="col" { "Life left" }
                    th scope="col" { "Life left " (frame.window.phrase()) ", and each fetch" }
                    th.num scope="col" title="Times upstream was asked, mostly only whether the role is the same" { "Asked" }
                    th scope="col" { "Told" }
                } }
                tbody { @for row in rows { (line(frame, axis, row)) } }
            } }
        }
    }
}

fn line(frame: &Frame, axis: Axis, row: &AgentRoleRow) -> Markup {
    let latest = &row.latest;
    let standing = standing(row, frame.now);
    let left = left(row, frame.now).unwrap_or_default();
    let whole = latest.life_seconds.unwrap_or_default().max(left).max(1);
    let skew = latest.clock_skew_seconds.filter(|skew| skew.saturating_abs() > SKEW_SECONDS);
    html! {
        tr {
            td.name {
                (latest.role)
                small { (host_of(row)) @if !latest.upstream.is_empty() && latest.upstream != latest.role { " · " (latest.upstream) } }
            }
            td.cause {
                span.tag.good[standing.is_well].bad-tag[!standing.is_well] { (standing.says) }
                @if !latest.reason.is_empty() { small { (latest.reason) } }
                @if let Some(skew) = skew { small { "the host’s clock is " (span(skew.saturating_abs())) @if skew > 0 { " ahead" } @else { " behind" } } }
            }
            td {
                (span(left))
                (part(left as f64, whole as f64, &format!("{} of {}", span(left), span(whole))))
            }
            td.saw { (life(axis, row)) }
            td.num {
                (format::exact(row.attempts))
                small { @if row.failures > 0 { span.bad { (format::exact(row.failures)) " failed" } } @else { "none failed" } }
            }
            td { (when(latest.at, frame.now)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotspan_model::agent::AgentRole;

    #[test]
    fn how_it_stands() {
        let now = UnixNanos(100_000 * NANOS_PER_SECOND);
        for (told, left, ago, says) in [
            ("good", Some(20_000), 60, "is well"),
            ("good", Some(1_000), 60, "has little life left"),
            ("good", Some(50), 60, "has no credentials"),
            ("good", Some(50), 1_000, "is not told about any more"),
            ("good", Some(20_000), 1_000, "is not told about any more"),
            ("failing", Some(20_000), 60, "cannot be fetched anew"),
            ("missing", Some(20_000), 60, "may have been taken away"),
            ("failing", None, 60, "has no credentials"),
            ("cold", None, 60, "has no credentials"),
            ("removed", None, 60, "was taken away"),
        ] {
            let latest = AgentRole {
                at: now.plus(-ago * NANOS_PER_SECOND),
                standing: told.to_owned(),
                seconds_left: left,
                ..AgentRole::default()
            };
            let row = AgentRoleRow { latest, ..AgentRoleRow::default() };
            assert_eq!(standing(&row, now).says, says, "{told} {left:?} {ago}");
        }
    }
}
