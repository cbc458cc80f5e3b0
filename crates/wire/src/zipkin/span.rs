//! One span of Zipkin's second version: endpoints, tags, annotations, and the
//! id that both sides of a request may share.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use hotspan_model::{Event, UnixNanos, ValueRef};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::resource::{Resources, is_of_resource};
use crate::decoded::{Decoded, Reason, RequestError};
use crate::json::{Capped, Held, HeldOutcome, Text, held_text, lenient, text_of, value_of_raw};
use crate::limits::{Budget, PER_LIST_MAX};
use crate::otlp::{Draft, Unsigned};
use crate::tags::Tags;
use crate::value::{Collected, LeftOut};
use crate::{micros, padded};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpanMessage<'a> {
    #[serde(borrow)]
    trace_id: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    parent_id: Option<Text<'a>>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
    name: Option<String>,
    timestamp: Option<Unsigned>,
    duration: Option<Unsigned>,
    #[serde(borrow)]
    local_endpoint: Option<Endpoint<'a>>,
    #[serde(borrow)]
    remote_endpoint: Option<Endpoint<'a>>,
    annotations: Option<Capped<Annotation>>,
    #[serde(borrow)]
    tags: Option<TagMap<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    shared: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Endpoint<'a> {
    #[serde(borrow)]
    service_name: Option<Text<'a>>,
    #[serde(borrow)]
    ipv4: Option<Text<'a>>,
    #[serde(borrow)]
    ipv6: Option<Text<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    port: Option<Unsigned>,
}

#[derive(Deserialize)]
struct Annotation {
    timestamp: Option<Unsigned>,
    value: Option<String>,
}

impl SpanMessage<'_> {
    /// Puts the span among the spans or the rejections.
    pub(super) fn deliver(
        mut self,
        resources: &mut Resources,
        decoded: &mut Decoded,
        budget: &mut Budget,
    ) -> Result<(), RequestError> {
        let (start_ns, end_ns) = match self.times() {
            Ok(times) => times,
            Err(message) => {
                decoded.reject(Reason::InvalidTime, message);
                return Ok(());
            }
        };
        let mut draft = Draft {
            trace_id: padded::trace_id(text_of(&self.trace_id).unwrap_or_default()),
            span_id: padded::span_id(text_of(&self.id).unwrap_or_default()),
            parent: padded::span_id(text_of(&self.parent_id).unwrap_or_default()),
            name: self.name.take().unwrap_or_default(),
            start_ns,
            end_ns,
            ..Draft::new()
        };
        self.add_annotations(&mut draft);
        let (tags, of_resource) = self.read_tags();
        // Both sides of a request may be spans of one id. The server's side is
        // below the client's then, not beside it.
        if self.shared == Some(true) && tags.is_server() {
            draft.parent = draft.span_id;
        }
        let told = tags.finish(&mut draft);
        let service = self.local_endpoint.as_ref().and_then(|local| text_of(&local.service_name));
        of_resource.left_out.report(decoded);
        let (origin, parts) = resources.origin(service, of_resource, told.scope);
        budget.pay_parts(parts)?;
        draft.deliver(&origin, decoded, budget)
    }

    /// A span without a duration was not finished, or is a moment.
    fn times(&self) -> Result<(u64, u64), String> {
        let start = self.timestamp.ok_or("timestamp is missing; send microseconds since 1970")?;
        let start = micros::nanos_of("timestamp", start)?;
        Ok((start, micros::end_of(start, self.duration.unwrap_or_default())?))
    }

    fn add_annotations(&mut self, draft: &mut Draft) {
        let sent = self.annotations.take().unwrap_or_default();
        draft.leave_out_events(sent.beyond);
        for annotation in sent.items {
            let micros = annotation.timestamp.unwrap_or_default().0;
            let time = i64::try_from(micros.saturating_mul(1_000)).unwrap_or(i64::MAX);
            let name = annotation.value.unwrap_or_default();
            let event = Event { time: UnixNanos(time), name, ..Event::default() };
            draft.push_event(event, Collected::default());
        }
    }

    /// The span's tags, and those that belong to its resource.
    fn read_tags(&mut self) -> (Tags, Collected) {
        let (mut tags, mut of_resource) = (Tags::default(), Collected::default());
        if let Some(kind) = text_of(&self.kind) {
            tags.tell_kind(kind);
        }
        let sent = self.tags.take().unwrap_or_default();
        tags.collected.left_out.merge(&sent.left_out);
        for (key, value) in sent.pairs {
            if is_of_resource(&key) {
                of_resource.push(&key, value.as_ref().map_err(|reason| *reason));
            } else {
                tags.add(&key, value);
            }
        }
        if let Some(remote) = &self.remote_endpoint {
            remote.add_to(&mut tags);
        }
        (tags, of_resource)
    }
}

impl Endpoint<'_> {
    /// The other side, in OpenTracing's words.
    fn add_to(&self, tags: &mut Tags) {
        let texts = [
            ("peer.service", &self.service_name),
            ("peer.ipv4", &self.ipv4),
            ("peer.ipv6", &self.ipv6),
        ];
        for (key, value) in texts {
            let value = text_of(value).filter(|text| !text.is_empty());
            if let Some(value) = value.filter(|_| !tags.has(key)) {
                tags.add(key, held_text(value.into()));
            }
        }
        let port = self.port.and_then(|port| i64::try_from(port.0).ok()).filter(|port| *port > 0);
        if let Some(port) = port.filter(|_| !tags.has("peer.port")) {
            tags.add("peer.port", Ok(Held::Scalar(ValueRef::Int(port))));
        }
    }
}

/// The first tags of a span, up to the limit.
#[derive(Default)]
struct TagMap<'a> {
    pairs: Vec<(Cow<'a, str>, HeldOutcome<'a>)>,
    left_out: LeftOut,
}

impl<'de: 'a, 'a> Deserialize<'de> for TagMap<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TagMapVisitor(PhantomData))
    }
}

struct TagMapVisitor<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for TagMapVisitor<'a> {
    type Value = TagMap<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tags")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TagMap<'a>, A::Error> {
        let mut tags = TagMap::default();
        while let Some(Text(key)) = map.next_key()? {
            let value = value_of_raw(map.next_value()?);
            match value {
                _ if tags.pairs.len() >= PER_LIST_MAX => {
                    tags.left_out.note(Reason::TooManyParts, 1)
                }
                Some(value) => tags.pairs.push((key, value)),
                None => {}
            }
        }
        Ok(tags)
    }
}
