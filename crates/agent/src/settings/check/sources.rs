//! Checks the sources one by one: whether the keys that each needs are there
//! and can be used.

use std::path::Path;

use hotspan_credentials::assume::{Assume, check_session_name};
use hotspan_credentials::sources::profile::{Chain, Files};
use hotspan_credentials::sources::{KeysSource, ProfileSource};
use hotspan_credentials::sts::Sts;
use toml::Spanned;

use super::Checker;
use crate::settings::{SourceSettings, raw};

const INSTANCE_ENDPOINT: &str = "http://169.254.169.254";
const ADD_ASSUME: &str = "add [role.assume] with the role_arn of a role that they may assume";

impl Checker<'_> {
    pub(super) fn instance(&mut self, raw: &raw::Role) -> Option<SourceSettings> {
        let endpoint = match &raw.endpoint {
            Some(endpoint) => self.upstream(endpoint, "write http://169.254.169.254")?,
            None => INSTANCE_ENDPOINT.parse().ok()?,
        };
        Some(SourceSettings::Instance { endpoint })
    }

    pub(super) fn container_source(&mut self, raw: &raw::Role) -> Option<SourceSettings> {
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
        Some(SourceSettings::Container {
            endpoint,
            path: path.get_ref().clone(),
            token_file: value(&raw.token_file),
        })
    }

    pub(super) fn process_source(&mut self, raw: &raw::Role) -> Option<SourceSettings> {
        let Some(command) = &raw.command else {
            let what = "the source process has no command".to_owned();
            self.refuse(&raw.source, what, "add command = [\"/whole/path\", \"argument\"]");
            return None;
        };
        match command.get_ref().first().map(Path::new) {
            Some(program) if program.is_absolute() => self.distrusted(command, program),
            program => {
                let what =
                    format!("the program {:?} cannot be used", program.unwrap_or(Path::new("")));
                self.refuse(
                    command,
                    what,
                    "give its whole path, so that no search path decides what runs",
                );
            }
        }
        Some(SourceSettings::Process {
            command: command.get_ref().clone(),
            environment: value(&raw.environment).unwrap_or_default(),
        })
    }

    pub(super) fn profile(&mut self, raw: &raw::Role) -> Option<SourceSettings> {
        let Some(profile) = &raw.profile else {
            let what = "the source profile has no profile".to_owned();
            self.refuse(&raw.source, what, "add profile = \"NAME\"");
            return None;
        };
        let files = self.files(raw)?;
        let source = SourceSettings::Profile {
            files,
            profile: profile.get_ref().clone(),
            environment: value(&raw.environment).unwrap_or_default(),
        };
        self.usable(profile, profile_source(&source)?.chain()).map(|_| source)
    }

    pub(super) fn web_identity(&mut self, raw: &raw::Role) -> Option<SourceSettings> {
        let (Some(role_arn), Some(token_file)) = (&raw.role_arn, &raw.token_file) else {
            let what = "the source web-identity has no role_arn or no token_file".to_owned();
            self.refuse(&raw.source, what, "give both");
            return None;
        };
        self.whole_path(token_file);
        let mut assume = Assume::of(self.role_arn(role_arn)?);
        if let Some(name) = &raw.session_name {
            self.usable(name, check_session_name(name.get_ref()));
            assume.session_name.clone_from(name.get_ref());
        }
        Some(SourceSettings::WebIdentity { token_file: token_file.get_ref().clone(), assume })
    }

    pub(super) fn static_keys(&mut self, raw: &raw::Role) -> Option<SourceSettings> {
        let Some(file) = &raw.credentials_file else {
            let what = "the source static has no credentials_file".to_owned();
            let remedy = "add credentials_file = \"/whole/path\", and [role.assume]; keys are handed to nobody as they are";
            self.refuse(&raw.source, what, remedy);
            return None;
        };
        self.whole_path(file);
        let profile = value(&raw.profile).unwrap_or_else(|| "default".to_owned());
        let credentials_file = file.get_ref().clone();
        let source = KeysSource { credentials_file, profile };
        self.usable(file, source.keys())?;
        let KeysSource { credentials_file, profile } = source;
        Some(SourceSettings::Static { credentials_file, profile })
    }

    /// Keys have no end; every door has to tell one, and none is ever invented.
    /// And who asks STS has to say which.
    pub(super) fn has_end_and_region(&mut self, raw: &raw::Role, source: &SourceSettings) {
        let chain = chain_of(source);
        let is_lasting = matches!(source, SourceSettings::Static { .. })
            || chain.as_ref().is_some_and(Chain::is_lasting);
        if is_lasting && raw.assume.is_none() {
            let what = "keys without an end are handed to nobody: every door has to tell one, and none is ever invented".to_owned();
            self.refuse(&raw.source, what, ADD_ASSUME);
            return;
        }
        let asks_elsewhere =
            raw.assume.is_some() || matches!(source, SourceSettings::WebIdentity { .. });
        let asks_as_profile = chain.is_some_and(|chain| chain.asks_sts() && !chain.has_region());
        if raw.region.is_none() && (asks_elsewhere || asks_as_profile) {
            let what = "nothing says which region's STS to ask".to_owned();
            self.refuse(&raw.source, what, "add region, e.g. region = \"eu-central-1\"");
        }
    }

    /// None is looked for in a home: whose it is would depend on who starts the
    /// agent, and on whom it becomes.
    fn files(&mut self, raw: &raw::Role) -> Option<Files> {
        for file in [&raw.config_file, &raw.credentials_file].into_iter().flatten() {
            self.whole_path(file);
        }
        let files =
            Files { config: value(&raw.config_file), credentials: value(&raw.credentials_file) };
        if files.config.is_none() && files.credentials.is_none() {
            let what = "the source profile has no file".to_owned();
            self.refuse(&raw.source, what, "name config_file, credentials_file or both");
            return None;
        }
        Some(files)
    }
}

/// What a profile leads to; nothing for other sources, and for profiles that
/// were refused.
pub(super) fn chain_of(source: &SourceSettings) -> Option<Chain> {
    profile_source(source)?.chain().ok()
}

fn profile_source(source: &SourceSettings) -> Option<ProfileSource> {
    let SourceSettings::Profile { files, profile, .. } = source else { return None };
    Some(ProfileSource {
        role: String::new(),
        files: files.clone(),
        profile: profile.clone(),
        environment: Vec::new(),
        sts: Sts::default(),
    })
}

fn value<T: Clone>(raw: &Option<Spanned<T>>) -> Option<T> {
    raw.as_ref().map(|raw| raw.get_ref().clone())
}
