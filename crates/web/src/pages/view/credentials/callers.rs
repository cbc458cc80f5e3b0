//! Who asks agents for credentials: the busiest and the slowest.

use hotspan_model::agent::AgentCaller;
use hotspan_store::{AgentCallerRow, AgentsAsked};
use maud::{Markup, html};

use crate::parts::format;
use crate::parts::meter::part;
use crate::parts::shell::Frame;
use crate::parts::sparkline::sparkline;
use crate::parts::table::{SortKey, Sorting};

/// What callers are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Lookups,
    Mean,
    Slowest,
    Refused,
}

impl SortKey for Column {
    const ALL: &'static [Self] = &[Self::Lookups, Self::Mean, Self::Slowest, Self::Refused];

    fn slug(self) -> &'static str {
        match self {
            Self::Lookups => "lookups",
            Self::Mean => "mean",
            Self::Slowest => "slowest",
            Self::Refused => "refused",
        }
    }

    fn descends_first(self) -> bool {
        true
    }
}

impl Column {
    fn value(self, row: &AgentCallerRow) -> i64 {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        match self {
            Self::Lookups => whole(row.lookups),
            Self::Mean => row.mean_ns(),
            Self::Slowest => row.max_ns,
            Self::Refused => whole(refused(row)),
        }
    }
}

fn refused(row: &AgentCallerRow) -> u64 {
    row.lookups.saturating_sub(row.given)
}

/// Callers as a table.
pub(super) fn callers(frame: &Frame, asked: &AgentsAsked, sorting: Sorting<Column>) -> Markup {
    let mut rows = asked.callers.clone();
    sorting.apply(&mut rows, |row| sorting.key.value(row));
    let most = rows.iter().map(|row| row.lookups).max().unwrap_or_default();
    let head = |key, label, hint| sorting.head(&frame.here, key, label, "num", hint);
    html! {
        section {
            h2 { "Who asks" }
            @if rows.is_empty() {
                p.nothing { "Nobody asked " (frame.window.phrase()) "." }
            } @else {
                div.scroll { table.list.callers {
                    thead { tr {
                        th scope="col" { "Caller" }
                        th scope="col" { "Role" }
                        (head(Column::Lookups, "Lookups", "The busiest first"))
                        th scope="col" { }
                        (head(Column::Mean, "Mean", "Slowest on average first"))
                        (head(Column::Slowest, "Slowest", "The slowest single lookup first"))
                        (head(Column::Refused, "Without", "Lookups that got no credentials"))
                        th.num scope="col" { "Hosts" }
                    } }
                    tbody { @for row in &rows { (line(row, most)) } }
                } }
            }
        }
    }
}

fn line(row: &AgentCallerRow, most: u64) -> Markup {
    let spark: Vec<Option<f64>> = row.spark.iter().map(|count| Some(*count as f64)).collect();
    let share = format!("{} of {} lookups", format::exact(row.lookups), format::exact(most));
    html! {
        tr {
            td.name { (named(&row.caller)) small { (known(&row.caller)) } }
            td { (row.caller.role) small { (row.caller.door) " door" } }
            td.num { (format::exact(row.lookups)) (part(row.lookups as f64, most as f64, &share)) }
            td { (sparkline(&spark, false, "Lookups over the window")) }
            td.num { (format::duration_short(row.mean_ns())) }
            td.num { (format::duration_short(row.max_ns)) }
            td.num { @if refused(row) > 0 { span.bad { (format::exact(refused(row))) } } @else { "0" } }
            td.num { (format::exact(row.hosts)) }
        }
    }
}

/// A caller by the best name it has.
pub(super) fn named(caller: &AgentCaller) -> String {
    let program = caller.executable.rsplit('/').next().unwrap_or_default();
    let group = caller.cgroup.rsplit('/').next().unwrap_or_default();
    match (caller.consumer.as_str(), program, group, caller.uid) {
        ("", "", "", None) => "unknown".to_owned(),
        ("", "", "", Some(uid)) => format!("user {uid}"),
        ("", "", group, _) => group.to_owned(),
        ("", program, _, _) => program.to_owned(),
        (consumer, ..) => consumer.to_owned(),
    }
}

/// What else is known of it.
fn known(caller: &AgentCaller) -> String {
    let mut parts = Vec::new();
    parts.extend(caller.uid.map(|uid| format!("uid {uid}")));
    parts.extend(
        [&caller.executable, &caller.cgroup].into_iter().filter(|text| !text.is_empty()).cloned(),
    );
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_callers() {
        for (consumer, executable, cgroup, uid, name, rest) in [
            (
                "web",
                "/usr/bin/ruby",
                "/system.slice/web.service",
                Some(7),
                "web",
                "uid 7 · /usr/bin/ruby · /system.slice/web.service",
            ),
            ("", "/usr/bin/ruby", "/a", None, "ruby", "/usr/bin/ruby · /a"),
            (
                "",
                "",
                "/system.slice/web.service",
                Some(7),
                "web.service",
                "uid 7 · /system.slice/web.service",
            ),
            ("", "", "", Some(7), "user 7", "uid 7"),
            ("", "", "", None, "unknown", ""),
        ] {
            let caller = AgentCaller {
                consumer: consumer.to_owned(),
                executable: executable.to_owned(),
                cgroup: cgroup.to_owned(),
                uid,
                ..AgentCaller::default()
            };
            assert_eq!((named(&caller).as_str(), known(&caller).as_str()), (name, rest));
        }
    }
}
