//! How the agent is, as JSON and as a table. Has no secret in it.

use std::fmt::Write as _;

use hotspan_credentials::clock::since_boot;
use hotspan_credentials::schedule::Standing;
use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::ledger::callers::{Asked, Who};
use crate::live::Live;
use crate::report::ReportStatus;
use crate::roles::Role;

pub(crate) mod doors;

use doors::DoorStatus;

/// All of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) roles: Vec<RoleStatus>,
    pub(crate) lookups: Vec<LookupStatus>,
    /// Requests answered from memory, each of which upstream was spared.
    pub(crate) answered_from_memory: u64,
    /// Requests for metadata that went to upstream.
    pub(crate) passed_to_upstream: u64,
    /// The doors there are, and what to set at an SDK for each.
    #[serde(default)]
    pub(crate) doors: Vec<DoorStatus>,
    /// How reports to the server went, if there is one.
    pub(crate) report: Option<ReportStatus>,
    /// The privileged half; none when the agent was not started as root.
    pub(crate) helper: Option<HelperStatus>,
    /// The busiest first.
    pub(crate) callers: Vec<CallerStatus>,
    /// Lookups of callers beyond those that are told apart.
    pub(crate) other_callers_lookups: u64,
}

/// The privileged half.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HelperStatus {
    pub(crate) pid: u32,
    /// `running` or `gone`.
    pub(crate) state: String,
    pub(crate) refused: u64,
}

impl HelperStatus {
    fn trouble(&self) -> Option<String> {
        (self.state != "running").then(|| format!(
            "the helper (process {}) is gone: callers have no program, and no token file is made; restart the agent",
            self.pid
        ))
    }
}

/// Who asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CallerStatus {
    pub(crate) uid: Option<u32>,
    /// Empty when it is not known; so is the next.
    pub(crate) cgroup: String,
    pub(crate) program: String,
    pub(crate) lookups: u64,
    /// Of these, without the right to it.
    pub(crate) denied: u64,
}

/// A role.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RoleStatus {
    pub(crate) name: String,
    /// What it is called upstream; none before it is known.
    pub(crate) upstream_role: Option<String>,
    /// `cold`, `good`, `failing`, `missing` or `removed`.
    pub(crate) standing: String,
    /// Why it is not good.
    pub(crate) reason: Option<String>,
    pub(crate) key_last_four: Option<String>,
    pub(crate) seconds_left: Option<u64>,
    pub(crate) expiration: Option<String>,
    pub(crate) attempts: u64,
    pub(crate) failures: u64,
    pub(crate) renewals: u64,
    /// Seconds that this machine's clock is ahead of upstream's.
    pub(crate) clock_skew_seconds: Option<i64>,
}

/// Lookups of one kind.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LookupStatus {
    pub(crate) door: String,
    pub(crate) role: String,
    pub(crate) consumer: String,
    pub(crate) answer: String,
    pub(crate) count: u64,
}

/// How it is now.
pub(crate) async fn of(live: &Live, ledger: &Ledger) -> Status {
    let (callers, others) = ledger.callers.rows().await;
    let (answered_from_memory, passed_to_upstream) = ledger.saved();
    let lookups = ledger.lookups().into_iter();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        roles: live.roles.values().map(|role| of_role(role)).collect(),
        lookups: lookups
            .map(|(door, role, consumer, ending, count)| LookupStatus {
                door: door.name().to_owned(),
                role,
                consumer,
                answer: ending.name().to_owned(),
                count,
            })
            .collect(),
        answered_from_memory,
        passed_to_upstream,
        doors: live.doors.clone(),
        report: ledger.reports().map(|reports| reports.status()),
        helper: ledger.callers.helper().map(|helper| HelperStatus {
            pid: helper.pid(),
            state: if helper.is_gone() { "gone" } else { "running" }.to_owned(),
            refused: helper.refused(),
        }),
        callers: callers
            .into_iter()
            .map(|(Who { uid, cgroup, program }, Asked { lookups, denied })| CallerStatus {
                uid,
                cgroup,
                program,
                lookups,
                denied,
            })
            .collect(),
        other_callers_lookups: others.lookups,
    }
}

