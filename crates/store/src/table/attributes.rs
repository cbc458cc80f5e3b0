//! Attributes as columns: typed maps, and back.
//!
//! A key that is there twice is kept once, the first time: engines refuse maps
//! with repeated keys, and only the first counts anyway. The order of keys is
//! not kept; they come back sorted.

use std::fmt::Write;

use datafusion::arrow::array::builder::{
    ArrayBuilder, Float64Builder, Int64Builder, MapBuilder, MapFieldNames, StringBuilder,
};
use datafusion::arrow::array::{Array, ArrayRef, Float64Array, Int64Array, MapArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use hotspan_model::{Attributes, Value, ValueRef};

use super::columns::take;
use super::schema::{map_key, map_value};

type TextMap = MapBuilder<StringBuilder, StringBuilder>;

/// Grows the four columns of one set of attributes.
#[derive(Debug)]
pub(super) struct AttributeColumns {
    texts: TextMap,
    ints: MapBuilder<StringBuilder, Int64Builder>,
    floats: MapBuilder<StringBuilder, Float64Builder>,
    others: TextMap,
}

impl Default for AttributeColumns {
    fn default() -> Self {
        Self {
            texts: map(StringBuilder::new(), DataType::Utf8),
            ints: map(Int64Builder::new(), DataType::Int64),
            floats: map(Float64Builder::new(), DataType::Float64),
            others: map(StringBuilder::new(), DataType::Utf8),
        }
    }
}

impl AttributeColumns {
    pub(super) fn append(&mut self, attributes: &Attributes) {
        for (key, value) in each_once(attributes) {
            match value {
                ValueRef::Str(text) => {
                    self.texts.keys().append_value(key);
                    self.texts.values().append_value(text);
                }
                ValueRef::Int(number) => {
                    self.ints.keys().append_value(key);
                    self.ints.values().append_value(number);
                }
                ValueRef::Float(number) => {
                    self.floats.keys().append_value(key);
                    self.floats.values().append_value(number);
                }
                ValueRef::Bool(truth) => append_text(&mut self.others, key, truth_text(truth)),
                ValueRef::Json(json) => append_text(&mut self.others, key, json),
            }
        }
        close_row(&mut self.texts);
        close_row(&mut self.ints);
        close_row(&mut self.floats);
        close_row(&mut self.others);
    }

    pub(super) fn arrays(&mut self, keep: bool) -> [ArrayRef; 4] {
        [
            take(&mut self.texts, keep),
            take(&mut self.ints, keep),
            take(&mut self.floats, keep),
            take(&mut self.others, keep),
        ]
    }
}

/// Grows the two columns of the attributes of events and links: text as it is,
/// everything else as JSON.
#[derive(Debug)]
pub(super) struct PlainAttributeColumns {
    texts: TextMap,
    others: TextMap,
}

impl Default for PlainAttributeColumns {
    fn default() -> Self {
        Self {
            texts: map(StringBuilder::new(), DataType::Utf8),
            others: map(StringBuilder::new(), DataType::Utf8),
        }
    }
}

impl PlainAttributeColumns {
    pub(super) fn append(&mut self, attributes: &Attributes) {
        for (key, value) in each_once(attributes) {
            match value {
                ValueRef::Str(text) => append_text(&mut self.texts, key, text),
                ValueRef::Bool(truth) => append_text(&mut self.others, key, truth_text(truth)),
                ValueRef::Json(json) => append_text(&mut self.others, key, json),
                ValueRef::Int(number) => append_number(&mut self.others, key, &number),
                // The `?` form keeps the point of a whole number, which tells
                // it from an integer.
                ValueRef::Float(number) => {
                    append_number(&mut self.others, key, &format_args!("{number:?}"))
                }
            }
        }
        close_row(&mut self.texts);
        close_row(&mut self.others);
    }

    pub(super) fn arrays(&mut self, keep: bool) -> [ArrayRef; 2] {
        [take(&mut self.texts, keep), take(&mut self.others, keep)]
    }
}

/// Pairs whose key did not come before. Comparing each key with all before it
/// was a thirtieth of what a span cost, so that is done only where a mark that
/// few keys share was set already.
fn each_once(attributes: &Attributes) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
    let mut marks = 0;
    let is_first = move |at: usize, key: &str| {
        let mark = mark_of(key);
        let may_be_known = marks & mark != 0;
        marks |= mark;
        !(may_be_known && attributes.iter().take(at).any(|(earlier, _)| earlier == key))
    };
    attributes
        .iter()
        .enumerate()
        .scan(is_first, |is_first, (at, pair)| Some(is_first(at, pair.0).then_some(pair)))
        .flatten()
}

