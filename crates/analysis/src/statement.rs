//! What a statement or an address looks like beyond its operation, in a few
//! bytes: which statements are the same but for their values, which read page
//! by page, and which already do for many rows what others do for one.
//!
//! Not a parser: one pass over the bytes, at about a nanosecond each, because
//! every span with a statement goes through here.

use hotspan_knowledge::knowledge;
use hotspan_model::CallKind;

use crate::classify::database::text_of;
use crate::classify::http::parts_of;
use crate::conventions::ToldSpan;

/// Longer statements are cut: the start tells queries apart.
const TEXT_BYTES_MAX: usize = 4_096;
/// A list of at least so many values is a batch whatever stands beside it: a
/// short one may be a list of states.
const BATCH_VALUES_MIN: usize = 10;

/// The traits of a call that its operation does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits {
    /// Hash of the statement without its values; 0 when there is none.
    pub shape: u32,
    /// Where in a longer result it reads: 0 when it does not read by pages, 1
    /// when the place is not told, else a hash of the place.
    pub page: u16,
    /// It asks for or writes many rows at once.
    pub batch: bool,
    /// It waits for a lock if somebody else has it.
    pub locks: bool,
}

/// The traits of a call of `kind` that `span` makes.
pub(crate) fn traits_of(span: &ToldSpan<'_>, kind: CallKind) -> Traits {
    match kind {
        CallKind::Database => text_of(span).map_or(Traits::default(), of_statement),
        CallKind::Http => Traits { page: page_of_address(span), ..Traits::default() },
        _ => Traits::default(),
    }
}