/// How a role is now.
pub(crate) fn of_role(role: &Role) -> RoleStatus {
    let view = role.view();
    let documents = view.documents().ok();
    let snapshot = view.snapshot;
    let (standing, reason) = match &snapshot.standing {
        Standing::Cold => ("cold", None),
        Standing::Good => ("good", None),
        Standing::Failing(why) => ("failing", Some(why.clone())),
        Standing::Missing(_, how) => ("missing", Some(how.clone())),
        Standing::Removed(how) => ("removed", Some(how.clone())),
    };
    let left = snapshot.ends.map(|ends| ends.since(since_boot()).as_secs());
    RoleStatus {
        name: role.name.clone(),
        upstream_role: documents.as_ref().map(|found| found.role.clone()),
        standing: standing.to_owned(),
        reason,
        key_last_four: documents.as_ref().map(|found| found.last_four.clone()),
        seconds_left: left.filter(|_| documents.is_some()),
        expiration: documents.as_ref().map(|found| found.expiration.rfc3339()),
        attempts: snapshot.counts.attempts,
        failures: snapshot.counts.failures,
        renewals: snapshot.counts.renewals,
        clock_skew_seconds: snapshot.skew_seconds,
    }
}

/// Callers that the table names; JSON has all.
const BUSIEST_MAX: usize = 10;

/// For people.
pub(crate) fn table(status: &Status) -> String {
    let mut out = format!("hotspan-agent {}\n\n", status.version);
    let row = |cells: [&str; 6]| {
        let [role, upstream, standing, left, key, attempts] = cells;
        format!("{role:<20} {upstream:<24} {standing:<9} {left:>9} {key:>5} {attempts:>9}")
    };
    let mut line = |text: String| {
        let _ = writeln!(out, "{}", text.trim_end());
    };
    line(row(["ROLE", "UPSTREAM", "STANDING", "LEFT", "KEY", "ATTEMPTS"]));
    for role in &status.roles {
        let dash = || "-".to_owned();
        line(row([
            &role.name,
            &role.upstream_role.clone().unwrap_or_else(dash),
            &role.standing,
            &role.seconds_left.map_or_else(dash, life),
            &role.key_last_four.clone().unwrap_or_else(dash),
            &role.attempts.to_string(),
        ]));
        if let Some(reason) = &role.reason {
            line(format!("  {reason}"));
        }
        if let Some(skew) = role.clock_skew_seconds.filter(|skew| skew.abs() > 5) {
            line(format!("  this machine's clock is {skew} s ahead of upstream's"));
        }
    }
    line(String::new());
    line(format!(
        "{:<10} {:<20} {:<20} {:<12} {:>9}",
        "DOOR", "CONSUMER", "ROLE", "ANSWER", "LOOKUPS"
    ));
    let named = |text: &str| if text.is_empty() { "-" } else { text }.to_owned();
    for lookup in &status.lookups {
        let LookupStatus { door, answer, count, .. } = lookup;
        let (consumer, role) = (named(&lookup.consumer), named(&lookup.role));
        line(format!("{door:<10} {consumer:<20} {role:<20} {answer:<12} {count:>9}"));
    }
    line(String::new());
    line(format!(
        "{:<10} {:<30} {:<32} {:>9} {:>7}",
        "USER", "PROGRAM", "CGROUP", "LOOKUPS", "DENIED"
    ));
    for caller in status.callers.iter().take(BUSIEST_MAX) {
        let CallerStatus { uid, program, cgroup, lookups, denied } = caller;
        let user = uid.map_or_else(|| "-".to_owned(), |uid| uid.to_string());
        let (program, cgroup) = (named(program), named(cgroup));
        line(format!("{user:<10} {program:<30} {cgroup:<32} {lookups:>9} {denied:>7}"));
    }
    let beyond = status.callers.iter().skip(BUSIEST_MAX).map(|caller| caller.lookups);
    match beyond.sum::<u64>() + status.other_callers_lookups {
        0 => {}
        others => line(format!("{:<10} {:<30} {:<32} {others:>9}", "(other)", "", "")),
    }
    line(String::new());
    if let Some(said) = status.helper.as_ref().and_then(HelperStatus::trouble) {
        line(said);
    }
    let Status { answered_from_memory, passed_to_upstream, .. } = status;
    line(format!(
        "{answered_from_memory} requests answered from memory, {passed_to_upstream} passed to upstream"
    ));
    if let Some(report) = &status.report {
        line(report.text());
    }
    doors::table(&status.doors, &mut line);
    out
}

