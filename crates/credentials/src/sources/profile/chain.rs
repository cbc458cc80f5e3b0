//! From a profile to what has to be done for it: a base, and the roles that are
//! assumed one after another. In the order and with the precedence that AWS's
//! own tools have; what they take from the environment, from a person at the
//! keyboard, or from a browser is refused. Pure.

use std::path::PathBuf;
use std::time::Duration;

use aws_runtime::env_config::section::{EnvConfigSections, Profile};

use super::file::lasting_keys;
use crate::assume::{Assume, check_duration, check_external_id, check_session_name};
use crate::keys::Keys;
use crate::sts::RegionName;
use crate::unusable::Unusable;

/// Longer chains are mistakes.
const PROFILES_MAX: usize = 10;
const THROUGH_CLI: &str = "have the AWS CLI do it: source = \"process\", command = [\"/usr/local/bin/aws\", \"configure\", \"export-credentials\", \"--profile\", \"NAME\", \"--format\", \"process\"]";

/// What has to be done for a profile.
#[derive(Debug)]
pub struct Chain {
    pub(crate) base: Base,
    /// In the order in which they are assumed.
    pub(crate) steps: Vec<Assume>,
    /// The region that the profile names.
    pub(crate) region: Option<RegionName>,
}

/// What the first role is assumed with, or what there is when no role is.
#[derive(Debug)]
pub(crate) enum Base {
    /// Keys that stand in the file.
    Keys(Keys),
    /// A token file, and the role it is good for.
    WebIdentity { token_file: PathBuf, assume: Assume },
    /// A program and its arguments.
    Process(Vec<String>),
}

impl Chain {
    /// Whether what comes of it has no end.
    pub fn is_lasting(&self) -> bool {
        self.steps.is_empty() && matches!(self.base, Base::Keys(_))
    }

    /// Whether STS is asked.
    pub fn asks_sts(&self) -> bool {
        !self.steps.is_empty() || matches!(self.base, Base::WebIdentity { .. })
    }

    /// What a role on top of this would be assumed with, if that is a session.
    pub fn session(&self) -> Option<&'static str> {
        self.asks_sts().then_some("the profile's credentials")
    }

    /// Whether the profile names a region.
    pub fn has_region(&self) -> bool {
        self.region.is_some()
    }
}

/// Follows `source_profile` from the profile called `name`.
pub(super) fn resolve(sections: &EnvConfigSections, name: &str) -> Result<Chain, Unusable> {
    let mut steps = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    let mut next = name;
    let base = loop {
        let Some(profile) = sections.get_profile(next) else {
            return Err(Unusable::new(
                format!("there is no profile {next:?}"),
                "write [profile NAME] in config_file or [NAME] in credentials_file",
            ));
        };
        if seen.contains(&next) || seen.len() == PROFILES_MAX {
            let what = format!("source_profile leads from {name:?} back to {next:?}, or too far");
            return Err(Unusable::new(what, "end the chain with keys, a token file or a program"));
        }
        // Keys win over a role in all profiles but the first.
        if let Some(keys) = lasting_keys(profile).filter(|_| !seen.is_empty()) {
            break Base::Keys(keys);
        }
        seen.push(next);
        let is_assumed =
            profile.get("role_arn").is_some() && profile.get("web_identity_token_file").is_none();
        if !is_assumed {
            break base(profile)?;
        }
        refuse_what_is_not_here(profile)?;
        steps.push(assumed(profile)?);
        match profile.get("source_profile") {
            // The profile's own keys are meant.
            Some(source) if source == profile.name() => break base(profile)?,
            Some(source) => next = source,
            None => {
                return Err(Unusable::new(
                    format!("profile {next:?} has role_arn and no source_profile"),
                    "add source_profile, or use [role.assume] over another source",
                ));
            }
        }
    };
    steps.reverse();
    let chain = Chain { base, steps, region: region(sections, name)? };
    check_lengths(&chain)?;
    Ok(chain)
}

