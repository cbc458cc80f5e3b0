//! A question to attributes, asked of the map columns as they are: no list is
//! built and no text copied, and where keys come as a dictionary they are
//! compared as numbers.

use std::sync::Arc;

use datafusion::arrow::array::{Array, BooleanArray, BooleanBufferBuilder, MapArray, RecordBatch};
use memchr::memmem::Finder;

use super::entries::{Entries, ValueArray};
use super::language::{AttributeTerm, AttributeTest, Comparison, Pattern, Place};
use crate::StoreError;

/// A question to attributes.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    key: String,
    test: Test,
    sources: Vec<Source>,
    negated: bool,
    /// What a text that passes has in it; `None` when that cannot be told.
    needles: Option<Arc<[Needle]>>,
}

/// Bytes that stand wherever a text that passes is stored.
#[derive(Debug)]
struct Needle {
    /// Where each text has its length before it.
    with_length: Finder<'static>,
    /// Where texts follow each other.
    alone: Finder<'static>,
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
        let needles = test.needles();
        let values = test.values();
        let sources = places
            .iter()
            .flat_map(|of_resource| {
                values.iter().map(|values| Source { of_resource: *of_resource, values: *values })
            })
            .collect();
        Self { key: term.key.clone(), test, sources, negated, needles }
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

    /// True when bytes do not tell whether a text passes.
    pub(super) fn needs_values(&self) -> bool {
        self.needles.is_none()
    }

    /// False when no text that passes can be among these bytes: texts one
    /// after the other, `with_length` each with its length before it.
    pub(super) fn bytes_may_hold(&self, bytes: &[u8], with_length: bool) -> bool {
        self.needles.as_ref().is_none_or(|needles| {
            needles.iter().any(|needle| {
                let finder = if with_length { &needle.with_length } else { &needle.alone };
                finder.find(bytes).is_some()
            })
        })
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

    fn needles(&self) -> Option<Arc<[Needle]>> {
        let Self::OneOf { patterns, .. } = self else { return None };
        patterns.iter().map(Needle::of).collect()
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

impl Needle {
    fn of(pattern: &Pattern) -> Option<Self> {
        let literal = pattern.pieces().iter().max_by_key(|piece| piece.len())?;
        let with_length = match pattern.as_exact() {
            Some(text) => {
                [u32::try_from(text.len()).ok()?.to_le_bytes().as_slice(), text.as_bytes()].concat()
            }
            None => literal.as_bytes().to_vec(),
        };
        Some(Self {
            with_length: Finder::new(&with_length).into_owned(),
            alone: Finder::new(literal).into_owned(),
        })
    }
}
