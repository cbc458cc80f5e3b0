//! What an earlier run found: its JSON is read back, and each finding of this
//! run is known, grown or new. What is not found any more is told too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};
use hotspan_model::Finding;
use serde_json::Value;

/// How a finding of this run stands to the earlier one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum State {
    /// The earlier run did not have it.
    New,
    /// The earlier run had it, and it takes not much more now.
    Known(Shares),
    /// The earlier run had it, and it takes more than so many times as much now.
    Grown(Shares),
}

/// The share of wall time then and now, 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shares {
    pub(super) before: f64,
    pub(super) now: f64,
}

impl Shares {
    /// How many times as large it is now.
    fn growth(self) -> f64 {
        self.now / self.before.max(f64::MIN_POSITIVE)
    }
}

impl State {
    /// The stable name in JSON.
    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Known(_) => "known",
            Self::Grown(_) => "grown",
        }
    }
}

/// An earlier result, by fingerprint.
#[derive(Debug, Default)]
pub(super) struct Baseline(BTreeMap<String, Earlier>);

/// What an earlier run knew of one issue.
#[derive(Debug)]
struct Earlier {
    detector: String,
    service: String,
    endpoint: String,
    /// The largest share of wall time by scope, 0..=1.
    shares: BTreeMap<String, f64>,
}

/// An issue of the earlier run that this one does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gone<'a> {
    /// As the earlier run had it.
    pub(super) fingerprint: &'a str,
    /// As the earlier run had it.
    pub(super) detector: &'a str,
    /// As the earlier run had it.
    pub(super) service: &'a str,
    /// As the earlier run had it.
    pub(super) endpoint: &'a str,
    /// False when no request of the endpoint was looked at, so that nothing
    /// can be said about it.
    pub(super) looked_at: bool,
}

/// The part of a finding that is read back.
struct Entry<'a> {
    fingerprint: &'a str,
    scope: &'a str,
    detector: &'a str,
    service: &'a str,
    endpoint: &'a str,
    share: f64,
}

impl<'a> Entry<'a> {
    fn of(finding: &'a Value) -> Option<Self> {
        let text = |field: &str| finding.get(field).and_then(Value::as_str);
        Some(Self {
            fingerprint: text("fingerprint")?,
            scope: text("scope")?,
            detector: text("detector")?,
            service: text("service")?,
            endpoint: text("endpoint")?,
            share: finding.get("share_of_wall").and_then(Value::as_f64)?,
        })
    }
}

impl Baseline {
    /// Reads the file of an earlier run. Fails when it is none; the message
    /// says how to get one.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        const REMEDY: &str = "write one with `hotspan analyze --write-baseline`";
        let bytes = std::fs::read(path)
            .with_context(|| format!("--baseline {} cannot be read; {REMEDY}", path.display()))?;
        Self::parse(&bytes)
            .with_context(|| format!("--baseline {} is unusable; {REMEDY}", path.display()))
    }

    fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let document: Value = serde_json::from_slice(bytes).context("is not JSON")?;
        if document.get("runs").is_some() {
            bail!("is SARIF, which is for other tools to read");
        }
        let Some(findings) = document.get("findings").and_then(Value::as_array) else {
            bail!("has no list of findings, so it is not a result of `hotspan analyze`");
        };
        let mut known: BTreeMap<String, Earlier> = BTreeMap::new();
        for (at, finding) in findings.iter().enumerate() {
            let entry = Entry::of(finding).with_context(|| {
                format!("finding {at} lacks fields; another version of hotspan wrote it")
            })?;
            let earlier = known.entry(entry.fingerprint.to_owned()).or_insert_with(|| Earlier {
                detector: entry.detector.to_owned(),
                service: entry.service.to_owned(),
                endpoint: entry.endpoint.to_owned(),
                shares: BTreeMap::new(),
            });
            let share = earlier.shares.entry(entry.scope.to_owned()).or_default();
            *share = share.max(entry.share);
        }
        Ok(Self(known))
    }

    /// How the findings of one fingerprint stand to the earlier run: grown when
    /// their largest share in a scope is more than `factor` times what it was.
    pub(super) fn state(&self, findings: &[&Finding], factor: f64) -> State {
        let Some(earlier) = findings.first().and_then(|first| self.0.get(&first.fingerprint))
        else {
            return State::New;
        };
        let largest = earlier.shares.values().copied().fold(0.0, f64::max);
        let shares = findings.iter().map(|finding| Shares {
            before: earlier.shares.get(finding.scope.slug()).copied().unwrap_or(largest),
            now: finding.share_of_wall(),
        });
        let most = shares.max_by(|left, right| left.growth().total_cmp(&right.growth()));
        match most {
            Some(shares) if shares.growth() > factor => State::Grown(shares),
            Some(shares) => State::Known(shares),
            None => State::New,
        }
    }

    /// What the earlier run had and `findings` have not. `endpoints` are the
    /// services and names of the endpoints that this run looked at.
    pub(super) fn gone(
        &self,
        findings: &[Finding],
        endpoints: &BTreeSet<(String, String)>,
    ) -> Vec<Gone<'_>> {
        let found: BTreeSet<&str> =
            findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
        self.0
            .iter()
            .filter(|(fingerprint, _)| !found.contains(fingerprint.as_str()))
            .map(|(fingerprint, earlier)| Gone {
                fingerprint,
                detector: &earlier.detector,
                service: &earlier.service,
                endpoint: &earlier.endpoint,
                looked_at: endpoints.contains(&(earlier.service.clone(), earlier.endpoint.clone())),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_files_say_why() {
        for (text, part) in [
            ("", "is not JSON"),
            ("[]", "no list of findings"),
            ("{\"runs\":[]}", "is SARIF"),
            ("{\"traces\":3}", "no list of findings"),
            ("{\"findings\":7}", "no list of findings"),
            ("{\"findings\":[{\"scope\":\"trace\"}]}", "finding 0 lacks fields"),
        ] {
            let error = Baseline::parse(text.as_bytes()).expect_err(text);
            assert!(format!("{error:#}").contains(part), "{text}: {error:#}");
        }
        assert!(Baseline::parse(b"{\"findings\":[]}").is_ok());
        let missing = Baseline::read(Path::new("/nowhere/baseline.json")).expect_err("missing");
        assert!(format!("{missing:#}").contains("--write-baseline"), "{missing:#}");
    }
}
