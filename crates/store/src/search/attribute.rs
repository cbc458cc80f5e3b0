//! A question to attributes, asked of the map columns as they are: no list is
//! built and no text copied, and where keys come as a dictionary they are
//! compared as numbers.

use datafusion::arrow::array::{
    Array, BooleanArray, BooleanBufferBuilder, DictionaryArray, Float64Array, Int64Array, MapArray,
    RecordBatch, StringArray, StringViewArray,
};
use datafusion::arrow::datatypes::Int32Type;

use super::language::{AttributeTerm, AttributeTest, Comparison, Pattern, Place};
use crate::StoreError;

/// A question to attributes.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    key: String,
    test: Test,
    sources: Vec<Source>,
    negated: bool,
}

/// What is asked of a value.
#[derive(Debug, Clone)]
enum Test {
    Present,
    OneOf { patterns: Vec<Pattern>, ints: Vec<i64>, floats: Vec<f64> },
    Compare(Comparison, f64),
}

/// A map column that may hold the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Source {
    of_resource: bool,
    values: Values,
}

/// The type of a map's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Values {
    Text,
    Int,
    Float,
    Json,
}

impl Source {
    /// The column's name.
    pub(super) fn column(self) -> &'static str {
        match (self.of_resource, self.values) {
            (false, Values::Text) => "attributes_str",
            (false, Values::Int) => "attributes_int",
            (false, Values::Float) => "attributes_float",
            (false, Values::Json) => "attributes_json",
            (true, Values::Text) => "resource_str",
            (true, Values::Int) => "resource_int",
            (true, Values::Float) => "resource_float",
            (true, Values::Json) => "resource_json",
        }
    }

    /// True when its values are text.
    pub(super) fn is_text(self) -> bool {
        matches!(self.values, Values::Text | Values::Json)
    }
}

impl Probe {
    pub(super) fn of(term: &AttributeTerm, negated: bool) -> Self {
        let test = match &term.test {
            AttributeTest::Present => Test::Present,
            AttributeTest::OneOf(patterns) => Test::OneOf {
                patterns: patterns.clone(),
                ints: patterns
                    .iter()
                    .filter_map(|pattern| pattern.as_exact()?.parse().ok())
                    .collect(),
                floats: patterns
                    .iter()
                    .filter_map(|pattern| pattern.as_exact()?.parse().ok())
                    .collect(),
            },
            AttributeTest::Compare(comparison, number) => Test::Compare(*comparison, *number),
        };
        let places: &[bool] = match term.place {
            Place::Either => &[false, true],
            Place::Span => &[false],
            Place::Resource => &[true],
        };
        let values = test.values();
        let sources = places
            .iter()
            .flat_map(|of_resource| {
                values.iter().map(|values| Source { of_resource: *of_resource, values: *values })
            })
            .collect();
        Self { key: term.key.clone(), test, sources, negated }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    pub(super) fn is_negated(&self) -> bool {
        self.negated
    }

    pub(super) fn with_sources(&self, sources: Vec<Source>) -> Self {
        Self { sources, ..self.clone() }
    }

    /// True when a text, of any key, could be the answer.
    pub(super) fn text_may_hold(&self, text: &str) -> bool {
        self.test.holds_text(text)
    }

    /// For each row, whether it passes; never null. A column that the batch
    /// does not have holds nothing.
    pub(super) fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, StoreError> {
        let mut found = BooleanBufferBuilder::new(batch.num_rows());
        found.append_n(batch.num_rows(), false);
        for source in &self.sources {
            let Some(column) = batch.column_by_name(source.column()) else { continue };
            let map = column.as_any().downcast_ref::<MapArray>().ok_or_else(|| {
                StoreError::Table(format!("column {} is not a map", source.column()))
            })?;
            self.find(map, &mut found)?;
        }
        let found = found.finish();
        Ok(BooleanArray::new(if self.negated { !&found } else { found }, None))
    }

    /// Marks the rows of a map whose value passes.
    fn find(&self, map: &MapArray, found: &mut BooleanBufferBuilder) -> Result<(), StoreError> {
        let entries = Entries::of(map)?;
        let Some(keys) = entries.keys(&self.key) else { return Ok(()) };
        let offsets = map.value_offsets();
        for row in 0..map.len() {
            let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
            let passes = |at: usize| keys.is(at) && self.test.holds(&entries.values, at);
            if (from..to).any(passes) {
                found.set_bit(row, true);
            }
        }
        Ok(())
    }
}

impl Test {
    /// Types of values that can pass.
    fn values(&self) -> Vec<Values> {
        match self {
            Self::Present => vec![Values::Text, Values::Int, Values::Float, Values::Json],
            Self::Compare(..) => vec![Values::Int, Values::Float, Values::Text],
            Self::OneOf { patterns, ints, floats } => {
                // What is kept as JSON is true, false, null, or begins with a
                // bracket or a quote.
                let may_be_json = |pattern: &Pattern| {
                    pattern
                        .as_exact()
                        .is_none_or(|text| text.starts_with(['t', 'f', 'n', '[', '{', '"']))
                };
                let mut values = vec![Values::Text];
                values.extend((!ints.is_empty()).then_some(Values::Int));
                values.extend((!floats.is_empty()).then_some(Values::Float));
                values.extend(patterns.iter().any(may_be_json).then_some(Values::Json));
                values
            }
        }
    }

