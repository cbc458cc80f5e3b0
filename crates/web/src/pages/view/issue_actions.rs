//! The buttons of an issue's page: plain forms that work without scripts.

use hotspan_model::{Issue, IssueStatus};
use maud::{Markup, html};

use crate::parts::shell::Frame;

/// The buttons.
pub(crate) fn actions(frame: &Frame, issue: &Issue) -> Markup {
    let open = |status: IssueStatus| issue.status == status;
    html! {
        section.actions {
            @if !open(IssueStatus::Verified) && !open(IssueStatus::Ignored) {
                @if open(IssueStatus::FixClaimed) {
                    details { summary.act { "I deployed another fix" } (claim(frame, issue)) }
                } @else { (claim(frame, issue)) }
            }
            @if !open(IssueStatus::Ignored) {
                details { summary.act { "Ignore" } (ignore(frame, issue)) }
            }
            @if !open(IssueStatus::Open) {
                (form(frame, issue, "open", &html! { button.act type="submit" { "Reopen" } }))
            }
        }
    }
}

fn form(frame: &Frame, issue: &Issue, state: &str, inside: &Markup) -> Markup {
    html! {
        form method="post" action=(format!("/issues/{}/state", issue.id)) {
            input type="hidden" name="state" value=(state);
            @for (name, value) in frame.link("/").params() { input type="hidden" name=(name) value=(value); }
            (inside)
        }
    }
}

fn claim(frame: &Frame, issue: &Issue) -> Markup {
    form(
        frame,
        issue,
        IssueStatus::FixClaimed.slug(),
        &html! {
            button.act type="submit" { "I deployed a fix" }
            " "
            input name="release" maxlength="250" autocomplete="off" spellcheck="false"
                aria-label="Release with the fix" placeholder="in release … (if you know)";
        },
    )
}

fn ignore(frame: &Frame, issue: &Issue) -> Markup {
    form(
        frame,
        issue,
        IssueStatus::Ignored.slug(),
        &html! {
            fieldset {
                legend { "Ignore it" }
                label { input type="radio" name="until" value="forever" checked; " for ever" }
                label { input type="radio" name="until" value="grown"; " until it costs twice as much a day" }
                label {
                    input type="radio" name="until" value="date"; " until "
                    input type="date" name="date" aria-label="Date on which it is shown again";
                }
                button.act type="submit" { "Ignore" }
            }
        },
    )
}
