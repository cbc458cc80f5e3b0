//! Checks a role: what its source is, which keys that needs, and which it
//! cannot use. The sources themselves are in [`super::sources`], what STS is
//! told in [`super::assume`].

use std::collections::BTreeMap;

use hotspan_credentials::sources::instance::is_role;

use super::{Checker, NAME};
use crate::settings::{RoleSettings, SourceSettings, raw};

const SOURCES: &str = "use instance, container, process, profile, web-identity or static; SSO works through process with command = [\"/usr/local/bin/aws\", \"configure\", \"export-credentials\", \"--profile\", \"NAME\", \"--format\", \"process\"]";
const OF_STS: [&str; 3] = ["region", "sts_endpoint", "sts_proxy"];

impl Checker<'_> {
    pub(super) fn add_role(&mut self, raw: raw::Role, roles: &mut BTreeMap<String, RoleSettings>) {
        let name = raw.name.get_ref().clone();
        if !is_role(&name) {
            self.refuse(&raw.name, format!("role name {name:?} cannot be used"), NAME);
        }
        if roles.contains_key(&name) {
            self.refuse(&raw.name, format!("role {name:?} is there twice"), "give it another name");
        }
        if let Some(settings) = self.role(&raw) {
            roles.insert(name, settings);
        }
    }

    fn role(&mut self, raw: &raw::Role) -> Option<RoleSettings> {
        let Some(keys) = keys_of(raw.source.get_ref()) else {
            let what = format!("source {:?} is not one that there is", raw.source.get_ref());
            self.refuse(&raw.source, what, SOURCES);
            return None;
        };
        self.refuse_useless(raw, keys);
        let sts = self.place(raw);
        let source = self.source(raw)?;
        let assume = match &raw.assume {
            Some(assume) => Some(self.assume(assume, session_of(&source))?),
            None => None,
        };
        self.has_end_and_region(raw, &source);
        Some(RoleSettings { source, assume, sts })
    }

    fn source(&mut self, raw: &raw::Role) -> Option<SourceSettings> {
        match raw.source.get_ref().as_str() {
            "instance" => self.instance(raw),
            "container" => self.container_source(raw),
            "process" => self.process_source(raw),
            "profile" => self.profile(raw),
            "web-identity" => self.web_identity(raw),
            _ => self.static_keys(raw),
        }
    }

    fn refuse_useless(&mut self, raw: &raw::Role, wanted: &[&str]) {
        let asks_sts = raw.assume.is_some()
            || matches!(raw.source.get_ref().as_str(), "profile" | "web-identity");
        for (key, at) in raw.keys() {
            let is_wanted = wanted.contains(&key) || (asks_sts && OF_STS.contains(&key));
            if !is_wanted {
                let remedy = if key == "role_arn" || key == "session_name" {
                    "remove it, or write it below [role.assume]"
                } else {
                    "remove it"
                };
                self.refuse_at(at, format!("{key} means nothing to this source"), remedy);
            }
        }
    }
}

/// The keys that a source has, if it is one.
fn keys_of(source: &str) -> Option<&'static [&'static str]> {
    Some(match source {
        "instance" => &["endpoint"],
        "container" => &["endpoint", "path", "token_file"],
        "process" => &["command", "environment"],
        "profile" => &["profile", "config_file", "credentials_file", "environment"],
        "web-identity" => &["role_arn", "token_file", "session_name"],
        "static" => &["credentials_file", "profile"],
        _ => return None,
    })
}

/// What a source's credentials are called when they are of a session
/// themselves, so that AWS gives an hour at most on top of them.
fn session_of(source: &SourceSettings) -> Option<&'static str> {
    match source {
        SourceSettings::Instance { .. } => Some("the instance's credentials"),
        SourceSettings::Container { .. } => Some("a container endpoint's credentials"),
        SourceSettings::WebIdentity { .. } => Some("credentials of a web identity"),
        SourceSettings::Profile { .. } => super::sources::chain_of(source)?.session(),
        // A program may print either; AWS says so if it is a session.
        SourceSettings::Process { .. } | SourceSettings::Static { .. } => None,
    }
}
