//! What the corpus says about its own segments: `labels.toml` of each app.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use hotspan_model::TraceId;
use hotspan_testkit::corpus::recording;
use hotspan_testkit::fixtures::RecordedRequest;
use serde::Deserialize;

/// The recording of requests in which nothing may be found.
pub(super) const CLEAN: &str = "clean";

/// An app of the corpus.
pub(super) struct App {
    /// Its folder's name.
    pub(super) name: String,
    folder: PathBuf,
    /// Its labelled segments.
    pub(super) segments: Vec<Labelled>,
}

/// A segment and what is to be found in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Labelled {
    /// The recording it is in: the name of the detector that it is about.
    pub(super) file: String,
    /// Method and path of the request.
    pub(super) request: String,
    /// The id of its trace, in hexadecimal.
    trace: String,
    /// Detectors that must report it; none means that nobody may.
    pub(super) expect: Vec<String>,
    /// Detectors that may report it instead.
    #[serde(default)]
    pub(super) accept: Vec<String>,
    /// Detectors that may report something else in it, and need not.
    #[serde(default)]
    pub(super) also: Vec<String>,
    /// Why a developer would call it that.
    pub(super) why: String,
}

#[derive(Deserialize)]
struct Labels {
    segment: Vec<Labelled>,
}

impl Labelled {
    /// Every detector that may report something in it.
    pub(super) fn all_named(&self) -> impl Iterator<Item = &String> {
        self.expect.iter().chain(&self.accept).chain(&self.also)
    }

    /// The id of its trace.
    pub(super) fn trace_id(&self) -> anyhow::Result<TraceId> {
        let id = u128::from_str_radix(&self.trace, 16)
            .with_context(|| format!("{}: `trace` is not hexadecimal", self.request))?;
        Ok(TraceId(id.to_be_bytes()))
    }
}

impl App {
    /// Its labelled recordings, by name.
    pub(super) fn files(&self) -> BTreeSet<&String> {
        self.segments.iter().map(|segment| &segment.file).collect()
    }

    /// The requests of one of its recordings.
    pub(super) fn recording(&self, file: &str) -> Vec<RecordedRequest> {
        recording(&self.folder.join(format!("{file}.gz")))
    }
}

/// The apps of a part, by name.
pub(super) fn apps(part: &Path) -> anyhow::Result<Vec<App>> {
    let mut apps = Vec::new();
    for entry in std::fs::read_dir(part).with_context(|| format!("{}", part.display()))? {
        let folder = entry?.path();
        let path = folder.join("labels.toml");
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        let labels: Labels =
            toml::from_str(&text).with_context(|| format!("{}", path.display()))?;
        apps.push(App { name, folder, segments: labels.segment });
    }
    apps.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(apps)
}

/// Labels that name a detector which does not exist, each once. Their segments
/// cannot be scored, and a slip of the pen would never be missed.
pub(super) fn unknown_detectors(apps: &[App]) -> BTreeSet<String> {
    let known: BTreeSet<&str> = hotspan_analysis::known_detectors().map(|(slug, _)| slug).collect();
    let segments = apps.iter().flat_map(|app| &app.segments);
    let named = segments.flat_map(|segment| segment.all_named());
    named.filter(|slug| !known.contains(slug.as_str())).cloned().collect()
}
