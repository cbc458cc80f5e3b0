//! AWS's Security Token Service: one request, one answer, nothing kept. The
//! SDK's operations are used and its credential providers are not; why is in
//! [`crate::sources`].
//!
//! Read in `aws-sdk-sts` 1.124 and what it stands on:
//! - Made from its own builder, the client reads no environment variable that
//!   says where to ask or with what. Only the list of trusted certificates
//!   follows `SSL_CERT_FILE`, as everywhere on the machine.
//! - An answer without `Expiration` becomes one that ended in 1970
//!   (`serde_util.rs`), so that moment is taken for what it is: no end.
//! - The account is in the answer's ARN and not in its credentials.
//! - At trace level it writes out requests and answers, some eighty lines for
//!   each. In these versions bodies and the session token are left out of them;
//!   nothing promises that of the next, and an error is written with the
//!   message that came. So all of the SDK runs with no one to log to.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{
    BehaviorVersion, Config, IdentityCache, Region, StalledStreamProtectionConfig,
};
use aws_sdk_sts::types::{AssumedRoleUser, Credentials as Issued, Tag};
use aws_smithy_async::rt::sleep::TokioSleep;
use secrecy::{ExposeSecret, SecretString};
use tracing::instrument::WithSubscriber;

use crate::assume::{Assume, account_of};
use crate::clock::UnixSeconds;
use crate::credentials::{Credentials, Parts};
use crate::keys::Keys;

mod dated;
mod place;
mod way;
mod why;

use dated::{Dated, SkewedTime};
pub use place::{Endpoint, Place, Proxy, Region as RegionName};
use why::why;

/// From the request to the last byte. Nobody waits for it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

/// An STS. The client is made for a request and dropped after it: requests are
/// half an hour apart, and a client with its certificates is a megabyte.
#[derive(Debug, Clone, Default)]
pub struct Sts {
    place: Place,
    /// Learnt from answers, so that requests are signed for the right moment
    /// although the wall clock is wrong.
    time: Arc<SkewedTime>,
}

/// Credentials or why there are none, and when STS says that it was.
pub(crate) struct Answer {
    pub(crate) outcome: Result<Credentials, String>,
    pub(crate) date: Option<UnixSeconds>,
}

impl Sts {
    /// The STS at `place`.
    pub fn new(place: Place) -> Self {
        Self { place, time: Arc::default() }
    }

    /// The same, in `region` if none was named.
    pub(crate) fn or_in(&self, region: Option<&RegionName>) -> Self {
        let mut same = self.clone();
        same.place.region = same.place.region.or_else(|| region.cloned());
        same
    }

    /// `AssumeRole`, signed with `keys`.
    pub(crate) async fn assume_role(&self, keys: &Keys, wanted: &Assume) -> Answer {
        let dated = Dated::default();
        let asked = async {
            let client = self.client(Some(keys))?;
            let answer = client
                .assume_role()
                .role_arn(wanted.role_arn.as_str())
                .role_session_name(&wanted.session_name)
                .duration_seconds(seconds(wanted.duration))
                .set_external_id(wanted.external_id.clone())
                .set_tags(tags(wanted)?)
                .customize()
                .interceptor(dated.clone())
                .send()
                .await
                .map_err(|error| why(&error))?;
            credentials_of(answer.credentials, answer.assumed_role_user, wanted)
        };
        self.within_time(asked, &dated).await
    }

    /// `AssumeRoleWithWebIdentity`, which `token` vouches for and nothing signs.
    pub(crate) async fn assume_role_with(&self, token: &SecretString, wanted: &Assume) -> Answer {
        let dated = Dated::default();
        let asked = async {
            let client = self.client(None)?;
            let answer = client
                .assume_role_with_web_identity()
                .role_arn(wanted.role_arn.as_str())
                .role_session_name(&wanted.session_name)
                .duration_seconds(seconds(wanted.duration))
                .web_identity_token(token.expose_secret())
                .customize()
                .interceptor(dated.clone())
                .send()
                .await
                .map_err(|error| why(&error))?;
            credentials_of(answer.credentials, answer.assumed_role_user, wanted)
        };
        self.within_time(asked, &dated).await
    }