/// The place that paging parameters of the address name.
fn page_of_address(span: &ToldSpan<'_>) -> u16 {
    let query = parts_of(span).map_or("", |request| request.query);
    let is_place = |key: &str| {
        let plain = key.chars().filter(|c| c.is_ascii_alphanumeric());
        let plain: String = plain.map(|c| c.to_ascii_lowercase()).collect();
        knowledge().natural.paging_parameters.contains(&plain)
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let places = pairs.filter(|(key, _)| is_place(key)).map(|(_, value)| value);
    let place = places.fold(None, |place: Option<u32>, value| {
        Some(hash(place.unwrap_or(FIRST), value.as_bytes()))
    });
    place.map_or(0, page)
}

/// What hashes begin with (FNV-1a).
const FIRST: u32 = 0x811c_9dc5;

fn hash(state: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(state, |state, byte| (state ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// A hash of a place as a page; never 0 or 1, which have a meaning.
fn page(place: u32) -> u16 {
    ((place ^ (place >> 16)) as u16).max(2)
}

/// What a pass over a statement remembers.
#[derive(Default)]
struct Reader {
    shape: u32,
    /// The word or sign before, which says what a value is for.
    before: Before,
    /// The list of values being read.
    list: Option<List>,
    /// Brackets open.
    depth: usize,
    /// Behind `VALUES`: how many were open there.
    values_at: Option<usize>,
    /// Rows behind `VALUES`.
    rows: usize,
    longest_list: usize,
    /// A list that may stand for any number: `IN (?)`.
    open_list: bool,
    equals_value: bool,
    compares: bool,
    orders: bool,
    limits: bool,
    offset: u16,
    locks: bool,
    /// `NOWAIT`, `SKIP LOCKED`.
    passes_locks: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Before {
    #[default]
    Other,
    In,
    Equals,
    Compares,
    Offset,
    Any,
    For,
}

#[derive(Clone, Copy)]
struct List {
    values: usize,
    marks: usize,
}

/// The traits of a statement's text.
fn of_statement(text: &str) -> Traits {
    let bytes = &text.as_bytes()[..text.len().min(TEXT_BYTES_MAX)];
    let mut reader = Reader { shape: FIRST, ..Reader::default() };
    let mut at = 0;
    while at < bytes.len() {
        at = reader.token(bytes, at);
    }
    reader.finish()
}

impl Reader {
    /// Reads the token at `at`; returns where the next one begins.
    fn token(&mut self, bytes: &[u8], at: usize) -> usize {
        let rest = &bytes[at..];
        match rest[0] {
            b'\'' => {
                let len = quoted_len(rest);
                self.value(&rest[..len]);
                at + len
            }
            byte if byte.is_ascii_digit() => {
                let len = run_len(rest, |b| b.is_ascii_alphanumeric() || b == b'.');
                self.value(&rest[..len]);
                at + len
            }
            b'?' | b'$' | b'@' | b':' | b'%' => self.parameter(rest, at),
            byte if is_word(byte) => {
                let len = run_len(rest, is_word);
                self.word(&rest[..len]);
                at + len
            }
            byte => {
                self.sign(byte);
                at + 1
            }
        }
    }

    /// `?`, `$1`, `:name`, `@name`, `%s`, `%(name)s`; other signs as they are.
    fn parameter(&mut self, rest: &[u8], at: usize) -> usize {
        let name = run_len(&rest[1..], is_word);
        let len = match rest {
            [b'?', ..] => 1,
            [b'%', b's' | b'd', ..] => 2,
            [b'%', b'(', ..] => rest.iter().position(|b| *b == b')').map_or(1, |end| end + 2),
            [b':', b':', ..] => 0,
            [b'$' | b':' | b'@', ..] if name > 0 => 1 + name,
            _ => 0,
        };
        match len {
            0 => {
                self.sign(rest[0]);
                // A cast's second colon begins no parameter.
                at + if rest.starts_with(b"::") { 2 } else { 1 }
            }
            len => {
                self.value(&rest[..len.min(rest.len())]);
                at + len
            }
        }
    }

    /// A value or the place of one. Neighbours in a list are one in the shape.
    fn value(&mut self, text: &[u8]) {
        match self.before {
            Before::Equals => self.equals_value = true,
            Before::Compares => self.compares = true,
            Before::Offset => {
                let told = text[0].is_ascii_digit();
                self.offset = if told { page(hash(FIRST, text)) } else { 1 };
            }
            _ => {}
        }
        let mut first = true;
        if let Some(list) = &mut self.list {
            list.values += 1;
            list.marks += usize::from(text == b"?");
            first = list.values == 1;
        }
        if first && !self.in_further_row() {
            self.shape = hash(self.shape, b"?");
        }
        self.before = Before::Other;
    }

    /// True behind the first row of `VALUES`: more of them change no shape.
    fn in_further_row(&self) -> bool {
        self.values_at.is_some() && self.rows > 1
    }

    fn word(&mut self, word: &[u8]) {
        let is = |text: &str| word.eq_ignore_ascii_case(text.as_bytes());
        self.lock(word);
        self.before = match word.len() {
            2 if is("in") => Before::In,
            3 if is("any") => Before::Any,
            3 if is("for") => Before::For,
            6 if is("offset") => Before::Offset,
            _ => Before::Other,
        };
        self.orders |= word.len() == 5 && is("order");
        self.limits |= word.len() == 5 && (is("limit") || is("fetch"));
        if word.len() == 6 && is("values") {
            self.values_at = Some(self.depth);
        } else if self.values_at == Some(self.depth) {
            // `ON CONFLICT (…)`: the rows are over.
            self.values_at = None;
        }
        if !self.in_further_row() {
            self.shape = word.iter().fold(hash(self.shape, b" "), |state, byte| {
                hash(state, &[byte.to_ascii_lowercase()])
            });
        }
    }

    /// `FOR UPDATE` and its kin, `LOCK TABLE`, functions that wait for a lock.
    fn lock(&mut self, word: &[u8]) {
        const FUNCTIONS: [&str; 6] = [
            "get_lock",
            "pg_advisory_lock",
            "pg_advisory_lock_shared",
            "pg_advisory_xact_lock",
            "pg_advisory_xact_lock_shared",
            "sp_getapplock",
        ];
        let is = |text: &str| word.eq_ignore_ascii_case(text.as_bytes());
        self.locks |= match word.len() {
            2 | 3 | 5 | 6 if self.before == Before::For => {
                ["no", "key", "share", "update"].into_iter().any(is)
            }
            4 => self.shape == FIRST && is("lock"),
            8 | 13 | 16 | 21 | 23 | 28 => FUNCTIONS.into_iter().any(is),
            _ => false,
        };
        self.passes_locks |= match word.len() {
            4 => self.locks && is("skip"),
            6 => self.locks && is("nowait"),
            _ => false,
        };
    }

    fn sign(&mut self, sign: u8) {
        match sign {
            b'(' => {
                let is_row = self.values_at == Some(self.depth);
                self.rows += usize::from(is_row);
                self.depth += 1;
                // `ANY($1)` takes an array.
                self.open_list |= self.before == Before::Any;
                let is_list = is_row || self.before == Before::In;
                self.list = is_list.then_some(List { values: 0, marks: 0 });
            }
            b')' => {
                self.depth = self.depth.saturating_sub(1);
                let list = self.list.take().filter(|_| self.values_at.is_none());
                if let Some(list) = list {
                    self.longest_list = self.longest_list.max(list.values);
                    self.open_list |= list.values > 1 || (list.values == 1 && list.marks == 1);
                }
            }
            b'=' if self.before == Before::Compares => {}
            b'=' => self.before = Before::Equals,
            b'<' | b'>' => self.before = Before::Compares,
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'`' | b'[' => return,
            _ => self.before = Before::Other,
        }
        if self.list.is_none() && !self.in_further_row() && !matches!(sign, b',' | b';') {
            self.shape = hash(self.shape, &[sign]);
        }
    }

    fn finish(self) -> Traits {
        let by_key = self.compares && self.orders && self.limits && !self.equals_value;
        let lists = self.longest_list >= BATCH_VALUES_MIN || (self.open_list && !self.equals_value);
        Traits {
            shape: self.shape.max(1),
            page: if self.offset == 0 { u16::from(by_key) } else { self.offset },
            batch: lists || self.rows > 1,
            locks: self.locks && !self.passes_locks,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn run_len(bytes: &[u8], of_run: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| of_run(**byte)).count()
}

/// Up to the quote that closes; two of them stand for one.
fn quoted_len(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'\'', Some(b'\'')) | (b'\\', Some(_)) => at += 2,
            (b'\'', _) => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_differ_in_values_have_one_shape() {
        for (one, other, same) in [
            ("SELECT * FROM a WHERE id = 1", "select *  from a where id=$1", true),
            ("SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = 'it''s'", true),
            ("SELECT a FROM t WHERE b IN (1, 2, 3)", "SELECT a FROM t WHERE b IN (?)", true),
            ("INSERT INTO t VALUES (1, 2)", "INSERT INTO t VALUES (1, 2), (3, 4)", true),
            ("SELECT a::text FROM t WHERE b = :b", "SELECT a::text FROM t WHERE b = %(b)s", true),
            ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE c = 1", false),
            ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b > 1", false),
            ("SELECT count(*) FROM t", "SELECT a FROM t", false),
        ] {
            let shapes = [one, other].map(|text| of_statement(text).shape);
            assert_eq!(shapes[0] == shapes[1], same, "{one} / {other}");
        }
    }

    #[test]
    fn pages_and_batches_are_told() {
        for (text, page, batch) in [
            ("SELECT * FROM a WHERE id = 1", "", false),
            ("SELECT * FROM a LIMIT 20 OFFSET ?", "unknown", false),
            ("SELECT * FROM a LIMIT 20 OFFSET 40", "known", false),
            ("SELECT * FROM a WHERE id > 900 ORDER BY id LIMIT 100", "unknown", false),
            ("SELECT * FROM a WHERE b = 7 AND at > ? ORDER BY at LIMIT 3", "", false),
            ("SELECT * FROM a WHERE id IN (?, ?)", "", true),
            ("SELECT * FROM a WHERE id IN (?)", "", true),
            ("SELECT * FROM a WHERE id IN ($1)", "", false),
            ("SELECT * FROM a WHERE b = $1 AND state IN ('new', 'open')", "", false),
            ("SELECT * FROM a WHERE b = 1 AND id IN (1,2,3,4,5,6,7,8,9,10)", "", true),
            ("SELECT * FROM a WHERE id = ANY($1)", "", true),
            ("SELECT * FROM a WHERE b IN (SELECT c FROM d WHERE e = $1)", "", false),
            ("INSERT INTO a (b, c) VALUES (?, now()) ON CONFLICT (b) DO NOTHING", "", false),
            ("INSERT INTO a (b, c) VALUES (?, now()), (?, now())", "", true),
            ("", "", false),
            ("'", "", false),
        ] {
            let traits = of_statement(text);
            let told = ["", "unknown", "known"][usize::from(traits.page.min(2))];
            assert_eq!((told, traits.batch), (page, batch), "{text}");
        }
    }

    #[test]
    fn locks_are_told() {
        for (text, locks) in [
            ("SELECT * FROM stock WHERE id = $1 FOR UPDATE", true),
            ("select * from stock where id = $1 for no key update of stock", true),
            ("SELECT * FROM stock FOR SHARE", true),
            ("SELECT * FROM stock FOR UPDATE NOWAIT", false),
            ("SELECT * FROM stock LIMIT 1 FOR UPDATE SKIP LOCKED", false),
            ("SELECT pg_advisory_xact_lock($1, $2)", true),
            ("SELECT GET_LOCK('import', 10)", true),
            ("LOCK TABLE stock IN EXCLUSIVE MODE", true),
            ("SELECT pg_try_advisory_lock(1)", false),
            ("SELECT update, lock FROM for_update", false),
            ("UPDATE stock SET n = 1", false),
        ] {
            assert_eq!(of_statement(text).locks, locks, "{text}");
        }
    }
}
