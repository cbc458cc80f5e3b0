//! A profile of AWS's own files: keys and the roles that are assumed with them,
//! a web identity, a program, and chains of these.
//!
//! `aws-config` 1.13 has providers for all of it, and they were read for what
//! they keep and change:
//! - `ProfileFileCredentialsProvider` reads the files once and keeps what it
//!   read for ever; hands keys on that have no end; takes `credential_source`
//!   from the inherited environment, which cannot be kept from it (`with_env`
//!   is not public), and `endpoint_url` from a profile or a variable; gives
//!   `duration_seconds` to nobody, so that every session lasts an hour.
//! - `CredentialProcessProvider` runs a shell with all of the environment, has
//!   no end of waiting, puts what the program says on standard error into its
//!   message, and writes its command line to the log.
//! - `WebIdentityTokenCredentialsProvider` keeps nothing and changes nothing,
//!   but its client is made of the same environment.
//! - `AssumeRoleProvider` keeps nothing and takes end and account as they are,
//!   but tells neither the code of a refusal nor the `Date`.
//! - `ImdsCredentialsProvider`, which a profile can lead to, invents ends.
//!
//! None prolongs what STS issues. So the reader of the files and STS's
//! operations are the SDK's, and what lies between is here.

use std::path::Path;

use crate::clock::UnixSeconds;
use crate::keys::Signer;
use crate::schedule::{Outcome, Report};
use crate::sources::process::ProcessSource;
use crate::sources::web_identity::{self, report};
use crate::sts::{Answer, Sts};
use crate::trust::{REMEDY, distrust};
use crate::unusable::Unusable;

mod chain;
pub(crate) mod file;
#[cfg(test)]
mod tests;

use chain::Base;
pub use chain::Chain;
pub use file::Files;

/// One profile.
#[derive(Debug)]
pub struct ProfileSource {
    /// What the role is called at our own doors.
    pub role: String,
    /// Where it stands.
    pub files: Files,
    /// What it is called there.
    pub profile: String,
    /// The whole environment of a program that it names.
    pub environment: Vec<(String, String)>,
    /// Whom to ask.
    pub sts: Sts,
}

/// What a profile led to.
pub(crate) struct Led {
    pub(crate) outcome: Result<Signer, String>,
    pub(crate) date: Option<UnixSeconds>,
}

impl Led {
    fn not(why: String) -> Self {
        Self { outcome: Err(why), date: None }
    }
}

impl ProfileSource {
    /// What has to be done for the profile, as the files say it now.
    pub fn chain(&self) -> Result<Chain, Unusable> {
        let sections = self.files.read()?;
        let chain = chain::resolve(&sections, &self.profile)?;
        if let Base::Process(words) = &chain.base {
            let program = Path::new(&words[0]);
            if let Some(weakness) = distrust(program) {
                let what = format!("{} {weakness}", program.display());
                return Err(Unusable::new(what, REMEDY));
            }
        }
        Ok(chain)
    }

    pub(crate) async fn fetch(&self) -> Report {
        let led = self.signer().await;
        let outcome = match led.outcome {
            Ok(Signer::Session(credentials)) => Ok(credentials),
            Ok(Signer::Lasting(_)) => {
                Err("the profile has keys without an end; add [role.assume]".to_owned())
            }
            Err(why) => Err(why),
        };
        report(&self.role, Answer { outcome, date: led.date })
    }

    /// Goes the whole way from the base up.
    pub(crate) async fn signer(&self) -> Led {
        let chain = match self.chain() {
            Ok(chain) => chain,
            Err(unusable) => return Led::not(unusable.to_string()),
        };
        let sts = self.sts.or_in(chain.region.as_ref());
        let mut led = self.base(chain.base, &sts).await;
        for step in &chain.steps {
            let Ok(signer) = led.outcome else { return led };
            let answer = sts.assume_role(&signer.into_keys(), step).await;
            let outcome = answer.outcome.map(Signer::Session);
            led = Led {
                outcome: outcome.map_err(|why| format!("{}: {why}", step.role_arn)),
                date: answer.date.or(led.date),
            };
        }
        led
    }

    async fn base(&self, base: Base, sts: &Sts) -> Led {
        match base {
            Base::Keys(keys) => Led { outcome: Ok(Signer::Lasting(keys)), date: None },
            Base::WebIdentity { token_file, assume } => {
                let answer = web_identity::ask(sts, &token_file, &assume).await;
                Led { outcome: answer.outcome.map(Signer::Session), date: answer.date }
            }
            Base::Process(mut words) => {
                let arguments = words.split_off(1);
                let source = ProcessSource {
                    role: self.role.clone(),
                    program: words.remove(0).into(),
                    arguments,
                    environment: self.environment.clone(),
                };
                match source.fetch().await.outcome {
                    Outcome::Found(held) => {
                        let session = Signer::Session(held.credentials.clone());
                        Led { outcome: Ok(session), date: None }
                    }
                    Outcome::Failed(why) | Outcome::Missing { how: why, .. } => Led::not(why),
                    // Cannot be: a program is asked for credentials only.
                    Outcome::SameRole => Led::not("no credentials".to_owned()),
                }
            }
        }
    }
}
