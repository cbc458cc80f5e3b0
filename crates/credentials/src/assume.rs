//! A role to be assumed: what STS is told, held to its rules before it is
//! asked, so that a slip shows when the configuration is read and not at night.
//! Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::sources::instance::is_role;
use crate::unusable::Unusable;

/// What a session is called when nobody says.
pub const SESSION_NAME: &str = "hotspan-agent";
/// How long a session lasts when nobody says: what STS itself takes.
pub const DURATION: Duration = Duration::from_secs(3_600);
/// STS makes none that is shorter.
const DURATION_MIN: Duration = Duration::from_secs(15 * 60);
/// STS makes none that is longer, whatever the role allows.
const DURATION_MAX: Duration = Duration::from_secs(12 * 3_600);
/// A session that was had with another session lasts no longer than this.
const CHAINED_MAX: Duration = Duration::from_secs(3_600);
/// With less, SDKs that fetch anew 25 minutes ahead do so most of the time.
const SHORT: Duration = Duration::from_secs(3_600);

const ARN_CHARS_MAX: usize = 2_048;
const TAGS_MAX: usize = 50;
const TAG_KEY_CHARS_MAX: usize = 128;
const TAG_VALUE_CHARS_MAX: usize = 256;

/// A role to be assumed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assume {
    /// Which role.
    pub role_arn: RoleArn,
    /// What the session is called in audit logs of AWS.
    pub session_name: String,
    /// How long it is to last.
    pub duration: Duration,
    /// What a role of another account may want to hear.
    pub external_id: Option<String>,
    /// Tags of the session.
    pub tags: BTreeMap<String, String>,
}

impl Assume {
    /// A role with all else as it is when nobody says.
    pub fn of(role_arn: RoleArn) -> Self {
        Self {
            role_arn,
            session_name: SESSION_NAME.to_owned(),
            duration: DURATION,
            external_id: None,
            tags: BTreeMap::new(),
        }
    }
}

/// The name of a role in all of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleArn(String);

impl RoleArn {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The twelve digits of the account that the role is in.
    pub fn account(&self) -> &str {
        account_of(&self.0).unwrap_or_default()
    }
}

/// The account that an ARN names.
pub(crate) fn account_of(arn: &str) -> Option<&str> {
    let account = arn.split(':').nth(4)?;
    (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())).then_some(account)
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RoleArn {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        if is_role_arn(text) {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(128).collect();
        Err(Unusable::new(
            format!("{shown:?} is not the ARN of a role"),
            "write arn:aws:iam::123456789012:role/NAME; IAM shows it beside the role",
        ))
    }
}

fn is_role_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &["arn", partition, "iam", "", _, resource] = parts.as_slice() else { return false };
    let is_partition = partition == "aws" || partition.starts_with("aws-");
    let Some(path) = resource.strip_prefix("role/") else { return false };
    let name = path.rsplit('/').next().unwrap_or_default();
    text.len() <= ARN_CHARS_MAX
        && is_partition
        && account_of(text).is_some()
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
        && is_role(name)
}

/// Whether STS takes a session of this length; `chained` says with whose
/// credentials it is asked for, if those are themselves of a session.
pub fn check_duration(
    duration: Duration,
    chained: Option<&str>,
    allow_short: bool,
) -> Result<(), Unusable> {
    let minutes = duration.as_secs() / 60;
    if !(DURATION_MIN..=DURATION_MAX).contains(&duration) {
        let what = format!("a session of {minutes} minutes is not to be had");
        return Err(Unusable::new(what, "use 15m to 12h; the role itself may allow less"));
    }
    if let Some(base) = chained.filter(|_| duration > CHAINED_MAX) {
        let what = format!(
            "a session of {minutes} minutes cannot be had with {base}, which are a session themselves"
        );
        return Err(Unusable::new(what, "use 1h, the most that AWS gives to a chain of roles"));
    }
    if duration < SHORT && !allow_short {
        let what = format!(
            "a session of {minutes} minutes is short: many SDKs fetch anew when 25 minutes are left, some at every request"
        );
        return Err(Unusable::new(what, "use 1h, or say allow_short = true in [role.assume]"));
    }
    Ok(())
}

/// Whether a session can have this name.
pub fn check_session_name(name: &str) -> Result<(), Unusable> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (2..=64).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let what = format!("session_name {name:?} cannot be used");
    Err(Unusable::new(what, "use 2 to 64 letters, digits or any of _+=,.@-"))
}

