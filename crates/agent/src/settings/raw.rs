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
