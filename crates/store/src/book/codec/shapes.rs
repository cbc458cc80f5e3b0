//! Sketches, times by class and call trees as blobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::calltree::CallNode;
use hotspan_model::{CallTree, Class, Sketch, TimeByClass};

use super::{CodecError, Decoder, Encoder};

/// Deepest tree that is read; one of [`crate::book::profiles::PATHS_MAX`]
/// paths cannot be deeper.
const DEPTH_MAX: usize = 1_000;

/// Buckets as distances from the one before, with their counts.
pub(in crate::book) fn encode_sketch(sketch: &Sketch) -> Vec<u8> {
    let mut encoder = Encoder::new();
    put_buckets(&mut encoder, sketch);
    encoder.finish()
}

fn put_buckets(encoder: &mut Encoder, sketch: &Sketch) {
    let buckets = sketch.buckets();
    encoder.count(buckets.len());
    let mut previous = 0;
    for (bucket, thousandths) in buckets {
        encoder.unsigned(u64::from(bucket - previous));
        encoder.signed(thousandths);
        previous = bucket;
    }
}

/// Calls `add` with every bucket of a stored sketch: a page adds thousands of
/// them into one array without building a [`Sketch`] of each.
pub(in crate::book) fn for_each_bucket(
    bytes: &[u8],
    mut add: impl FnMut(u16, i64),
) -> Result<(), CodecError> {
    let mut decoder = Decoder::new(bytes)?;
    let mut bucket = 0u16;
    for _ in 0..decoder.count()? {
        bucket = bucket.checked_add(decoder.small("bucket")?).ok_or(CodecError::Range("bucket"))?;
        add(bucket, decoder.signed()?);
    }
    decoder.finish()
}

/// Nanoseconds of each class, in the order of [`Class::ALL`].
pub(in crate::book) fn encode_time(time: &TimeByClass) -> Vec<u8> {
    let mut encoder = Encoder::new();
    put_time(&mut encoder, time);
    encoder.finish()
}

/// Reads [`encode_time`].
pub(in crate::book) fn decode_time(bytes: &[u8]) -> Result<TimeByClass, CodecError> {
    let mut decoder = Decoder::new(bytes)?;
    let time = take_time(&mut decoder)?;
    decoder.finish()?;
    Ok(time)
}

/// Only the classes with time, each by its number: most requests have few.
pub(super) fn put_time(encoder: &mut Encoder, time: &TimeByClass) {
    let spent = || Class::ALL.into_iter().filter(|class| time.get(*class) != 0);
    encoder.count(spent().count());
    for class in spent() {
        put_class(encoder, class);
        encoder.signed(time.get(class));
    }
}

pub(super) fn take_time(decoder: &mut Decoder<'_>) -> Result<TimeByClass, CodecError> {
    let mut time = TimeByClass::default();
    for _ in 0..decoder.count()? {
        let class = take_class(decoder)?;
        time = with_time(time, class, decoder.signed()?);
    }
    Ok(time)
}

fn with_time(mut time: TimeByClass, class: Class, nanos: i64) -> TimeByClass {
    // A damaged value may name a class twice; the sum must not overflow.
    let room = nanos.saturating_add(time.get(class)) - time.get(class);
    time.add(class, room);
    time
}

/// Stored as a fixed number rather than [`Class::index`], which may be
/// reordered for drawing.
pub(super) fn put_class(encoder: &mut Encoder, class: Class) {
    encoder.unsigned(match class {
        Class::CredentialLookup => 0,
        Class::TokenFetch => 1,
        Class::SecretFetch => 2,
        Class::Dns => 3,
        Class::ConnectionSetup => 4,
        Class::Database => 5,
        Class::Cache => 6,
        Class::Http => 7,
        Class::Rpc => 8,
        Class::Queue => 9,
        Class::Own => 10,
    });
}

pub(super) fn take_class(decoder: &mut Decoder<'_>) -> Result<Class, CodecError> {
    Ok(match decoder.unsigned()? {
        0 => Class::CredentialLookup,
        1 => Class::TokenFetch,
        2 => Class::SecretFetch,
        3 => Class::Dns,
        4 => Class::ConnectionSetup,
        5 => Class::Database,
        6 => Class::Cache,
        7 => Class::Http,
        8 => Class::Rpc,
        9 => Class::Queue,
        10 => Class::Own,
        _ => return Err(CodecError::Range("class")),
    })
}

/// Depth first, children by name.
pub(in crate::book) fn encode_tree(tree: &CallTree) -> Vec<u8> {
    let mut encoder = Encoder::new();
    put_tree(&mut encoder, tree);
    encoder.finish()
}

/// Reads [`encode_tree`].
pub(in crate::book) fn decode_tree(bytes: &[u8]) -> Result<CallTree, CodecError> {
    let mut decoder = Decoder::new(bytes)?;
    let tree = take_tree(&mut decoder)?;
    decoder.finish()?;
    Ok(tree)
}

pub(super) fn put_tree(encoder: &mut Encoder, tree: &CallTree) {
    put_nodes(encoder, &tree.roots);
}

pub(super) fn take_tree(decoder: &mut Decoder<'_>) -> Result<CallTree, CodecError> {
    Ok(CallTree { roots: take_nodes(decoder, 0)? })
}

fn put_nodes(encoder: &mut Encoder, nodes: &BTreeMap<Arc<str>, CallNode>) {
    encoder.count(nodes.len());
    for (name, node) in nodes {
        encoder.text(name);
        put_class(encoder, node.class);
        encoder.signed(node.count);
        encoder.signed(node.requests);
        encoder.signed(node.total_ns);
        encoder.signed(node.self_ns);
        put_nodes(encoder, &node.children);
    }
}

fn take_nodes(
    decoder: &mut Decoder<'_>,
    depth: usize,
) -> Result<BTreeMap<Arc<str>, CallNode>, CodecError> {
    if depth > DEPTH_MAX {
        return Err(CodecError::Range("depth"));
    }
    let mut nodes = BTreeMap::new();
    for _ in 0..decoder.count()? {
        let name = Arc::from(decoder.text()?);
        let mut node = CallNode::new(take_class(decoder)?);
        node.count = decoder.signed()?;
        node.requests = decoder.signed()?;
        node.total_ns = decoder.signed()?;
        node.self_ns = decoder.signed()?;
        node.children = take_nodes(decoder, depth + 1)?;
        nodes.insert(name, node);
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sketches_come_back(counts in prop::collection::vec((0u16..1_300, any::<i32>()), 0..60)) {
            let mut sketch = Sketch::default();
            counts.iter().for_each(|(bucket, count)| sketch.add_bucket(*bucket, i64::from(*count)));
            let mut read = Sketch::default();
            for_each_bucket(&encode_sketch(&sketch), |bucket, count| read.add_bucket(bucket, count))
                .expect("decodes");
            prop_assert_eq!(read, sketch);
        }

        #[test]
        fn times_come_back(nanos in prop::collection::vec(any::<i64>(), Class::ALL.len())) {
            let mut time = TimeByClass::default();
            Class::ALL.into_iter().zip(&nanos).for_each(|(class, nanos)| time.add(class, *nanos));
            prop_assert_eq!(decode_time(&encode_time(&time)), Ok(time));
        }

        #[test]
        fn trees_come_back(tree in sample::tree()) {
            prop_assert_eq!(decode_tree(&encode_tree(&tree)), Ok(tree));
        }
    }
}
