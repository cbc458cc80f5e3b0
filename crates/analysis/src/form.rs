//! The form of a slow statement: what its text shows of why it may take long,
//! and how many rows it brought.
//!
//! Read for statements that took long only, so it may be thorough: one pass
//! over the normal form. Not a parser: it knows clauses, names and what is
//! compared with a value. What it means is decided by the detectors.

use hotspan_knowledge::knowledge;
use hotspan_model::CallKind;
use hotspan_model::normalise::sql;

use crate::classify::database::text_of;
use crate::conventions::{Key, ToldSpan};
use crate::thresholds::FORM_NS_MIN;

/// Longer statements are cut: what they are about stands near their beginning.
const TEXT_BYTES_MAX: usize = 8_192;
/// Columns that are kept of a clause.
const COLUMNS_MAX: usize = 4;

/// What a statement looks like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatementForm {
    /// Rows that it brought, as told.
    pub rows: Option<u32>,
    /// Columns that are compared with values, the first few.
    pub filters: Vec<String>,
    /// Columns that the result is ordered by, the first few.
    pub orders: Vec<String>,
    /// Its clauses.
    pub clauses: Vec<Clause>,
    /// It waits by its nature: for a lock, for time to pass, for a change.
    pub waits: bool,
}

/// A part of a statement that matters to how long it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clause {
    /// It reads.
    Select,
    /// Every column: `SELECT *`.
    AllColumns,
    /// `WHERE`, here or in a part of it.
    Where,
    /// `LIMIT`, `FETCH FIRST`, `TOP`.
    Limit,
    /// `OFFSET`.
    Offset,
    /// `LIKE` or a regular expression.
    Pattern,
    /// `GROUP BY`, `DISTINCT`, or a function over all rows.
    Aggregate,
    /// `FROM f(…)`: what it reads is known to the function.
    Function,
}

impl StatementForm {
    /// True when the statement has such a clause.
    pub fn has(&self, clause: Clause) -> bool {
        self.clauses.contains(&clause)
    }
}

/// The form of the statement that `span` runs, if it took long enough to be
/// asked for.
pub(crate) fn form_of(span: &ToldSpan<'_>, kind: CallKind) -> Option<Box<StatementForm>> {
    let long = span.end.since(span.start) >= FORM_NS_MIN;
    (long && kind == CallKind::Database).then(|| {
        let mut form = text_of(span).map_or(StatementForm::default(), read);
        let rows = span.attributes.first_int(&[Key::DbResponseReturnedRows]);
        form.rows = rows.map(|rows| u32::try_from(rows.max(0)).unwrap_or(u32::MAX));
        Box::new(form)
    })
}

/// What a word is read as part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Select,
    Where,
    Order,
    Other,
}

/// What a pass over a normal form remembers.
struct Reader<'a> {
    form: StatementForm,
    place: Place,
    /// The places around, one for each bracket that is open.
    around: Vec<Place>,
    before: &'a str,
    /// The last name read.
    name: Option<&'a str>,
    /// It stands where a table does: behind `FROM` or `JOIN`.
    source: bool,
    /// A name that was compared and waits for what it is compared with.
    compared: Option<&'a str>,
}

fn read(text: &str) -> StatementForm {
    let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    // Quotes only say that a name is one; a qualified name is one word then.
    let normal = sql::fingerprint(text).replace(['"', '`', '[', ']'], "");
    let mut reader = Reader {
        form: StatementForm::default(),
        place: Place::Other,
        around: Vec::new(),
        before: "",
        name: None,
        source: false,
        compared: None,
    };
    for token in tokens(&normal) {
        reader.token(token);
        reader.before = token;
    }
    reader.form
}

/// Words, signs and brackets of a text without quotes.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', ';']);
        let first = rest.chars().next()?;
        let len = match first {
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            '=' | '<' | '>' | '!' | '~' => {
                rest.find(|c| !"=<>!~*".contains(c)).unwrap_or(rest.len())
            }
            _ => first.len_utf8(),
        };
        let token = &rest[..len];
        rest = &rest[len..];
        Some(token)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '$')
}

impl<'a> Reader<'a> {
    fn token(&mut self, token: &'a str) {
        match token {
            "(" => self.open(),
            ")" => self.place = self.around.pop().unwrap_or(self.place),
            "?" => self.value(),
            "*" => self.star(),
            "," => self.compared = None,
            _ if token.starts_with(['=', '<', '>', '!', '~']) => {
                if token.contains('~') {
                    self.add(Clause::Pattern);
                }
                self.compared = self.name.take();
            }
            _ if token.starts_with(is_word) => self.word(token),
            _ => {}
        }
    }

    fn open(&mut self) {
        if self.source && self.name.is_some_and(|name| name == self.before) {
            self.add(Clause::Function);
        }
        self.around.push(self.place);
    }