    async fn within_time(
        &self,
        asked: impl Future<Output = Result<Credentials, String>>,
        dated: &Dated,
    ) -> Answer {
        let silent = asked.with_subscriber(tracing::Dispatch::none());
        let outcome = match tokio::time::timeout(ANSWER_TIME_MAX, silent).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("STS did not answer within {} s", ANSWER_TIME_MAX.as_secs())),
        };
        let date = dated.date();
        if let Some(date) = date {
            self.time.hear(date);
        }
        Answer { outcome, date }
    }

    /// Asks once: whether and when again is the schedule's affair.
    fn client(&self, keys: Option<&Keys>) -> Result<Client, String> {
        let Some(region) = &self.place.region else {
            return Err("no region says which STS to ask; add region".to_owned());
        };
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.as_str().to_owned()))
            .http_client(way::client(&self.place)?)
            .sleep_impl(TokioSleep::new())
            .time_source(SkewedTime::shared(&self.time))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .identity_cache(IdentityCache::no_cache())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(self.place.endpoint.as_ref().map(|at| at.as_str().to_owned()));
        if let Some(keys) = keys {
            config = config.credentials_provider(keys.to_sdk());
        }
        Ok(Client::from_conf(config.build()))
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn tags(wanted: &Assume) -> Result<Option<Vec<Tag>>, String> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Result<Vec<_>, _> = wanted.tags.iter().map(tag).collect();
    let tags = tags.map_err(|_| "a tag cannot be written".to_owned())?;
    Ok((!tags.is_empty()).then_some(tags))
}

/// Moves what was issued into types that wipe themselves. The end is taken as
/// it is, a fraction of a second dropped.
fn credentials_of(
    issued: Option<Issued>,
    user: Option<AssumedRoleUser>,
    wanted: &Assume,
) -> Result<Credentials, String> {
    let Some(issued) = issued else {
        return Err("STS answered without credentials".to_owned());
    };
    if issued.expiration.secs() == 0 {
        return Err("STS answered without Expiration".to_owned());
    }
    let told = user.as_ref().and_then(|user| account_of(&user.arn));
    Credentials::new(Parts {
        access_key_id: issued.access_key_id,
        secret_access_key: issued.secret_access_key.into(),
        session_token: issued.session_token.into(),
        issued: None,
        expiration: UnixSeconds(issued.expiration.secs()),
        account_id: Some(told.unwrap_or(wanted.role_arn.account()).to_owned()),
    })
    .map_err(|missing| format!("STS answered without {missing}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sts::primitives::DateTime;

    fn issued(key: &str, end: DateTime) -> Option<Issued> {
        let issued = Issued::builder().access_key_id(key).secret_access_key("secret-key");
        issued.session_token("session-token").expiration(end).build().ok()
    }

    fn user(arn: &str) -> Option<AssumedRoleUser> {
        AssumedRoleUser::builder().assumed_role_id("AROA:s").arn(arn).build().ok()
    }

    #[test]
    fn what_sts_issues() {
        let wanted = Assume::of("arn:aws:iam::123456789012:role/app".parse().expect("an ARN"));
        let end = DateTime::from_fractional_secs(1_795_413_600, 0.9);
        let other = "arn:aws:sts::210987654321:assumed-role/app/s";
        for (case, issued, user, expected) in [
            ("whole", issued("ASIA1", end), user(other), Ok("210987654321")),
            ("no ARN", issued("ASIA1", end), None, Ok("123456789012")),
            ("nonsense", issued("ASIA1", end), user("x"), Ok("123456789012")),
            ("nothing", None, user(other), Err("STS answered without credentials")),
            ("no key", issued("", end), user(other), Err("STS answered without access key id")),
            (
                "no end",
                issued("ASIA1", DateTime::from_secs(0)),
                user(other),
                Err("STS answered without Expiration"),
            ),
        ] {
            let found = credentials_of(issued, user, &wanted);
            let told = found.as_ref().map(|found| found.account_id().unwrap_or_default());
            assert_eq!(told.map_err(String::as_str), expected, "{case}");
            if let Ok(found) = found {
                assert_eq!(found.expiration(), UnixSeconds(1_795_413_600), "{case}");
            }
        }
    }
}