/// Whether this can be an external id.
pub fn check_external_id(id: &str) -> Result<(), Unusable> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if (2..=1_224).contains(&id.len()) && id.chars().all(fits) {
        return Ok(());
    }
    let what = "external_id cannot be used".to_owned();
    Err(Unusable::new(what, "use 2 to 1224 letters, digits or any of _+=,.@:/-"))
}

/// Whether a session can have these tags.
pub fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Unusable> {
    if tags.len() > TAGS_MAX {
        let what = format!("{} tags are too many", tags.len());
        return Err(Unusable::new(what, format!("use {TAGS_MAX} at most")));
    }
    let fits = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    for (key, value) in tags {
        let (key_chars, value_chars) = (key.chars().count(), value.chars().count());
        let is_usable = (1..=TAG_KEY_CHARS_MAX).contains(&key_chars)
            && value_chars <= TAG_VALUE_CHARS_MAX
            && key.chars().chain(value.chars()).all(fits)
            && !key.to_ascii_lowercase().starts_with("aws:");
        if !is_usable {
            let what = format!("the tag {key:?} cannot be used");
            return Err(Unusable::new(
                what,
                "use letters, digits, spaces or any of _.:/=+-@, 128 in the key, 256 in the value, and no aws: before the key",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_roles() {
        for (text, account) in [
            ("arn:aws:iam::123456789012:role/app", Some("123456789012")),
            ("arn:aws-us-gov:iam::123456789012:role/path/to/app", Some("123456789012")),
            ("arn:aws-cn:iam::123456789012:role/a+=,.@_-b", Some("123456789012")),
            ("arn:aws:iam::12345678901:role/app", None),
            ("arn:aws:iam::123456789012:user/app", None),
            ("arn:aws:iam::123456789012:role/", None),
            ("arn:aws:iam::123456789012:role/a/", None),
            ("arn:aws:iam::123456789012:role/a b", None),
            ("arn:aws:iam::123456789012:role/a:b", None),
            ("arn:aws:iam:eu-central-1:123456789012:role/app", None),
            ("arn:aws:sts::123456789012:assumed-role/app/s", None),
            ("arn:evil:iam::123456789012:role/app", None),
            ("app", None),
            ("", None),
        ] {
            let arn = text.parse::<RoleArn>();
            assert_eq!(arn.as_ref().ok().map(RoleArn::account), account, "{text}");
            if let Err(error) = arn {
                assert!(error.remedy.contains("arn:aws:iam::"), "{error}");
            }
        }
    }

    #[test]
    fn lengths_of_sessions() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let base = Some("the instance's credentials");
        for (duration, chained, allow_short, refused) in [
            (minutes(60), None, false, None),
            (minutes(60), base, false, None),
            (minutes(720), None, false, None),
            (minutes(61), base, false, Some("a chain of roles")),
            (minutes(721), None, false, Some("15m to 12h")),
            (minutes(14), None, true, Some("15m to 12h")),
            (minutes(15), None, true, None),
            (minutes(15), base, true, None),
            (minutes(59), None, false, Some("allow_short = true")),
        ] {
            let error = check_duration(duration, chained, allow_short).err();
            let remedy = error.as_ref().map(|error| error.remedy.as_str()).unwrap_or_default();
            assert_eq!(error.is_some(), refused.is_some(), "{duration:?}: {error:?}");
            assert!(remedy.contains(refused.unwrap_or_default()), "{duration:?}: {remedy}");
        }
    }

    #[test]
    fn names_ids_and_tags() {
        let long = "x".repeat(65);
        for (name, fits) in
            [("ab", true), ("web@host-1", true), ("a", false), ("a b", false), (&long, false)]
        {
            assert_eq!(check_session_name(name).is_ok(), fits, "{name}");
        }
        for (id, fits) in [("a:b/c", true), ("x", false), ("with space", false)] {
            assert_eq!(check_external_id(id).is_ok(), fits, "{id}");
        }
        for (key, value, fits) in [
            ("team", "payments", true),
            ("Größe", "", true),
            ("", "x", false),
            ("aws:team", "x", false),
            ("team", "a\nb", false),
            ("team", &"x".repeat(257), false),
        ] {
            let tags = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            assert_eq!(check_tags(&tags).is_ok(), fits, "{key} {value}");
        }
        let many = (0..51).map(|at| (format!("k{at}"), String::new())).collect();
        assert!(check_tags(&many).is_err());
    }
}