/// `5h59m`, `31m`, `40s`.
fn life(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m"),
        (hours, minutes) => format!("{hours}h{minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn the_table() {
        let role = |name: &str, standing: &str, left| RoleStatus {
            name: name.to_owned(),
            upstream_role: Some("app-role".to_owned()),
            standing: standing.to_owned(),
            reason: (standing == "failing").then(|| "role list: status 503".to_owned()),
            key_last_four: Some("AB12".to_owned()),
            seconds_left: left,
            expiration: None,
            attempts: 12,
            failures: 1,
            renewals: 2,
            clock_skew_seconds: Some(90),
        };
        let caller = |uid, program: &str, cgroup: &str, lookups| CallerStatus {
            uid,
            cgroup: cgroup.to_owned(),
            program: program.to_owned(),
            lookups,
            denied: 2,
        };
        let status = Status {
            version: "1.2.3".to_owned(),
            roles: vec![role("app", "good", Some(21_540)), role("other", "failing", None)],
            lookups: vec![LookupStatus {
                door: "container".to_owned(),
                role: "app".to_owned(),
                consumer: "web".to_owned(),
                answer: "given".to_owned(),
                count: 1_234,
            }],
            answered_from_memory: 1_300,
            passed_to_upstream: 4,
            doors: Vec::new(),
            report: Some(ReportStatus {
                server: "https://hotspan.example".to_owned(),
                last_sent: Some("2026-01-02T03:04:05Z".to_owned()),
                trouble: Some("status 503".to_owned()),
                sent: 3,
                failed: 1,
                refused: 0,
                dropped: 0,
            }),
            helper: Some(HelperStatus { pid: 7, state: "gone".to_owned(), refused: 0 }),
            callers: vec![
                caller(Some(1_000), "/usr/bin/ruby3.1", "/system.slice/web.service", 1_200),
                caller(None, "", "", 4),
            ],
            other_callers_lookups: 30,
        };
        expect![[r#"
            hotspan-agent 1.2.3

            ROLE                 UPSTREAM                 STANDING       LEFT   KEY  ATTEMPTS
            app                  app-role                 good          5h59m  AB12        12
              this machine's clock is 90 s ahead of upstream's
            other                app-role                 failing           -  AB12        12
              role list: status 503
              this machine's clock is 90 s ahead of upstream's

            DOOR       CONSUMER             ROLE                 ANSWER         LOOKUPS
            container  web                  app                  given             1234

            USER       PROGRAM                        CGROUP                             LOOKUPS  DENIED
            1000       /usr/bin/ruby3.1               /system.slice/web.service             1200       2
            -          -                              -                                        4       2
            (other)                                                                           30

            the helper (process 7) is gone: callers have no program, and no token file is made; restart the agent
            1300 requests answered from memory, 4 passed to upstream
            reports to https://hotspan.example: last sent 2026-01-02T03:04:05Z
              status 503
        "#]]
        .assert_eq(&table(&status));
    }
}
