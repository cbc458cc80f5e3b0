//! What made a Zipkin span: its local endpoint, and the tags that
//! OpenTelemetry's exporters put on every span because Zipkin has no place for
//! a resource.

use std::collections::HashMap;
use std::sync::Arc;

use hotspan_model::{Attributes, Resource, Scope};

use crate::otlp::Origin;
use crate::value::{Collected, text};

/// Beginnings of tags that speak of the process, not of the span.
const PREFIXES: [&str; 12] = [
    "cloud.",
    "container.",
    "deployment.",
    "faas.",
    "host.",
    "k8s.",
    "os.",
    "process.",
    "service.instance.",
    "service.namespace",
    "service.version",
    "telemetry.",
];

/// True for a tag that belongs to the resource.
pub(super) fn is_of_resource(key: &str) -> bool {
    PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// The resources and scopes of the spans so far. Neighbours nearly always have
/// the same, so the last one is kept to be shared.
#[derive(Default)]
pub(super) struct Resources {
    last: Option<Origin>,
    scopes: HashMap<(String, String), Arc<Scope>>,
}

impl Resources {
    /// What made a span of `service` with these tags of its resource. Also how
    /// many attributes are new in it.
    pub(super) fn origin(
        &mut self,
        service: Option<&str>,
        tags: Collected,
        scope: (String, String),
    ) -> (Origin, usize) {
        let mut attributes = Collected::default();
        if let Some(service) = service.filter(|service| !service.is_empty()) {
            attributes.push("service.name", text(service));
        }
        for (key, value) in tags.attributes.iter() {
            attributes.push(key, Ok(value));
        }
        let attributes = attributes.attributes;
        let (origin, parts) = match &self.last {
            Some(last) if last.resource.attributes == attributes => (last.clone(), 0),
            _ => {
                let parts = attributes.len();
                (Origin::of_resource(Resource { attributes }), parts)
            }
        };
        self.last = Some(origin.clone());
        (Origin { scope: self.scope(scope), ..origin }, parts)
    }

    fn scope(&mut self, scope: (String, String)) -> Arc<Scope> {
        if let Some(known) = self.scopes.get(&scope) {
            return Arc::clone(known);
        }
        let (name, version) = scope.clone();
        let made = Arc::new(Scope { name, version, attributes: Attributes::new() });
        self.scopes.insert(scope, Arc::clone(&made));
        made
    }
}
