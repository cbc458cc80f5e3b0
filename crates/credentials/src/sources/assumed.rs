//! A role that is assumed with the credentials of another source.
//!
//! When the base says that it has no role, this one is missing too: whoever
//! took the instance's role away means all that came through it. What STS
//! refuses only fails, as everywhere.

use crate::assume::Assume;
use crate::clock::UnixSeconds;
use crate::keys::Signer;
use crate::schedule::{Errand, Outcome, Report};
use crate::sources::Source;
use crate::sources::web_identity::report;
use crate::sts::Sts;

/// Assumes one role.
#[derive(Debug)]
pub struct AssumedSource {
    /// What the role is called at our own doors.
    pub role: String,
    /// Whose credentials ask for it. Fetched anew each time and not kept: what
    /// was kept could be over.
    pub base: Box<Source>,
    /// Which role.
    pub assume: Assume,
    /// Whom to ask.
    pub sts: Sts,
}

impl AssumedSource {
    pub(crate) async fn fetch(&self) -> Report {
        let (signer, heard) = match signer(&self.base).await {
            Ok(found) => found,
            Err(report) => return report,
        };
        let mut answer = self.sts.assume_role(&signer.into_keys(), &self.assume).await;
        answer.date = answer.date.or(heard);
        report(&self.role, answer)
    }
}

type Found = (Signer, Option<UnixSeconds>);

/// Keys without an end sign as well, and no report can hold them.
async fn signer(base: &Source) -> Result<Found, Report> {
    match base {
        Source::Keys(source) => match source.keys() {
            Ok(keys) => Ok((Signer::Lasting(keys), None)),
            Err(unusable) => Err(failed(unusable.to_string(), None)),
        },
        Source::Profile(profile) => {
            let led = profile.signer().await;
            let signer = led.outcome.map_err(|why| failed(why, led.date))?;
            Ok((signer, led.date))
        }
        other => signer_of(Box::pin(other.fetch(&Errand::Credentials)).await),
    }
}

fn signer_of(report: Report) -> Result<Found, Report> {
    let date = report.date;
    match report.outcome {
        Outcome::Found(held) => Ok((Signer::Session(held.credentials.clone()), date)),
        // Told without the base's name for the role, which is not ours.
        Outcome::Missing { how, .. } => {
            let how = format!("the base of the role: {how}");
            Err(Report { outcome: Outcome::Missing { of: None, how }, date })
        }
        Outcome::Failed(why) => Err(failed(why, date)),
        // Cannot be: credentials were asked for.
        Outcome::SameRole => Err(failed("no credentials".to_owned(), date)),
    }
}

fn failed(why: String, date: Option<UnixSeconds>) -> Report {
    Report { outcome: Outcome::Failed(format!("the base of the role: {why}")), date }
}
