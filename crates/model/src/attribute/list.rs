//! The list itself. All texts of a list lie one after the other in a single
//! buffer: a span of a dozen attributes is two allocations, not two dozen, and
//! everything that walks the list reads memory in order.

use super::{Value, ValueRef};

/// Key-value pairs in the order received. A span has a dozen or so, so a
/// linear scan beats a map in both time and memory.
#[derive(Clone, PartialEq, Default)]
pub struct Attributes {
    /// Key, value, key, value, … without anything between them.
    text: String,
    pairs: Vec<Pair>,
}

/// Where a pair's texts end; the key begins where the pair before ends.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    key_end: u32,
    value_end: u32,
    scalar: Scalar,
}

/// A pair as one stretch of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Joined<'a> {
    /// The key, and after it the value's text, if it has one.
    pub bytes: &'a [u8],
    /// How many of the bytes are the key.
    pub key_bytes: usize,
    /// The value apart from its text.
    pub scalar: Scalar,
}

/// What a value is apart from its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// The text is the value.
    Str,
    /// The text is the value as JSON.
    Json,
    /// A signed integer without text.
    Int(i64),
    /// A floating-point number without text.
    Float(f64),
    /// True or false without text.
    Bool(bool),
}

impl Scalar {
    #[inline]
    fn with(self, text: &str) -> ValueRef<'_> {
        match self {
            Self::Str => ValueRef::Str(text),
            Self::Json => ValueRef::Json(text),
            Self::Int(number) => ValueRef::Int(number),
            Self::Float(number) => ValueRef::Float(number),
            Self::Bool(truth) => ValueRef::Bool(truth),
        }
    }
}

impl<'a> ValueRef<'a> {
    fn parts(self) -> (Scalar, &'a str) {
        match self {
            Self::Str(text) => (Scalar::Str, text),
            Self::Json(text) => (Scalar::Json, text),
            Self::Int(number) => (Scalar::Int(number), ""),
            Self::Float(number) => (Scalar::Float(number), ""),
            Self::Bool(truth) => (Scalar::Bool(truth), ""),
        }
    }
}

impl Attributes {
    /// No attributes.
    pub const fn new() -> Self {
        Self { text: String::new(), pairs: Vec::new() }
    }

    /// No attributes, with room for `pairs` of them whose keys and values have
    /// `text_bytes` together.
    pub fn with_capacity(pairs: usize, text_bytes: usize) -> Self {
        Self { text: String::with_capacity(text_bytes), pairs: Vec::with_capacity(pairs) }
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        self.place(key).map(|at| self.value_at(at))
    }

