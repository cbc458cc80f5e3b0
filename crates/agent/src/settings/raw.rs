//! The file as it is written: names and types of keys, and where each value
//! stands. What the values mean is checked in [`super::check`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) user: Option<Spanned<String>>,
    pub(super) state_dir: Option<PathBuf>,
    #[serde(default)]
    pub(super) role: Vec<Role>,
    pub(super) container: Option<Container>,
    pub(super) imds: Option<Imds>,
    pub(super) process: Option<Process>,
    pub(super) metrics: Option<Metrics>,
    pub(super) audit: Option<Audit>,
    pub(super) report: Option<Report>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    pub(super) name: Spanned<String>,
    pub(super) source: Spanned<String>,
    pub(super) endpoint: Option<Spanned<String>>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) token_file: Option<Spanned<PathBuf>>,
    pub(super) command: Option<Spanned<Vec<String>>>,
    pub(super) environment: Option<Spanned<BTreeMap<String, String>>>,
    pub(super) profile: Option<Spanned<String>>,
    pub(super) config_file: Option<Spanned<PathBuf>>,
    pub(super) credentials_file: Option<Spanned<PathBuf>>,
    pub(super) role_arn: Option<Spanned<String>>,
    pub(super) session_name: Option<Spanned<String>>,
    pub(super) region: Option<Spanned<String>>,
    pub(super) sts_endpoint: Option<Spanned<String>>,
    pub(super) sts_proxy: Option<Spanned<String>>,
    pub(super) assume: Option<Assume>,
}

impl Role {
    /// The keys that some sources have and others do not, and where each begins.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&'static str, usize)> {
        fn at<T>(value: &Option<Spanned<T>>) -> Option<usize> {
            value.as_ref().map(|value| value.span().start)
        }
        [
            ("endpoint", at(&self.endpoint)),
            ("path", at(&self.path)),
            ("token_file", at(&self.token_file)),
            ("command", at(&self.command)),
            ("environment", at(&self.environment)),
            ("profile", at(&self.profile)),
            ("config_file", at(&self.config_file)),
            ("credentials_file", at(&self.credentials_file)),
            ("role_arn", at(&self.role_arn)),
            ("session_name", at(&self.session_name)),
            ("region", at(&self.region)),
            ("sts_endpoint", at(&self.sts_endpoint)),
            ("sts_proxy", at(&self.sts_proxy)),
        ]
        .into_iter()
        .filter_map(|(key, at)| Some((key, at?)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Assume {
    pub(super) role_arn: Spanned<String>,
    pub(super) session_name: Option<Spanned<String>>,
    pub(super) duration: Option<Spanned<String>>,
    pub(super) external_id: Option<Spanned<String>>,
    pub(super) tags: Option<Spanned<BTreeMap<String, String>>>,
    #[serde(default)]
    pub(super) allow_short: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Container {
    pub(super) listen: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) consumer: Vec<Consumer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Consumer {
    pub(super) name: Spanned<String>,
    pub(super) role: Spanned<String>,
    pub(super) token_file: Spanned<PathBuf>,
    pub(super) uid: Option<u32>,
    pub(super) allow: Option<Vec<Spanned<Caller>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Imds {
    pub(super) listen: Option<Spanned<Vec<String>>>,
    pub(super) role: Spanned<String>,
    #[serde(default)]
    pub(super) v1: bool,
    #[serde(default)]
    pub(super) extended: bool,
    pub(super) hop_limit: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) deny: Vec<String>,
    pub(super) allow: Option<Vec<Spanned<Caller>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    pub(super) uid: Option<u32>,
    pub(super) cgroup: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Process {
    pub(super) socket: Option<PathBuf>,
    #[serde(default)]
    pub(super) allow: Vec<Allow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allow {
    pub(super) uid: Option<u32>,
    pub(super) cgroup: Option<Spanned<String>>,
    pub(super) role: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metrics {
    pub(super) listen: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Audit {
    pub(super) file: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    pub(super) server: Spanned<String>,
    pub(super) every: Option<Spanned<String>>,
    pub(super) key_file: Option<Spanned<PathBuf>>,
    pub(super) host: Option<Spanned<String>>,
}
