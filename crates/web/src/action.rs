//! What a person asks to do with an issue, read from a form or from JSON.
//!
//! Who may ask is checked before: by the login and by the check of origins.
//! What it leads to is decided in the store.

use axum::http::HeaderMap;
use hotspan_model::UnixNanos;
use hotspan_model::life::{Action, Ignore};
use hotspan_store::Acted;

use crate::api::error::ApiError;
use crate::security::login::user_of;
use crate::state::AppState;

/// Characters of a release, a service or an environment that are taken.
pub(crate) const NAME_CHARS_MAX: usize = 250;

/// The three states that people choose.
const CHOICES: &str = "use `fix_claimed`, `ignored` or `open`";

/// What was asked for, in words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// The state it should have.
    pub(crate) state: String,
    /// The release with the fix.
    pub(crate) release: String,
    /// How long to ignore it: `forever`, `grown`, or a moment.
    pub(crate) until: String,
}

impl Wish {
    /// What the words mean; else what is wrong with them.
    pub(crate) fn action(&self, now: UnixNanos) -> Result<Action, ApiError> {
        let release = name("release", &self.release)?;
        match self.state.as_str() {
            "fix_claimed" => Ok(Action::ClaimFix { release }),
            "ignored" => Ok(Action::Ignore(ignore(self.until.trim(), now)?)),
            "open" => Ok(Action::Reopen),
            other => Err(ApiError::parameter(
                format!("`state` {other:?} is none that people set"),
                format!("{CHOICES}; the others follow from what is measured"),
            )),
        }
    }
}

fn ignore(until: &str, now: UnixNanos) -> Result<Ignore, ApiError> {
    match until {
        "" | "forever" => Ok(Ignore::Forever),
        "grown" => Ok(Ignore::UntilGrown),
        _ => match UnixNanos::parse(until) {
            Some(at) if at > now => Ok(Ignore::Until(at)),
            Some(_) => Err(ApiError::parameter(
                format!("`until` {until:?} is past"),
                "give a date to come, e.g. 2030-01-31",
            )),
            None => Err(ApiError::parameter(
                format!("`until` {until:?} is no date"),
                "use `forever`, `grown`, a date such as 2030-01-31, or a moment such as \
                 2030-01-31T08:00:00Z",
            )),
        },
    }
}

/// A name that came from outside, without space around it.
pub(crate) fn name(field: &str, text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    if text.chars().count() > NAME_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(ApiError::parameter(
            format!(
                "`{field}` is longer than {NAME_CHARS_MAX} characters or has control characters"
            ),
            format!("give `{field}` as it is sent with spans"),
        ));
    }
    Ok(text.to_owned())
}

/// Does it, in the name of whoever is logged in.
pub(crate) async fn act(
    state: &AppState,
    headers: &HeaderMap,
    id: i64,
    wish: &Wish,
) -> Result<Acted, ApiError> {
    let now = state.now();
    let action = wish.action(now)?;
    let actor = user_of(state, headers).await?.unwrap_or_default();
    Ok(state.store.act_on_issue(id, action, &actor, now).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes() {
        let now = UnixNanos::parse("2026-11-23").expect("a date");
        let day = UnixNanos::parse("2026-12-01").expect("a date");
        let claim = |release: &str| Some(Action::ClaimFix { release: release.to_owned() });
        for (state, release, until, expected) in [
            ("fix_claimed", "", "", claim("")),
            ("fix_claimed", " 1.1 ", "", claim("1.1")),
            ("fix_claimed", "a\u{7}b", "", None),
            ("fix_claimed", &"x".repeat(251), "", None),
            ("ignored", "", "", Some(Action::Ignore(Ignore::Forever))),
            ("ignored", "", "forever", Some(Action::Ignore(Ignore::Forever))),
            ("ignored", "", "grown", Some(Action::Ignore(Ignore::UntilGrown))),
            ("ignored", "", "2026-12-01", Some(Action::Ignore(Ignore::Until(day)))),
            ("ignored", "", "2026-11-23", None),
            ("ignored", "", "tomorrow", None),
            ("open", "", "", Some(Action::Reopen)),
            ("verified", "", "", None),
            ("", "", "", None),
        ] {
            let wish = Wish { state: state.into(), release: release.into(), until: until.into() };
            assert_eq!(wish.action(now).ok(), expected, "{wish:?}");
        }
    }
}
