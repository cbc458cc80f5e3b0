//! What spans are called that open a connection, resolve a name, or wait for a
//! connection of a pool or for a lock.

use std::collections::HashMap;

use serde::Deserialize;

/// Longer names are none of these; statements can be very long.
const NAME_BYTES_MAX: usize = 128;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpanRule {
    step: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    starts: Vec<String>,
    #[serde(default)]
    ends: Vec<String>,
    #[serde(default)]
    database: bool,
    #[serde(default)]
    target: bool,
    #[serde(default)]
    scopes: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Locks {
    words: Vec<String>,
    verbs: Vec<String>,
    procedures: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionsFile {
    #[serde(rename = "span")]
    spans: Vec<SpanRule>,
    locks: Locks,
}

/// What such spans look like.
#[derive(Debug, Clone)]
pub struct Connections {
    file: ConnectionsFile,
    /// Rules by whole name, in the order of the file.
    by_name: HashMap<String, Vec<usize>>,
    /// With which bytes names and starts begin.
    begin: [bool; 256],
    /// With which bytes ends end.
    end: [bool; 256],
}

/// A span that may be one of these.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its name.
    pub name: &'a str,
    /// The instrumentation that made it.
    pub scope: &'a str,
    /// It names a database.
    pub database: bool,
    /// It names the other side.
    pub target: bool,
}

impl Connections {
    pub(crate) fn of(file: ConnectionsFile) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, rule) in file.spans.iter().enumerate() {
            for name in &rule.names {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        let (mut begin, mut end) = ([false; 256], [false; 256]);
        for rule in &file.spans {
            let starts = rule.names.iter().chain(&rule.starts);
            starts
                .filter_map(|text| text.bytes().next())
                .for_each(|b| begin[usize::from(b)] = true);
            let ends = rule.ends.iter().filter_map(|text| text.bytes().next_back());
            ends.for_each(|b| end[usize::from(b)] = true);
        }
        Self { file, by_name, begin, end }
    }

    /// False for a name that no rule fits, at one look: nearly all do not.
    pub fn may_fit(&self, name: &str) -> bool {
        let bytes = name.as_bytes();
        (1..=NAME_BYTES_MAX).contains(&bytes.len())
            && (self.begin[usize::from(bytes[0])] || self.end[usize::from(bytes[bytes.len() - 1])])
    }

    /// The steps that rules are about.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.file.spans.iter().map(|rule| rule.step.as_str())
    }

    /// What the span does (`acquire`, `resolve`, `tls`, `connect`), and the
    /// rest of its name behind what the rule knows of it.
    pub fn step<'a>(&self, span: &Candidate<'a>) -> Option<(&str, &'a str)> {
        if !self.may_fit(span.name) {
            return None;
        }
        let fits = |rule: &SpanRule| {
            (!rule.database || span.database)
                && (!rule.target || span.target)
                && (rule.scopes.is_empty() || rule.scopes.iter().any(|scope| scope == span.scope))
        };
        if let Some(rules) = self.by_name.get(span.name) {
            let rule = rules.iter().map(|&rule| &self.file.spans[rule]).find(|rule| fits(rule));
            if let Some(rule) = rule {
                return Some((&rule.step, ""));
            }
        }
        self.file.spans.iter().filter(|rule| fits(rule)).find_map(|rule| {
            let start = rule.starts.iter().find_map(|start| span.name.strip_prefix(start.as_str()));
            let end = || {
                let ends = rule.ends.iter().any(|end| span.name.ends_with(end.as_str()));
                (ends && !span.name.contains(' ')).then_some("")
            };
            start.or_else(end).map(|rest| (rule.step.as_str(), rest))
        })
    }

    /// True for the name of a span that waits for a lock: `mutex.lock`,
    /// `acquire lock`, `RedisLock.acquire`.
    pub fn is_lock(&self, name: &str) -> bool {
        if name.len() > NAME_BYTES_MAX {
            return false;
        }
        let locks = &self.file.locks;
        let words = words_of(name);
        let is_one_of = |list: &[String]| words.iter().any(|word| list.contains(word));
        let lock = words.iter().any(|word| word == "lock");
        is_one_of(&locks.words) || (lock && (words.len() == 1 || is_one_of(&locks.verbs)))
    }

    /// True for a procedure that takes a lock.
    pub fn is_lock_procedure(&self, operation: &str) -> bool {
        self.file.locks.procedures.iter().any(|known| known == operation)
    }
}

/// The words of `redisLock.acquire` and `acquire_lock`, in lower case.
pub(crate) fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut in_word, mut was_lower) = (false, false);
    for c in text.chars() {
        if !c.is_alphanumeric() {
            in_word = false;
            continue;
        }
        if !in_word || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        (in_word, was_lower) = (true, c.is_lowercase());
    }
    words
}
