//! The decision table: projects there are, what a request claims, what comes of it.

use std::sync::Arc;

use hotspan_store::{DEFAULT_PROJECT, Project};

use super::with_key;
use crate::receive::denial::Denial;

/// Longest name of a project.
const NAME_BYTES_MAX: usize = 64;
/// What names of projects begin with that a Sentry request made.
const MADE_PREFIX: &str = "project-";

/// Where a request says it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// The project part of a Sentry path: a number, or a name.
    SentryId(&'a str),
    /// `x-hotspan-project`.
    Name(&'a str),
    /// Nowhere in particular.
    Anywhere,
}

/// What a request says about its project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim<'a> {
    /// Where it belongs.
    pub(crate) place: Place<'a>,
    /// The key it carries.
    pub(crate) key: Option<&'a str>,
    /// A key that need not be ours unless keys are required: a bearer token may
    /// be meant for another backend behind the same exporter settings.
    pub(crate) key_may_be_foreign: bool,
    /// How to send a key, for the answer to requests without one.
    pub(crate) key_hint: &'static str,
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// It belongs to this project.
    Existing(Arc<str>),
    /// It belongs to a project that is to be made.
    Create(String),
}

/// Decides which project a request belongs to.
pub(crate) fn choose(
    projects: &[Project],
    claim: &Claim<'_>,
    keys_required: bool,
) -> Result<Choice, Denial> {
    let of_key = match claim.key {
        Some(key) => with_key(projects, key),
        None if keys_required => return Err(Denial::KeyMissing(claim.key_hint)),
        None => None,
    };
    if let Some(project) = of_key {
        return if place_is(claim.place, project) {
            Ok(Choice::Existing(project.name.as_str().into()))
        } else {
            Err(Denial::KeyOfOtherProject(place_text(claim.place)))
        };
    }
    if keys_required {
        return Err(Denial::KeyUnknown);
    }
    // A Sentry SDK cannot send without a key, so keyless servers get made-up
    // ones; a key in our own header was meant to be right.
    let meant = claim.key.is_some() && !matches!(claim.place, Place::SentryId(_));
    if meant && !claim.key_may_be_foreign {
        return Err(Denial::KeyUnknown);
    }
    place_or_create(projects, claim.place)
}

fn place_or_create(projects: &[Project], place: Place<'_>) -> Result<Choice, Denial> {
    let name = match place {
        Place::Anywhere => DEFAULT_PROJECT.to_owned(),
        Place::Name(name) => slug("", name)?,
        Place::SentryId(id) => {
            if let Some(project) = projects.iter().find(|project| sentry_id_is(id, project)) {
                return Ok(Choice::Existing(project.name.as_str().into()));
            }
            slug(MADE_PREFIX, id)?
        }
    };
    Ok(if projects.iter().any(|project| project.name == name) {
        Choice::Existing(name.into())
    } else {
        Choice::Create(name)
    })
}

fn place_is(place: Place<'_>, project: &Project) -> bool {
    match place {
        Place::Anywhere => true,
        Place::Name(name) => project.name == name,
        Place::SentryId(id) => {
            project.id.to_string() == id || project.name == id || made_for(project) == Some(id)
        }
    }
}

/// A project made for `/api/42/` has another number of its own, say 3. Then
/// `/api/3/` is not that project: it means a third one, not made yet.
fn sentry_id_is(id: &str, project: &Project) -> bool {
    match made_for(project) {
        Some(made) => made == id,
        None => project.id.to_string() == id || project.name == id,
    }
}

fn made_for(project: &Project) -> Option<&str> {
    project.name.strip_prefix(MADE_PREFIX)
}

fn place_text(place: Place<'_>) -> String {
    match place {
        Place::SentryId(text) | Place::Name(text) => text.chars().take(NAME_BYTES_MAX).collect(),
        Place::Anywhere => DEFAULT_PROJECT.to_owned(),
    }
}

/// The name as projects have it: a lower-case slug, since names become part of
/// addresses and directories.
fn slug(prefix: &str, name: &str) -> Result<String, Denial> {
    let fits = prefix.len() + name.len() <= NAME_BYTES_MAX;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if fits && starts_well && name.bytes().all(plain) {
        Ok(format!("{prefix}{}", name.to_ascii_lowercase()))
    } else {
        let shown = name.chars().take(NAME_BYTES_MAX).collect();
        Err(Denial::InvalidProject(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotspan_model::UnixNanos;

    fn project(id: i64, name: &str, key: &str) -> Project {
        Project { id, name: name.to_owned(), key: key.to_owned(), created: UnixNanos(0) }
    }

    fn check(place: Place<'_>, key: Option<&str>, foreign: bool, required: bool) -> String {
        let projects =
            [project(1, "default", "k1"), project(2, "shop", "k2"), project(3, "project-42", "k3")];
        let claim = Claim { place, key, key_may_be_foreign: foreign, key_hint: "send one" };
        match choose(&projects, &claim, required) {
            Ok(Choice::Existing(name)) => name.to_string(),
            Ok(Choice::Create(name)) => format!("create {name}"),
            Err(denial) => denial.reason().to_owned(),
        }
    }

    #[test]
    fn sentry_requests() {
        for (id, key, open, closed) in [
            ("1", Some("k1"), "default", "default"),
            ("2", Some("k2"), "shop", "shop"),
            ("shop", Some("k2"), "shop", "shop"),
            ("42", Some("k3"), "project-42", "project-42"),
            ("3", Some("k3"), "project-42", "project-42"),
            ("2", Some("k1"), "key_of_other_project", "key_of_other_project"),
            ("2", Some("other"), "shop", "key_unknown"),
            ("2", None, "shop", "key_missing"),
            ("shop", None, "shop", "key_missing"),
            ("42", Some("x"), "project-42", "key_unknown"),
            ("3", Some("x"), "create project-3", "key_unknown"),
            ("7", Some("x"), "create project-7", "key_unknown"),
            ("a b", Some("x"), "invalid_project", "key_unknown"),
            ("", None, "invalid_project", "key_missing"),
        ] {
            assert_eq!(check(Place::SentryId(id), key, false, false), open, "{id} {key:?}");
            assert_eq!(check(Place::SentryId(id), key, false, true), closed, "{id} {key:?}");
        }
    }

    #[test]
    fn otlp_requests() {
        for (place, key, foreign, open, closed) in [
            (Place::Anywhere, None, false, "default", "key_missing"),
            (Place::Anywhere, Some("k2"), false, "shop", "shop"),
            (Place::Anywhere, Some("k2"), true, "shop", "shop"),
            (Place::Anywhere, Some("x"), false, "key_unknown", "key_unknown"),
            (Place::Anywhere, Some("x"), true, "default", "key_unknown"),
            (Place::Name("shop"), None, false, "shop", "key_missing"),
            (Place::Name("shop"), Some("k2"), false, "shop", "shop"),
            (
                Place::Name("shop"),
                Some("k1"),
                false,
                "key_of_other_project",
                "key_of_other_project",
            ),
            (Place::Name("new"), None, false, "create new", "key_missing"),
            (Place::Name("Shop"), None, false, "shop", "key_missing"),
            (Place::Name(".."), None, false, "invalid_project", "key_missing"),
            (Place::Name("no/slash"), None, false, "invalid_project", "key_missing"),
        ] {
            assert_eq!(check(place, key, foreign, false), open, "{place:?} {key:?}");
            assert_eq!(check(place, key, foreign, true), closed, "{place:?} {key:?}");
        }
    }
}