    fn word(&mut self, word: &'a str) {
        let before = self.before.to_ascii_uppercase();
        self.form.waits |= knowledge().natural.is_waiting_word(word);
        match word.to_ascii_uppercase().as_str() {
            "SELECT" => {
                self.add(Clause::Select);
                self.enter(Place::Select);
            }
            "WHERE" => {
                self.add(Clause::Where);
                self.enter(Place::Where);
            }
            "ORDER" => self.enter(Place::Order),
            "FROM" | "ON" | "SET" | "VALUES" | "JOIN" | "HAVING" | "RETURNING" | "UNION" => {
                self.enter(Place::Other);
            }
            "GROUP" | "DISTINCT" => {
                self.add(Clause::Aggregate);
                // `DISTINCT` is followed by columns.
                self.enter(if self.place == Place::Select { Place::Select } else { Place::Other });
            }
            "COUNT" | "SUM" | "AVG" | "MIN" | "MAX" if self.place == Place::Select => {
                self.add(Clause::Aggregate);
            }
            "LIMIT" | "TOP" | "FETCH" => {
                self.add(Clause::Limit);
                self.enter(Place::Other);
            }
            "OFFSET" => {
                self.add(Clause::Offset);
                self.enter(Place::Other);
            }
            "LIKE" | "ILIKE" | "RLIKE" | "REGEXP" | "SIMILAR" => {
                self.add(Clause::Pattern);
                self.compared = self.name.take();
            }
            "IN" | "BETWEEN" | "ANY" | "ALL" => self.compared = self.compared.or(self.name.take()),
            // What is compared with nothing is a column, too.
            "NULL" if before == "IS" || before == "NOT" => {
                self.compared = self.name.take();
                self.value();
            }
            "UPDATE" | "SHARE" if before == "FOR" || before == "KEY" => self.form.waits = true,
            "AND" | "OR" | "NOT" | "IS" | "BY" | "ASC" | "DESC" | "NULLS" | "FIRST" | "LAST"
            | "AS" | "FOR" | "NO" | "KEY" | "CASE" | "WHEN" | "THEN" | "ELSE" | "END" => {}
            _ => self.name_of(word),
        }
    }

    fn name_of(&mut self, word: &'a str) {
        self.compared = None;
        self.source = ["FROM", "JOIN"].iter().any(|from| from.eq_ignore_ascii_case(self.before));
        self.name = Some(word);
        if self.place == Place::Order {
            keep(&mut self.form.orders, word);
        }
    }

    fn value(&mut self) {
        if self.place == Place::Where
            && let Some(column) = self.compared.take()
        {
            keep(&mut self.form.filters, column);
        }
    }

    /// `*` among the columns; that of `count(*)` and of a product is none.
    fn star(&mut self) {
        let list = self.before.eq_ignore_ascii_case("select")
            || self.before == ","
            || self.before.ends_with('.');
        if self.place == Place::Select && list {
            self.add(Clause::AllColumns);
        }
    }

    fn enter(&mut self, place: Place) {
        self.place = place;
        (self.name, self.compared) = (None, None);
    }

    fn add(&mut self, clause: Clause) {
        if !self.form.has(clause) {
            self.form.clauses.push(clause);
        }
    }
}

/// Keeps a column without the table it is of.
fn keep(columns: &mut Vec<String>, name: &str) {
    let column = name.rsplit('.').next().unwrap_or(name);
    let is_name = column.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if is_name && columns.len() < COLUMNS_MAX && !columns.iter().any(|known| known == column) {
        columns.push(column.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read() {
        use Clause::{Aggregate, AllColumns, Function, Limit, Offset, Pattern, Select, Where};
        for (text, clauses, filters, orders) in [
            ("SELECT * FROM orders", &[Select, AllColumns][..], "", ""),
            ("select o.* from orders o", &[Select, AllColumns], "", ""),
            ("SELECT count(*) FROM orders", &[Select, Aggregate], "", ""),
            ("SELECT a * b FROM orders LIMIT 5", &[Select, Limit], "", ""),
            (
                r#"SELECT "o"."id" FROM "orders" AS "o" WHERE "o"."state" = $1 AND at>=$2 ORDER BY "o"."at" DESC LIMIT 10 OFFSET 200"#,
                &[Select, Where, Limit, Offset],
                "state at",
                "at",
            ),
            (
                "SELECT id FROM a JOIN b ON a.id = b.a_id WHERE a.id = b.id AND b.kind IN (1, 2)",
                &[Select, Where],
                "kind",
                "",
            ),
            ("SELECT id FROM a WHERE lower(name) LIKE ?", &[Select, Where, Pattern], "name", ""),
            ("SELECT id FROM a WHERE x BETWEEN 1 AND 2 AND y IS NULL", &[Select, Where], "x y", ""),
            ("SELECT id FROM a WHERE tag = ANY($1)", &[Select, Where], "tag", ""),
            (
                "SELECT kind, max(at) FROM a GROUP BY kind ORDER BY 2, kind",
                &[Select, Aggregate],
                "",
                "kind",
            ),
            (
                "SELECT id FROM (SELECT id, at FROM a WHERE b = 1) t ORDER BY at",
                &[Select, Where],
                "b",
                "at",
            ),
            ("SELECT * FROM report($1, $2)", &[Select, AllColumns, Function], "", ""),
            ("INSERT INTO a (b) SELECT b FROM c", &[Select], "", ""),
            ("UPDATE a SET b = 1 WHERE c = 2", &[Where], "c", ""),
            ("INSERT INTO a (b) VALUES (1)", &[], "", ""),
            (r#"{"find": "users", "filter": {"a": 1}}"#, &[], "", ""),
            ("", &[], "", ""),
        ] {
            let form = read(text);
            let columns = (form.filters.join(" "), form.orders.join(" "));
            assert_eq!(form.clauses, clauses, "{text}");
            assert_eq!(columns, (filters.to_owned(), orders.to_owned()), "{text}");
            assert!(!form.waits, "{text}");
        }
    }

    #[test]
    fn waits_are_told() {
        for text in [
            "SELECT pg_sleep(5)",
            "SELECT * FROM jobs WHERE state = 'new' FOR UPDATE SKIP LOCKED",
            "SELECT id FROM a WHERE b = 1 FOR NO KEY UPDATE",
            "SELECT pg_advisory_xact_lock($1)",
            r#"{"aggregate": "a", "pipeline": [{"$changeStream": {}}]}"#,
        ] {
            assert!(read(text).waits, "{text}");
        }
    }
}
