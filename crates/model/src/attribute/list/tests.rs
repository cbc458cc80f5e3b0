//! The list against a plain list of owned pairs.

use proptest::prelude::*;

use super::*;

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "\\PC{0,6}".prop_map(Value::Str),
        any::<i64>().prop_map(Value::Int),
        (-1e9..1e9f64).prop_map(Value::Float),
        any::<bool>().prop_map(Value::Bool),
        "\\[[0-9]{0,3}\\]".prop_map(Value::Json),
    ]
}

fn pairs() -> impl Strategy<Value = Vec<(String, Value)>> {
    prop::collection::vec(("[abé]{0,2}", value()), 0..8)
}

fn listed(attributes: &Attributes) -> Vec<(String, Value)> {
    attributes.iter().map(|(key, value)| (key.to_owned(), value.to_value())).collect()
}

proptest! {
    #[test]
    fn keeps_what_it_is_given(pairs in pairs(), key in "[abé]{0,2}") {
        let attributes: Attributes = pairs.iter().cloned().collect();
        prop_assert_eq!(listed(&attributes), pairs.clone());
        prop_assert_eq!(attributes.len(), pairs.len());
        let first = pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone());
        prop_assert_eq!(attributes.get(&key).map(ValueRef::to_value), first);
    }

    #[test]
    fn sets(mut pairs in pairs(), key in "[abé]{0,2}", value in value()) {
        let mut attributes: Attributes = pairs.iter().cloned().collect();
        attributes.set(&key, value.clone());
        match pairs.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => pairs.push((key, value)),
        }
        prop_assert_eq!(listed(&attributes), pairs.clone());
        prop_assert_eq!(attributes, pairs.into_iter().collect());
    }

    #[test]
    fn replaces(mut pairs in pairs(), mask in prop::collection::vec(any::<bool>(), 8), by in value()) {
        let mut attributes: Attributes = pairs.iter().cloned().collect();
        let mut nth = mask.iter();
        let replaced =
            attributes.replace_values(|_, _| nth.next().is_some_and(|hit| *hit).then(|| by.clone()));
        let mut count = 0;
        for ((_, value), _) in pairs.iter_mut().zip(&mask).filter(|(_, hit)| **hit) {
            *value = by.clone();
            count += 1;
        }
        prop_assert_eq!((replaced, listed(&attributes)), (count, pairs.clone()));
        prop_assert_eq!(attributes, pairs.into_iter().collect());
    }

    /// Bytes that are UTF-8 only together are refused, as are all others that
    /// are no text by themselves.
    #[test]
    fn builds_from_text_only(
        pairs in prop::collection::vec(
            (prop::collection::vec(0x7fu8..=0xff, 0..4), "[aé€😀]{0,2}"), 0..4),
    ) {
        let mut builder = AttributesBuilder::default();
        let mut expected = Some(Attributes::new());
        for (key, text) in &pairs {
            builder.push(key, Scalar::Str, text.as_bytes());
            match (std::str::from_utf8(key), &mut expected) {
                (Ok(key), Some(expected)) => expected.push(key, text),
                _ => expected = None,
            }
        }
        prop_assert_eq!(builder.finish(), expected);
    }
}

#[test]
fn halves_of_a_character_are_no_texts() {
    let mut builder = AttributesBuilder::default();
    builder.push(b"a\xc3", Scalar::Str, b"\xa9b");
    assert_eq!(builder.finish(), None);
}
