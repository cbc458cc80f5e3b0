//! Checks a role: which keys its source needs, and which it cannot use.

use std::collections::BTreeMap;
use std::path::Path;

use hotspan_credentials::sources::instance::is_role;
use toml::Spanned;

use super::{Checker, NAME};
use crate::settings::{RoleSettings, raw};

const INSTANCE_ENDPOINT: &str = "http://169.254.169.254";
const SOURCES: &str = "use instance, container or process; any AWS profile, role chain, SSO or web identity works through process with command = [\"/usr/local/bin/aws\", \"configure\", \"export-credentials\", \"--profile\", \"NAME\", \"--format\", \"process\"]";

impl Checker<'_> {
    pub(super) fn add_role(&mut self, raw: raw::Role, roles: &mut BTreeMap<String, RoleSettings>) {
        let name = raw.name.get_ref().clone();
        if !is_role(&name) {
            self.refuse(&raw.name, format!("role name {name:?} cannot be used"), NAME);
        }
        if roles.contains_key(&name) {
            self.refuse(&raw.name, format!("role {name:?} is there twice"), "give it another name");
        }
        if let Some(settings) = self.role(raw) {
            roles.insert(name, settings);
        }
    }

    fn role(&mut self, raw: raw::Role) -> Option<RoleSettings> {
        match raw.source.get_ref().as_str() {
            "instance" => self.instance(raw),
            "container" => self.container_source(raw),
            "process" => self.process_source(raw),
            // Keys without an end cannot be served: every door needs one, and
            // none is ever invented.
            other => {
                let what = format!("source {other:?} is not one that there is");
                self.refuse(&raw.source, what, SOURCES);
                None
            }
        }
    }

    fn instance(&mut self, raw: raw::Role) -> Option<RoleSettings> {
        self.useless("path", raw.path.as_ref());
        self.useless("token_file", raw.token_file.as_ref());
        self.useless("command", raw.command.as_ref());
        self.useless("environment", raw.environment.as_ref());
        let endpoint = match &raw.endpoint {
            Some(endpoint) => self.upstream(endpoint, "write http://169.254.169.254")?,
            None => INSTANCE_ENDPOINT.parse().ok()?,
        };
        Some(RoleSettings::Instance { endpoint })
    }

    fn container_source(&mut self, raw: raw::Role) -> Option<RoleSettings> {
        self.useless("command", raw.command.as_ref());
        self.useless("environment", raw.environment.as_ref());
        let (Some(endpoint), Some(path)) = (&raw.endpoint, &raw.path) else {
            let what = "the source container has no endpoint or no path".to_owned();
            let remedy =
                "give both, e.g. endpoint = \"http://169.254.170.23\", path = \"/v1/credentials\"";
            self.refuse(&raw.source, what, remedy);
            return None;
        };
        if !path.get_ref().starts_with('/') || !path.get_ref().bytes().all(|b| b.is_ascii_graphic())
        {
            self.refuse(
                path,
                format!("path {:?} cannot be used", path.get_ref()),
                "begin it with / and use no spaces",
            );
        }
        if let Some(file) = &raw.token_file {
            self.whole_path(file);
        }
        let endpoint = self.upstream(endpoint, "write http://169.254.170.2")?;
        Some(RoleSettings::Container {
            endpoint,
            path: path.get_ref().clone(),
            token_file: raw.token_file.map(Spanned::into_inner),
        })
    }

    fn process_source(&mut self, raw: raw::Role) -> Option<RoleSettings> {
        self.useless("endpoint", raw.endpoint.as_ref());
        self.useless("path", raw.path.as_ref());
        self.useless("token_file", raw.token_file.as_ref());
        let Some(command) = raw.command else {
            let what = "the source process has no command".to_owned();
            self.refuse(&raw.source, what, "add command = [\"/whole/path\", \"argument\"]");
            return None;
        };
        match command.get_ref().first().map(Path::new) {
            Some(program) if program.is_absolute() => self.distrusted(&command, program),
            program => {
                let what =
                    format!("the program {:?} cannot be used", program.unwrap_or(Path::new("")));
                self.refuse(
                    &command,
                    what,
                    "give its whole path, so that no search path decides what runs",
                );
            }
        }
        Some(RoleSettings::Process {
            command: command.into_inner(),
            environment: raw.environment.map(Spanned::into_inner).unwrap_or_default(),
        })
    }

    fn useless<T>(&mut self, key: &str, value: Option<&Spanned<T>>) {
        if let Some(value) = value {
            self.refuse(value, format!("{key} means nothing to this source"), "remove it");
        }
    }
}
