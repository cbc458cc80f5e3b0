//! What was rejected, refused, dropped or lost, with what each reason asks for.

use hotspan_ingest::Counts;
use maud::{Markup, html};

use crate::parts::format;

/// Reasons and what to do about each. `docs/ingest.md` says what they mean.
const REMEDIES: &[(&str, &str)] = &[
    ("zero_trace_id", "The sender makes spans without a trace id: look at its instrumentation."),
    ("zero_span_id", "The sender makes spans without a span id: look at its instrumentation."),
    ("invalid_id", "The sender writes ids in another form: 32 and 16 hex digits are read."),
    ("invalid_time", "The sender leaves out times or writes them in another form."),
    ("end_before_start", "The sender's clock moved while it measured: use a monotonic one there."),
    ("too_old", "Set the sender's clock, or keep more days with `retention_days`."),
    ("too_new", "Set the sender's clock, or this server's: one of them is ahead."),
    ("invalid_utf8", "The sender writes text that is not UTF-8."),
    ("malformed_item", "The sender writes what no SDK writes: look at its version."),
    ("item_too_large", "Send fewer or shorter attributes."),
    ("too_deep", "Flatten nested attributes."),
    ("too_many_spans", "Send smaller batches."),
    ("attribute_too_large", "Attributes over 64 KiB are left out, the span is kept: shorten them."),
    ("body_too_large", "Send smaller batches: at most 64 MiB."),
    ("unknown_encoding", "Compress with gzip, deflate, br or zstd, or not at all."),
    ("corrupt_body", "A proxy in between may change bodies without changing their headers."),
    ("slow_body", "Send smaller batches, or look at the network."),
    ("broken_body", "Clients hang up while they send: look at their time-outs."),
    ("unknown_content_type", "Send application/x-protobuf or application/json."),
    ("malformed_request", "Something that is no SDK sends here, or to the wrong path."),
    ("key_missing", "Give the sender a key: `hotspan project add NAME` prints one."),
    ("key_unknown", "Copy the DSN or key anew: `hotspan project list` prints them."),
    ("keys_disagree", "The sender names two projects or keys: leave one."),
    ("key_of_other_project", "The key belongs to another project: copy the DSN anew."),
    ("invalid_project", "Use letters, digits, `-`, `_` and `.` in names of projects."),
    ("too_many_projects", "Add projects with `hotspan project add NAME`."),
    ("busy", "More comes in than is written: a faster disk, more processors or fewer spans help."),
    ("disk", "Make room on the disk of the data directory, or repair it."),
    ("shutting_down", "Nothing: senders try again once the server is up."),
    ("unavailable", "Look at the disk of the data directory and at the server's log."),
    ("foreign_host", "Add the name that people use to the setting `hosts`."),
    ("foreign_origin", "A page elsewhere asked for a change here: nothing to do."),
    ("login_failed", "Somebody mistypes, or guesses."),
    ("login_too_often", "Somebody guesses: look at who can reach this address."),
    ("metrics_denied", "Give the scraper the token of the setting `metrics_token`."),
    ("page_timeout", "Ask for shorter windows; the server has more to do than it manages."),
    ("panic", "A defect of Hotspan: report the line that the server logged."),
    ("no_entry_span", "Their service's entry span never came: look at its sampling."),
    (
        "agent_reports_overflow",
        "Agents tell more than can be booked: look at the disk, or have them report less often.",
    ),
    ("assembly_overflow", "The trace is larger than what is analysed; all of it is stored."),
    ("assembly_evicted", "More traces were open than fit in memory; they were analysed early."),
    ("assembly_lost", "Analysis did not keep up: more processors or fewer spans help."),
    ("analysis_failed", "A defect of Hotspan: report the line that the server logged."),
    ("span_table_failure", "Look at the server's log: these spans could not be stored."),
    ("log_damage", "A part of the log could not be read at the start: the server's log names it."),
    ("log_undecodable", "The log was written by another version: the server's log names it."),
];

/// What a reason asks for; empty when it is a client's own word.
pub(crate) fn remedy(reason: &str) -> &'static str {
    REMEDIES.iter().find(|(known, _)| *known == reason).map_or("", |(_, remedy)| remedy)
}

/// One list of counts, the most frequent first.
pub(crate) fn counts(title: &str, says: &str, counts: &Counts) -> Markup {
    let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    html! {
        section.counts {
            h2 { (title) }
            p.soft { (says) }
            table.facts { tbody { @for (name, count) in sorted { tr {
                th scope="row" {
                    code { (name) }
                    @if !remedy(name).is_empty() { small { (prose(remedy(name))) } }
                }
                td.num { (format::exact(*count)) }
            } } } }
        }
    }
}

/// Words between back-ticks are code.
fn prose(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_reason_has_a_remedy() {
        let document = include_str!("../../../../../../docs/ingest.md");
        let (_, reasons) = document.split_once("## Why items are rejected").expect("the lists");
        let named: Vec<&str> = reasons
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .flat_map(|row| {
                let cell = row.split('|').next().unwrap_or_default();
                // `a`, `b`: a cell names one reason or several.
                cell.split('`')
                    .step_by(2)
                    .map(str::trim)
                    .filter(|name| !name.starts_with([',', ':']))
            })
            .filter(|name| !name.is_empty())
            .collect();
        assert!(named.len() > 25, "{named:?}");
        for name in named {
            assert!(!remedy(name).is_empty(), "no remedy for {name:?}");
        }
        assert_eq!(remedy("ratelimit_backoff"), "");
    }

    #[test]
    fn back_ticks_are_code() {
        let said = prose("raise `retention_days` or not").into_string();
        assert_eq!(said, "raise <code>retention_days</code> or not");
    }
}