    fn holds(&self, values: &ValueArray<'_>, at: usize) -> bool {
        match values {
            ValueArray::Text(texts) => self.holds_text(texts.value(at)),
            ValueArray::View(texts) => self.holds_text(texts.value(at)),
            ValueArray::Int(ints) => self.holds_int(ints.value(at)),
            ValueArray::Float(floats) => self.holds_float(floats.value(at)),
        }
    }

    fn holds_text(&self, text: &str) -> bool {
        match self {
            Self::Present => true,
            Self::OneOf { patterns, .. } => patterns.iter().any(|pattern| pattern.fits(text)),
            // SDKs send numbers as text too.
            Self::Compare(comparison, number) => {
                text.parse().is_ok_and(|value: f64| comparison.holds(&value, number))
            }
        }
    }

    fn holds_int(&self, int: i64) -> bool {
        match self {
            Self::Present => true,
            Self::OneOf { ints, .. } => ints.contains(&int),
            Self::Compare(comparison, number) => comparison.holds(&(int as f64), number),
        }
    }

    fn holds_float(&self, float: f64) -> bool {
        match self {
            Self::Present => true,
            Self::OneOf { floats, .. } => floats.contains(&float),
            Self::Compare(comparison, number) => comparison.holds(&float, number),
        }
    }
}

/// Keys and values of a map column, whatever their encoding.
pub(crate) struct Entries<'a> {
    keys: KeyArray<'a>,
    pub(crate) values: ValueArray<'a>,
}

enum KeyArray<'a> {
    Text(&'a StringArray),
    Dictionary(&'a DictionaryArray<Int32Type>, &'a StringArray),
}

/// Values of a map column.
pub(crate) enum ValueArray<'a> {
    Text(&'a StringArray),
    View(&'a StringViewArray),
    Int(&'a Int64Array),
    Float(&'a Float64Array),
}

/// Where one key is.
pub(crate) enum KeyMatch<'a> {
    Text(&'a StringArray, &'a str),
    /// For each entry of the dictionary, whether it is the key.
    Codes(&'a [i32], Vec<bool>),
}

impl<'a> Entries<'a> {
    pub(crate) fn of(map: &'a MapArray) -> Result<Self, StoreError> {
        let (keys, values) = (map.keys().as_any(), map.values().as_any());
        let unknown = || StoreError::Table("a map column has another type".to_owned());
        let keys = if let Some(texts) = keys.downcast_ref() {
            KeyArray::Text(texts)
        } else {
            let codes: &DictionaryArray<Int32Type> = keys.downcast_ref().ok_or_else(unknown)?;
            KeyArray::Dictionary(codes, codes.values().as_any().downcast_ref().ok_or_else(unknown)?)
        };
        let values = if let Some(texts) = values.downcast_ref() {
            ValueArray::Text(texts)
        } else if let Some(texts) = values.downcast_ref() {
            ValueArray::View(texts)
        } else if let Some(ints) = values.downcast_ref() {
            ValueArray::Int(ints)
        } else {
            ValueArray::Float(values.downcast_ref().ok_or_else(unknown)?)
        };
        Ok(Self { keys, values })
    }

    /// Where `key` is; `None` when it is nowhere.
    pub(crate) fn keys<'k: 'a>(&self, key: &'k str) -> Option<KeyMatch<'a>> {
        match self.keys {
            KeyArray::Text(texts) => Some(KeyMatch::Text(texts, key)),
            KeyArray::Dictionary(codes, texts) => {
                let is_key: Vec<bool> = (0..texts.len()).map(|at| texts.value(at) == key).collect();
                is_key.contains(&true).then(|| KeyMatch::Codes(codes.keys().values(), is_key))
            }
        }
    }
}

impl KeyMatch<'_> {
    #[inline]
    pub(crate) fn is(&self, at: usize) -> bool {
        match self {
            Self::Text(texts, key) => texts.value(at) == *key,
            // A key is never null, so each code is a place in the dictionary.
            Self::Codes(codes, is_key) => codes
                .get(at)
                .and_then(|code| is_key.get(*code as usize))
                .is_some_and(|is_key| *is_key),
        }
    }
}
