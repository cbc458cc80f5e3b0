//! Moves an OTLP request in protobuf where it lies: times and ids have fixed
//! lengths, so no length around them changes.

use std::ops::Range;

use super::shift::Shift;
use crate::otlp::{Fields, Payload, WireError};

/// The messages on the way to times and ids.
#[derive(Debug, Clone, Copy)]
enum Message {
    Request,
    ResourceSpans,
    ScopeSpans,
    Span,
    Event,
    Link,
}

/// What a field of a message is.
enum Role {
    Inside(Message),
    Time,
    Id,
}

impl Message {
    fn role(self, field: u32) -> Option<Role> {
        match (self, field) {
            (Self::Request, 1) => Some(Role::Inside(Self::ResourceSpans)),
            (Self::ResourceSpans, 2) => Some(Role::Inside(Self::ScopeSpans)),
            (Self::ScopeSpans, 2) => Some(Role::Inside(Self::Span)),
            (Self::Span, 1 | 2 | 4) | (Self::Link, 1 | 2) => Some(Role::Id),
            (Self::Span, 7 | 8) | (Self::Event, 1) => Some(Role::Time),
            (Self::Span, 11) => Some(Role::Inside(Self::Event)),
            (Self::Span, 13) => Some(Role::Inside(Self::Link)),
            _ => None,
        }
    }
}

/// Moves an `ExportTraceServiceRequest`.
pub(super) fn shift_request(body: &mut [u8], shift: &Shift) -> Result<(), WireError> {
    shift_message(body, Message::Request, shift)
}

fn shift_message(bytes: &mut [u8], message: Message, shift: &Shift) -> Result<(), WireError> {
    for (role, range) in found(bytes, message)? {
        let part = &mut bytes[range];
        match role {
            Role::Inside(inner) => shift_message(part, inner, shift)?,
            Role::Time => shift_time(part, shift),
            Role::Id => shift_id(part, shift),
        }
    }
    Ok(())
}

/// Where the fields that matter lie in a message.
fn found(bytes: &[u8], message: Message) -> Result<Vec<(Role, Range<usize>)>, WireError> {
    let mut found = Vec::new();
    let mut fields = Fields::of(bytes);
    while let Some((number, payload)) = fields.next()? {
        let length = match payload {
            Payload::Bytes(part) => part.len(),
            Payload::Fixed64(_) => size_of::<u64>(),
            _ => continue,
        };
        if let Some(role) = message.role(number) {
            let end = bytes.len() - fields.remaining();
            found.push((role, end - length..end));
        }
    }
    Ok(found)
}

fn shift_time(part: &mut [u8], shift: &Shift) {
    if let Ok(bytes) = <&mut [u8; 8]>::try_from(part) {
        *bytes = shift.nanos(u64::from_le_bytes(*bytes)).to_le_bytes();
    }
}

fn shift_id(part: &mut [u8], shift: &Shift) {
    match part.len() {
        8 => {
            if let Ok(id) = <&mut [u8; 8]>::try_from(part) {
                *id = shift.id(*id);
            }
        }
        16 => {
            if let Ok(id) = <&mut [u8; 16]>::try_from(part) {
                *id = shift.id(*id);
            }
        }
        _ => {}
    }
}
