//! Which calls to the outside fetch credentials, tokens or secrets.

use std::collections::HashMap;

use serde::Deserialize;

use crate::pattern::{HostPattern, PathPattern, segments};

/// One service that hands out credentials, tokens or secrets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// Stable name, part of fingerprints.
    pub id: String,
    /// Class slug: `credential_lookup`, `token_fetch` or `secret_fetch`.
    pub class: String,
    /// What its calls are, for headings: `AWS credential lookups`.
    pub subject: String,
    /// Who answers, for sentences: `instance metadata service (IMDS)`.
    pub endpoint: String,
    /// The steps of one whole lookup, in order; only for credential lookups.
    #[serde(default)]
    pub steps: Vec<String>,
    /// The cause of lookups that repeat in a request, where only their number
    /// tells it.
    pub per_use: Option<String>,
    /// The cause of lookups in every request, where it is not the usual one.
    pub per_request: Option<String>,
    /// A lookup may be about whoever calls, so that one for each request is
    /// meant where people log in.
    #[serde(default)]
    pub of_callers: bool,
    /// Rules for HTTP requests.
    #[serde(default)]
    pub http: Vec<HttpRule>,
    /// Rules for SDK operations.
    #[serde(default)]
    pub rpc: Vec<RpcRule>,
}

/// An HTTP request that belongs to a family.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRule {
    /// Method, upper case.
    pub method: String,
    /// Any of these hosts.
    pub hosts: Vec<HostPattern>,
    /// This path.
    pub path: PathPattern,
    /// The step of a lookup. Of tokens and secrets: none for a fetch of one
    /// thing, `list`, `batch` or `other`.
    pub step: Option<String>,
}

/// An SDK operation that belongs to a family.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RpcRule {
    /// Service, e.g. `STS`.
    pub service: String,
    /// Operation, e.g. `AssumeRole`.
    pub method: String,
    /// As in [`HttpRule::step`].
    pub step: Option<String>,
}

/// What a call was recognised as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match<'a> {
    /// The family's id.
    pub family: &'a str,
    /// The family's class slug.
    pub class: &'a str,
    /// The step slug, if there is one.
    pub step: Option<&'a str>,
    /// The operation with every value replaced by its name.
    pub template: String,
}

/// The file as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FamiliesFile {
    #[serde(rename = "family")]
    families: Vec<Family>,
}

/// A rule by its family's place and its own.
type Place = (usize, usize);

/// Every family, in the order in which their rules are tried.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "FamiliesFile")]
pub struct Families {
    families: Vec<Family>,
    /// Rules for HTTP by the last segment of their path, empty for `/`: every
    /// request of every application is looked up, and hardly any is one.
    by_end: HashMap<String, Vec<Place>>,
    /// Rules whose path may end in anything.
    of_any_end: Vec<Place>,
}

impl From<FamiliesFile> for Families {
    fn from(file: FamiliesFile) -> Self {
        let mut by_end: HashMap<String, Vec<Place>> = HashMap::new();
        let mut of_any_end = Vec::new();
        for (family, known) in file.families.iter().enumerate() {
            for (rule, http) in known.http.iter().enumerate() {
                let places = match http.path.end() {
                    Some(end) => by_end.entry(end.to_owned()).or_default(),
                    None => &mut of_any_end,
                };
                places.push((family, rule));
            }
        }
        Self { families: file.families, by_end, of_any_end }
    }
}

impl Families {
    /// The families.
    pub fn all(&self) -> &[Family] {
        &self.families
    }

    /// The family called `id`.
    pub fn get(&self, id: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.id == id)
    }

    /// What an HTTP request is, when it is one of these. `host` has neither
    /// port nor brackets, `path` no query.
    pub fn http(&self, method: &str, host: &str, path: &str) -> Option<Match<'_>> {
        let path = segments(path);
        let fits = |place: &&Place| {
            let rule = &self.families[place.0].http[place.1];
            rule.path.matches(&path)
                && rule.method.eq_ignore_ascii_case(method)
                && rule.hosts.iter().any(|pattern| pattern.matches(host))
        };
        let ends_so = self.by_end.get(path.last().copied().unwrap_or_default());
        let ends_so = ends_so.and_then(|places| places.iter().find(fits));
        // The first rule in the file wins.
        let place = ends_so.into_iter().chain(self.of_any_end.iter().find(fits)).min()?;
        let family = &self.families[place.0];
        let rule = &family.http[place.1];
        Some(Match {
            family: &family.id,
            class: &family.class,
            step: rule.step.as_deref(),
            template: format!("{} {}", rule.method, rule.path.as_str()),
        })
    }

    /// What an SDK operation is, when it is one of these.
    pub fn rpc(&self, service: &str, method: &str) -> Option<Match<'_>> {
        self.families.iter().find_map(|family| {
            let rule = family.rpc.iter().find(|rule| {
                rule.service.eq_ignore_ascii_case(service)
                    && rule.method.eq_ignore_ascii_case(method)
            })?;
            Some(Match {
                family: &family.id,
                class: &family.class,
                step: rule.step.as_deref(),
                template: format!("{}.{}", rule.service, rule.method),
            })
        })
    }
}
