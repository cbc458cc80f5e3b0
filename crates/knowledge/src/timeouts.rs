//! How long clients, pools, proxies and kernels wait before they give up, how
//! errors say so, and which calls wait by their nature.

use serde::Deserialize;

/// A time-out that is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeout {
    /// Its length.
    pub ms: i64,
    /// Language slugs; empty for any.
    #[serde(default)]
    pub languages: Vec<String>,
    /// Kinds of calls: `http`, `rpc`, `database`, `cache`, `queue`, `connect`, `dns`.
    pub kinds: Vec<String>,
    /// The call goes on after the wait instead of failing.
    #[serde(default)]
    pub goes_on: bool,
    /// What it is, for sentences: completes "5.0 s is …".
    pub what: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    round_ms: Vec<i64>,
    errors: Vec<String>,
    statuses: Vec<u16>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    paths: Vec<String>,
    parameters: Vec<String>,
    commands: Vec<String>,
    operations: Vec<String>,
}

/// Every time-out, and what looks like one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    #[serde(rename = "timeout")]
    timeouts: Vec<Timeout>,
    settings: Settings,
    waiting: Waiting,
}

impl Timeouts {
    /// The time-outs.
    pub fn all(&self) -> &[Timeout] {
        &self.timeouts
    }

    /// The time-out of clients in `language` for calls of `kind` that fits, by
    /// `fits(ms)`: the language's own before those of any.
    pub fn find(
        &self,
        language: &str,
        kind: &str,
        goes_on: bool,
        fits: impl Fn(i64) -> bool,
    ) -> Option<&Timeout> {
        let of_kind = |timeout: &&Timeout| {
            timeout.goes_on == goes_on
                && timeout.kinds.iter().any(|known| known == kind)
                && fits(timeout.ms)
        };
        let own = |timeout: &&Timeout| timeout.languages.iter().any(|known| known == language);
        let found = |own_only: bool| {
            let mut rows = self.timeouts.iter().filter(of_kind);
            rows.find(|row| if own_only { own(row) } else { row.languages.is_empty() })
        };
        found(true).or_else(|| found(false))
    }

    /// The value that people set time-outs to which fits.
    pub fn round(&self, fits: impl Fn(i64) -> bool) -> Option<i64> {
        self.settings.round_ms.iter().copied().find(|ms| fits(*ms))
    }

    /// True for the text of an error (its type or message) that says that time
    /// was over.
    pub fn says_so(&self, error: &str) -> bool {
        self.settings.errors.iter().any(|words| contains_ignoring_case(error, words))
    }

    /// True for an HTTP status that says so.
    pub fn is_status(&self, status: u16) -> bool {
        self.settings.statuses.contains(&status)
    }

    /// True for the operation template of a call that lasts until something
    /// happens: long polling, blocking commands, streams.
    pub fn waits_by_nature(&self, operation: &str) -> bool {
        let waiting = &self.waiting;
        let is_one_of =
            |list: &[String], text: &str| list.iter().any(|known| known.eq_ignore_ascii_case(text));
        let space = operation.bytes().position(|byte| byte == b' ').unwrap_or(operation.len());
        let (first, rest) = operation.split_at(space);
        if let Some(target) = rest.strip_prefix(" /") {
            let (path, keys) = target.split_once('?').unwrap_or((target, ""));
            let path = path.strip_suffix('/').unwrap_or(path);
            let last = path.bytes().rposition(|byte| byte == b'/').map_or(0, |slash| slash + 1);
            // What is sent to such a place is taken at once.
            return first == "GET"
                && (is_one_of(&waiting.paths, &path[last..])
                    || keys.split('&').any(|key| is_one_of(&waiting.parameters, key)));
        }
        // The procedure or the operation, without what it belongs to.
        let name = first.rsplit(['/', '.']).next().unwrap_or_default();
        is_one_of(&waiting.commands, first)
            || waiting.operations.iter().any(|known| contains_ignoring_case(name, known))
    }
}

/// `part` is in lower case.
fn contains_ignoring_case(text: &str, part: &str) -> bool {
    let mut windows = text.as_bytes().windows(part.len());
    windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}
