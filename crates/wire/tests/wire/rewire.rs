//! Protobuf messages written another way than generated code writes them:
//! fields in another order, repeated, split in two, or of unknown numbers.
//! Lengths around them stay right, so what comes out is sound unless a field
//! of its own is not.

use proptest::prelude::*;
use proptest::sample::Index;

/// One thing to do to the fields of one message of a request.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Which nested message, by the path that these choose.
    path: Vec<Index>,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Swap(Index, Index),
    Repeat(Index),
    /// Writes a nested message as two of the same number, to be merged.
    Split(Index, Index),
    Unknown(Index, Vec<u8>),
}

/// Sound fields that no message of OTLP has: of every wire type, groups too.
const UNKNOWN: &[&[u8]] = &[
    &[0x98, 0x06, 0x96, 0x01],
    &[0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8],
    &[0x9a, 0x06, 3, b'a', 0xff, b'c'],
    &[0x9b, 0x06, 0x08, 1, 0x12, 1, b'x', 0x9c, 0x06],
    &[0x9d, 0x06, 1, 2, 3, 4],
];

pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let what = prop_oneof![
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| What::Swap(a, b)),
        any::<Index>().prop_map(What::Repeat),
        (any::<Index>(), any::<Index>()).prop_map(|(field, at)| What::Split(field, at)),
        (any::<Index>(), prop::sample::select(UNKNOWN))
            .prop_map(|(at, field)| What::Unknown(at, field.to_vec())),
    ];
    let path = prop::collection::vec(any::<Index>(), 0..7);
    prop::collection::vec((path, what).prop_map(|(path, what)| Change { path, what }), 1..6)
}

/// Does the changes.
pub(crate) fn apply(message: &[u8], changes: &[Change]) -> Vec<u8> {
    changes
        .iter()
        .fold(message.to_vec(), |message, change| changed(&message, &change.path, &change.what))
}

fn changed(message: &[u8], path: &[Index], what: &What) -> Vec<u8> {
    let Some(mut fields) = fields(message) else { return message.to_vec() };
    let nested: Vec<usize> = (0..fields.len()).filter(|&i| fields[i].nested().is_some()).collect();
    match path.split_first() {
        Some((choice, rest)) if !nested.is_empty() => {
            let at = nested[choice.index(nested.len())];
            if let Some(inner) = fields[at].nested() {
                let inner = changed(inner, rest, what);
                fields[at] = Field::message(fields[at].number, &inner);
            }
        }
        _ => change(&mut fields, what),
    }
    fields.into_iter().flat_map(|field| field.bytes).collect()
}

fn change(fields: &mut Vec<Field>, what: &What) {
    if let What::Unknown(at, bytes) = what {
        let at = at.index(fields.len() + 1);
        return fields.insert(at, Field { number: 99, bytes: bytes.clone(), payload_at: None });
    }
    if fields.is_empty() {
        return;
    }
    let count = fields.len();
    match what {
        What::Swap(a, b) => fields.swap(a.index(count), b.index(count)),
        What::Repeat(at) => fields.push(fields[at.index(count)].clone()),
        What::Split(at, cut) => {
            let at = at.index(count);
            let number = fields[at].number;
            let Some(inner) = fields[at].nested().and_then(self::fields) else { return };
            let (first, second) = inner.split_at(cut.index(inner.len() + 1));
            let joined = |part: &[Field]| -> Vec<u8> {
                part.iter().flat_map(|field| field.bytes.clone()).collect()
            };
            let (first, second) = (joined(first), joined(second));
            fields[at] = Field::message(number, &first);
            fields.insert(at + 1, Field::message(number, &second));
        }
        What::Unknown(..) => {}
    }
}

/// A field as it is on the wire.
#[derive(Debug, Clone)]
struct Field {
    number: u64,
    bytes: Vec<u8>,
    /// Where the payload begins, when it has a length.
    payload_at: Option<usize>,
}

impl Field {
    fn message(number: u64, payload: &[u8]) -> Self {
        let mut bytes = Vec::new();
        write_varint(&mut bytes, number << 3 | 2);
        write_varint(&mut bytes, payload.len() as u64);
        let payload_at = Some(bytes.len());
        bytes.extend_from_slice(payload);
        Self { number, bytes, payload_at }
    }

    /// The payload, when it may be a message. Texts may look like one; that
    /// only makes for stranger texts.
    fn nested(&self) -> Option<&[u8]> {
        let payload = &self.bytes[self.payload_at?..];
        fields(payload).map(|_| payload)
    }
}

/// The fields of a message, or `None` when it is none.
fn fields(message: &[u8]) -> Option<Vec<Field>> {
    let mut found = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let before = rest;
        let tag = read_varint(&mut rest)?;
        let mut payload_at = None;
        let length = match tag & 7 {
            0 => {
                read_varint(&mut rest)?;
                0
            }
            1 => 8,
            2 => {
                let length = usize::try_from(read_varint(&mut rest)?).ok()?;
                payload_at = Some(before.len() - rest.len());
                length
            }
            5 => 4,
            _ => return None,
        };
        rest = rest.get(length..)?;
        let bytes = before[..before.len() - rest.len()].to_vec();
        found.push(Field { number: tag >> 3, bytes, payload_at });
    }
    Some(found)
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn write_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