/// One bit of 128, by the length of a key and some of its bytes.
fn mark_of(key: &str) -> u128 {
    let bytes = key.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let (len, last) = (bytes.len(), bytes.len().wrapping_sub(1));
    let mixed = [byte(last), byte(len / 2), byte(last.wrapping_sub(1)), byte(0)]
        .into_iter()
        .fold(len as u32, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(byte.into()));
    1 << (mixed % u128::BITS)
}

fn append_text(map: &mut TextMap, key: &str, text: &str) {
    map.keys().append_value(key);
    map.values().append_value(text);
}

fn append_number(map: &mut TextMap, key: &str, number: &dyn std::fmt::Display) {
    map.keys().append_value(key);
    // Writing into a text builder cannot fail.
    let _ = write!(map.values(), "{number}");
    map.values().append_value("");
}

fn close_row<V: ArrayBuilder>(map: &mut MapBuilder<StringBuilder, V>) {
    // The only error is a value without a key, and both are always appended.
    let closed = map.append(true);
    debug_assert!(closed.is_ok(), "keys and values go together");
}

fn map<V: ArrayBuilder>(values: V, value_type: DataType) -> MapBuilder<StringBuilder, V> {
    let names = MapFieldNames {
        entry: "key_value".to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    };
    MapBuilder::new(Some(names), StringBuilder::new(), values)
        .with_keys_field(map_key())
        .with_values_field(map_value(value_type))
}

fn truth_text(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}

/// Reads sets of attributes from their map columns.
#[derive(Debug)]
pub(super) struct AttributeReader<'a> {
    maps: Vec<&'a MapArray>,
}

impl<'a> AttributeReader<'a> {
    pub(super) fn new(maps: Vec<&'a MapArray>) -> Self {
        Self { maps }
    }

    /// The attributes of a row, by key.
    pub(super) fn read(&self, row: usize) -> Attributes {
        let mut pairs = Vec::new();
        for (nth, map) in self.maps.iter().enumerate() {
            if map.is_null(row) {
                continue;
            }
            let offsets = map.value_offsets();
            let range = offsets[row] as usize..offsets[row + 1] as usize;
            let is_json = nth + 1 == self.maps.len();
            let Some(keys) = map.keys().as_any().downcast_ref::<StringArray>() else { continue };
            pairs.extend(range.filter_map(|at| {
                Some((keys.value(at).to_owned(), value_at(map.values(), at, is_json)?))
            }));
        }
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        pairs.into_iter().collect()
    }
}

fn value_at(values: &ArrayRef, at: usize, is_json: bool) -> Option<Value> {
    let values = values.as_any();
    if let Some(texts) = values.downcast_ref::<StringArray>() {
        let text = texts.value(at);
        return Some(if is_json { value_of_json(text) } else { Value::Str(text.to_owned()) });
    }
    if let Some(ints) = values.downcast_ref::<Int64Array>() {
        return Some(Value::Int(ints.value(at)));
    }
    values.downcast_ref::<Float64Array>().map(|floats| Value::Float(floats.value(at)))
}

/// What was written as JSON text: `Value::Json` holds arrays, maps and quoted
/// bytes only, so a bare number or truth value tells its own type.
fn value_of_json(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if text.starts_with(['[', '{', '"']) => Value::Json(text.to_owned()),
        _ => match (text.parse(), text.parse()) {
            (Ok(int), _) => Value::Int(int),
            (_, Ok(float)) => Value::Float(float),
            _ => Value::Json(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few letters make keys that share a mark and keys that come again.
        #[test]
        fn a_key_counts_the_first_time(keys in prop::collection::vec("[ab]{0,6}", 0..40)) {
            let mut attributes = Attributes::default();
            for (number, key) in keys.iter().enumerate() {
                attributes.push(key, number as i64);
            }
            let found: Vec<(&str, Option<i64>)> =
                each_once(&attributes).map(|(key, value)| (key, value.as_int())).collect();
            let firsts = keys.iter().enumerate().filter(|(at, key)| !keys[..*at].contains(key));
            let expected: Vec<(&str, Option<i64>)> =
                firsts.map(|(at, key)| (key.as_str(), Some(at as i64))).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