    /// The text of the first of `keys` that is present, is text and is not empty.
    pub fn first_str(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| {
            self.get(key).and_then(ValueRef::as_str).filter(|text| !text.is_empty())
        })
    }

    /// The whole number of the first of `keys` that has one.
    pub fn first_int(&self, keys: &[&str]) -> Option<i64> {
        keys.iter().find_map(|key| self.get(key).and_then(ValueRef::as_int))
    }

    /// Sets `key`, replacing an earlier value.
    ///
    /// # Panics
    /// As [`Self::push`].
    pub fn set(&mut self, key: impl AsRef<str>, value: impl Into<Value>) {
        let (key, value) = (key.as_ref(), value.into());
        match self.place(key) {
            Some(at) => self.replace(at, (&value).into()),
            None => self.push(key, &value),
        }
    }

    /// Adds a pair without looking for an earlier one: for decoders, whose
    /// input has each key once. A repeated key is legal but only the first counts.
    ///
    /// # Panics
    /// When all texts together have 4 GiB, which no request can have.
    pub fn push<'v>(&mut self, key: &str, value: impl Into<ValueRef<'v>>) {
        let (scalar, text) = value.into().parts();
        self.text.push_str(key);
        let key_end = offset(self.text.len());
        self.text.push_str(text);
        self.pairs.push(Pair { key_end, value_end: offset(self.text.len()), scalar });
    }

    /// Every pair, in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { text: &self.text, start: 0, pairs: self.pairs.iter() }
    }

    /// Every pair with its texts as one, which costs less to walk: for hashing.
    pub fn joined(&self) -> impl ExactSizeIterator<Item = Joined<'_>> {
        let mut start = 0;
        self.pairs.iter().map(move |pair| {
            let bytes = &self.text.as_bytes()[start..pair.value_end as usize];
            let key_bytes = pair.key_end as usize - start;
            start = pair.value_end as usize;
            Joined { bytes, key_bytes, scalar: pair.scalar }
        })
    }

    /// Puts another value wherever `replacement` has one; returns how many
    /// there were. Takes time linear in the whole, however many there are.
    pub fn replace_values(
        &mut self,
        mut replacement: impl FnMut(&str, ValueRef<'_>) -> Option<Value>,
    ) -> usize {
        let mut replaced = 0;
        let mut rebuilt: Option<Self> = None;
        for (at, (key, value)) in self.iter().enumerate() {
            match (replacement(key, value), &mut rebuilt) {
                (None, None) => {}
                (None, Some(rebuilt)) => rebuilt.push(key, value),
                (Some(other), rebuilt) => {
                    replaced += 1;
                    rebuilt.get_or_insert_with(|| self.first(at)).push(key, &other);
                }
            }
        }
        if let Some(rebuilt) = rebuilt {
            *self = rebuilt;
        }
        replaced
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Bytes of all keys and texts together.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    fn place(&self, key: &str) -> Option<usize> {
        let (text, key) = (self.text.as_bytes(), key.as_bytes());
        let mut start = 0;
        self.pairs.iter().position(|pair| {
            let found = text[start..pair.key_end as usize] == *key;
            start = pair.value_end as usize;
            found
        })
    }

    fn value_at(&self, at: usize) -> ValueRef<'_> {
        let pair = self.pairs[at];
        pair.scalar.with(&self.text[pair.key_end as usize..pair.value_end as usize])
    }

    fn replace(&mut self, at: usize, value: ValueRef<'_>) {
        let (scalar, text) = value.parts();
        let old = self.pairs[at];
        self.text.replace_range(old.key_end as usize..old.value_end as usize, text);
        let value_end = offset(old.key_end as usize + text.len());
        self.pairs[at] = Pair { value_end, scalar, ..old };
        let moved = |end: u32| offset(end as usize - old.value_end as usize + value_end as usize);
        for pair in &mut self.pairs[at + 1..] {
            pair.key_end = moved(pair.key_end);
            pair.value_end = moved(pair.value_end);
        }
    }

    /// A list of the first `count` pairs, with room for the others.
    fn first(&self, count: usize) -> Self {
        let end = count.checked_sub(1).map_or(0, |last| self.pairs[last].value_end as usize);
        let mut first = Self::with_capacity(self.pairs.len(), self.text.len());
        first.text.push_str(&self.text[..end]);
        first.pairs.extend_from_slice(&self.pairs[..count]);
        first
    }
}

/// A place in the text of a list.
#[inline]
fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("the texts of one list of attributes stay below 4 GiB")
}

impl std::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl FromIterator<(String, Value)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        let mut attributes = Self::new();
        pairs.into_iter().for_each(|(key, value)| attributes.push(&key, &value));
        attributes
    }
}

/// Walks the pairs of a list.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    text: &'a str,
    start: usize,
    pairs: std::slice::Iter<'a, Pair>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, ValueRef<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.pairs.next()?;
        let (key_end, value_end) = (pair.key_end as usize, pair.value_end as usize);
        let key = &self.text[self.start..key_end];
        self.start = value_end;
        Some((key, pair.scalar.with(&self.text[key_end..value_end])))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.pairs.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// Builds a list from bytes that should be UTF-8. Checking the texts of a list
/// at once takes a fraction of the time of checking each.
#[derive(Debug, Clone, Default)]
pub struct AttributesBuilder {
    bytes: Vec<u8>,
    pairs: Vec<Pair>,
    /// A text begins within a character. Together with the whole being UTF-8
    /// this decides whether each text is.
    misplaced: bool,
}

impl AttributesBuilder {
    /// Nothing yet, with room as in [`Attributes::with_capacity`].
    pub fn with_capacity(pairs: usize, text_bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(text_bytes),
            pairs: Vec::with_capacity(pairs),
            misplaced: false,
        }
    }

    /// Adds a pair; `text` is empty unless the value is text or JSON.
    ///
    /// # Panics
    /// As [`Attributes::push`].
    #[inline]
    pub fn push(&mut self, key: &[u8], scalar: Scalar, text: &[u8]) {
        self.misplaced |= begins_within_character(key) | begins_within_character(text);
        self.bytes.extend_from_slice(key);
        let key_end = offset(self.bytes.len());
        self.bytes.extend_from_slice(text);
        self.pairs.push(Pair { key_end, value_end: offset(self.bytes.len()), scalar });
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The list; `None` when one of its texts is not UTF-8.
    pub fn finish(self) -> Option<Attributes> {
        if self.misplaced {
            return None;
        }
        let text = String::from_utf8(self.bytes).ok()?;
        Some(Attributes { text, pairs: self.pairs })
    }
}

#[inline]
fn begins_within_character(text: &[u8]) -> bool {
    matches!(text.first(), Some(0x80..=0xbf))
}

#[cfg(test)]
mod tests;
