//! Keys and values of a map column as they lie there, whatever their encoding.

use datafusion::arrow::array::{
    Array, DictionaryArray, Float64Array, Int64Array, MapArray, StringArray, StringViewArray,
};
use datafusion::arrow::datatypes::Int32Type;

use crate::StoreError;

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
