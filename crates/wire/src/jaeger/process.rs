//! Jaeger's processes: what made a span. They become resources, in the words
//! of OpenTelemetry.

use std::collections::HashMap;
use std::sync::Arc;

use hotspan_model::{Attributes, Resource, Scope};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::span::Tag;
use crate::decoded::{Decoded, Reason};
use crate::json::Capped;
use crate::otlp::Origin;
use crate::value::{Collected, text};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ProcessMessage<'a> {
    service_name: Option<String>,
    #[serde(borrow)]
    tags: Option<Capped<Tag<'a>>>,
}

/// The processes of one trace.
pub(super) struct Processes {
    by_id: HashMap<String, Origin>,
    /// The process that stood in the last span, by its text.
    inline: Option<(String, Origin)>,
    unknown: Origin,
    scopes: HashMap<(String, String), Arc<Scope>>,
}

impl Processes {
    /// Reads the processes of a trace: an object of them by their ids.
    pub(super) fn read(
        list: Option<&RawValue>,
        decoded: &mut Decoded,
    ) -> Result<Self, serde_json::Error> {
        let sent: HashMap<String, ProcessMessage<'_>> =
            list.map(|list| serde_json::from_str(list.get())).transpose()?.unwrap_or_default();
        let by_id = sent.into_iter().map(|(id, process)| (id, origin(process, decoded))).collect();
        Ok(Self {
            by_id,
            inline: None,
            unknown: Origin::of_resource(Resource::default()),
            scopes: HashMap::new(),
        })
    }

    /// How many processes and tags there are together.
    pub(super) fn parts(&self) -> usize {
        self.by_id.values().map(|origin| 1 + origin.resource.attributes.len()).sum()
    }

    /// What made a span: the process it names, or the one it carries itself, as
    /// spans from Jaeger's index do. Also how many tags had to be read for it.
    pub(super) fn origin(
        &mut self,
        id: Option<&str>,
        inline: Option<&RawValue>,
        scope: (String, String),
        decoded: &mut Decoded,
    ) -> (Origin, usize) {
        let (origin, parts) = match (inline, id) {
            (Some(inline), _) => self.inline(inline, decoded),
            (None, Some(id)) => (self.by_id.get(id).unwrap_or(&self.unknown).clone(), 0),
            (None, None) => (self.unknown.clone(), 0),
        };
        let scope = match self.scopes.get(&scope) {
            Some(known) => Arc::clone(known),
            None => {
                let (name, version) = scope.clone();
                let made = Arc::new(Scope { name, version, attributes: Attributes::new() });
                self.scopes.insert(scope, Arc::clone(&made));
                made
            }
        };
        (Origin { scope, ..origin }, parts)
    }

    fn inline(&mut self, process: &RawValue, decoded: &mut Decoded) -> (Origin, usize) {
        if let Some((text, origin)) = &self.inline
            && text == process.get()
        {
            return (origin.clone(), 0);
        }
        let origin = match serde_json::from_str(process.get()) {
            Ok(process) => origin(process, decoded),
            Err(_) => self.unknown.clone(),
        };
        self.inline = Some((process.get().to_owned(), origin.clone()));
        let parts = 1 + origin.resource.attributes.len();
        (origin, parts)
    }
}

fn origin(process: ProcessMessage<'_>, decoded: &mut Decoded) -> Origin {
    let mut collected = Collected::default();
    if let Some(name) = process.service_name.as_deref().filter(|name| !name.is_empty()) {
        collected.push("service.name", text(name));
    }
    let tags = process.tags.unwrap_or_default();
    for tag in &tags.items {
        if let Some((key, value)) = tag.pair() {
            collected.push(key, value.as_ref().map_err(|reason| *reason));
        }
    }
    collected.left_out.note(Reason::TooManyParts, u64::from(tags.beyond));
    add_newer_words(&mut collected);
    collected.left_out.report(decoded);
    Origin::of_resource(Resource { attributes: collected.attributes })
}

/// Jaeger's own clients call the host `hostname` and themselves `Go-2.30.0`.
fn add_newer_words(collected: &mut Collected) {
    let sent = &collected.attributes;
    let mut added: Vec<(&str, String)> = Vec::new();
    if let Some(host) = sent.first_str(&["hostname"])
        && sent.get("host.name").is_none()
    {
        added.push(("host.name", host.to_owned()));
    }
    if let Some(client) = sent.first_str(&["jaeger.version"])
        && sent.get("telemetry.sdk.name").is_none()
        && let Some((language, version)) = client.rsplit_once('-')
    {
        let language = match language.to_ascii_lowercase() {
            name if name == "csharp" => "dotnet".to_owned(),
            name if name == "node" => "nodejs".to_owned(),
            name => name,
        };
        added.push(("telemetry.sdk.name", "jaeger".to_owned()));
        added.push(("telemetry.sdk.version", version.to_owned()));
        if sent.get("telemetry.sdk.language").is_none() {
            added.push(("telemetry.sdk.language", language));
        }
    }
    for (key, value) in &added {
        collected.push(key, text(value));
    }
}