fn base(profile: &Profile) -> Result<Base, Unusable> {
    refuse_what_is_not_here(profile)?;
    if let Some(token_file) = profile.get("web_identity_token_file") {
        let token_file = PathBuf::from(token_file);
        if !token_file.is_absolute() || profile.get("role_arn").is_none() {
            let what = format!("profile {:?} has a token file that cannot be used", profile.name());
            return Err(Unusable::new(what, "give its whole path, and role_arn"));
        }
        return Ok(Base::WebIdentity { token_file, assume: assumed(profile)? });
    }
    if let Some(line) = profile.get("credential_process") {
        return Ok(Base::Process(command(profile, line)?));
    }
    lasting_keys(profile).map(Base::Keys).ok_or_else(|| {
        let what = format!("profile {:?} has no credentials", profile.name());
        Unusable::new(what, "give it role_arn and source_profile, web_identity_token_file, credential_process or keys")
    })
}

/// What the agent does not do itself.
fn refuse_what_is_not_here(profile: &Profile) -> Result<(), Unusable> {
    const IN_OTHER_WAYS: [(&str, &str); 7] = [
        ("sso_session", THROUGH_CLI),
        ("sso_start_url", THROUGH_CLI),
        ("sso_account_id", THROUGH_CLI),
        ("sso_role_name", THROUGH_CLI),
        ("login_session", THROUGH_CLI),
        ("mfa_serial", "nobody is there to type a code; use a role that wants none"),
        (
            "credential_source",
            "inherited variables mean nothing to the agent; use source = \"instance\" or \"container\" with [role.assume]",
        ),
    ];
    match IN_OTHER_WAYS.iter().find(|(key, _)| profile.get(key).is_some()) {
        Some((key, remedy)) => {
            let what =
                format!("profile {:?} has {key}, which the agent cannot use", profile.name());
            Err(Unusable::new(what, *remedy))
        }
        None => Ok(()),
    }
}

fn assumed(profile: &Profile) -> Result<Assume, Unusable> {
    let within = |error: Unusable| {
        Unusable::new(format!("profile {:?}: {}", profile.name(), error.what), error.remedy)
    };
    let arn = profile.get("role_arn").unwrap_or_default();
    let mut assume = Assume::of(arn.parse().map_err(within)?);
    if let Some(name) = profile.get("role_session_name") {
        check_session_name(name).map_err(within)?;
        assume.session_name = name.to_owned();
    }
    if let Some(id) = profile.get("external_id") {
        check_external_id(id).map_err(within)?;
        assume.external_id = Some(id.to_owned());
    }
    if let Some(text) = profile.get("duration_seconds") {
        let seconds = text.parse().map_err(|_| {
            within(Unusable::new(format!("duration_seconds {text:?} is no number"), "write 3600"))
        })?;
        assume.duration = Duration::from_secs(seconds);
    }
    Ok(assume)
}

fn command(profile: &Profile, line: &str) -> Result<Vec<String>, Unusable> {
    let words = shlex::split(line).filter(|words| !words.is_empty());
    let what = format!("profile {:?} has a credential_process that cannot be used", profile.name());
    let Some(words) = words else {
        return Err(Unusable::new(what, "check its quotes; no shell is started for it"));
    };
    if !words[0].starts_with('/') {
        return Err(Unusable::new(
            what,
            "give the program's whole path, so that no search path decides what runs",
        ));
    }
    Ok(words)
}

fn region(sections: &EnvConfigSections, name: &str) -> Result<Option<RegionName>, Unusable> {
    let text = sections.get_profile(name).and_then(|profile| profile.get("region"));
    text.map(str::parse).transpose()
}

/// The first role of a chain may last long unless its base is a session; those
/// after it may not.
fn check_lengths(chain: &Chain) -> Result<(), Unusable> {
    let mut with = None;
    if let Base::WebIdentity { assume, .. } = &chain.base {
        check_duration(assume.duration, None, false)?;
        with = Some("credentials of a web identity");
    }
    for step in &chain.steps {
        check_duration(step.duration, with, false)?;
        with = Some("credentials of another role");
    }
    Ok(())
}
