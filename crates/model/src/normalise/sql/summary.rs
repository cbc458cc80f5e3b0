//! A statement in a few words, as OpenTelemetry's `db.query.summary`: what is
//! done, to which tables. Reads tokens; knows just enough grammar for that.

use super::lexer::{Kind, Quotes, Token, is_keyword, tokens};

/// OpenTelemetry's limit for `db.query.summary`.
const SUMMARY_BYTES_MAX: usize = 255;

/// Statements that name something other than a table after their verb.
const DEFINITIONS: &[&str] = &["CREATE", "ALTER", "DROP", "TRUNCATE"];
/// Words between such a verb and the name that say how, not what.
const HOW: &[&str] = &[
    "IF",
    "NOT",
    "EXISTS",
    "OR",
    "REPLACE",
    "UNIQUE",
    "CLUSTERED",
    "NONCLUSTERED",
    "CONCURRENTLY",
    "MATERIALIZED",
    "UNLOGGED",
    "EXTERNAL",
];
/// Things whose definition has statements in it, semicolons included.
const PROGRAMS: &[&str] = &["TRIGGER", "PROCEDURE", "PROC", "FUNCTION", "PACKAGE", "EVENT"];
const CALLS: &[&str] = &["CALL", "EXEC", "EXECUTE"];
const CHANGES: &[&str] = &["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"];

/// `SELECT orders customers`, `INSERT archive SELECT orders`: operations and
/// the tables they touch in the order and the case of the text, never longer
/// than 255 bytes. Text that is no SQL yields its first word.
pub fn summary(sql: &str) -> String {
    written(sql, Writer::default())
}

/// The summary with its operations in capitals, so that `select` and `SELECT`
/// are one call.
pub fn operation(sql: &str) -> String {
    written(sql, Writer { capitals: true, ..Writer::default() })
}

fn written(sql: &str, mut writer: Writer) -> String {
    let tokens: Vec<Token<'_>> =
        tokens(sql, Quotes::Name).filter(|token| token.kind != Kind::Space).collect();
    for statement in tokens.split(|token| token.text == ";") {
        writer.statement(statement);
        if writer.in_program {
            break;
        }
    }
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    full: bool,
    capitals: bool,
    /// A trigger or its like is being defined: all that follows is its body.
    in_program: bool,
    /// Names that `WITH` gave to subqueries: not tables.
    named_queries: Vec<String>,
}

/// What a bracket level is in the middle of.
#[derive(Clone, Copy, Default)]
struct Level {
    /// An operation began on this level, so that `FROM` introduces tables.
    operation: bool,
    /// The next name is a table.
    table_next: bool,
    /// A comma brings another table.
    in_list: bool,
}

impl Writer {
    fn statement(&mut self, tokens: &[Token<'_>]) {
        let Some(first) = tokens.iter().find(|token| token.kind == Kind::Word) else {
            return;
        };
        if !self.out.is_empty() {
            self.out.push(';');
        }
        let verb = first.text.to_ascii_uppercase();
        let verb_is = |verbs: &[&str]| verbs.contains(&verb.as_str());
        if verb_is(DEFINITIONS) {
            self.definition(tokens);
        } else if verb_is(CALLS) {
            self.push_operation(first.text);
            if let Some((name, _)) = name_at(tokens, 1) {
                self.push(&name);
            }
        } else if verb_is(CHANGES) || matches!(verb.as_str(), "SELECT" | "WITH" | "EXPLAIN") {
            self.query(tokens);
        } else {
            self.push_operation(first.text);
        }
    }

    /// `CREATE TABLE x`, `DROP INDEX y`: the verb, what it is, and its name.
    fn definition(&mut self, tokens: &[Token<'_>]) {
        let mut words = 0;
        let mut index = 0;
        let mut truncates = false;
        while let Some((name, next)) = name_at(tokens, index) {
            let upper = name.to_ascii_uppercase();
            index = next;
            if HOW.contains(&upper.as_str()) || (words < 2 && upper.starts_with("TEMP")) {
                continue;
            }
            truncates |= words == 0 && upper == "TRUNCATE";
            // `TRUNCATE orders` needs no word for what it is.
            let named = words == 2 || (words == 1 && truncates && upper != "TABLE");
            if named {
                return self.push(&name);
            }
            self.in_program |= words == 1 && PROGRAMS.contains(&upper.as_str());
            self.push_operation(&name);
            words += 1;
        }
    }

    fn query(&mut self, tokens: &[Token<'_>]) {
        let mut levels = vec![Level::default()];
        let mut index = 0;
        while index < tokens.len() && !self.full {
            index = self.query_token(tokens, index, &mut levels);
        }
    }

    /// Handles the token at `index`; returns where to go on.
    fn query_token(
        &mut self,
        tokens: &[Token<'_>],
        index: usize,
        levels: &mut Vec<Level>,
    ) -> usize {
        let token = tokens[index];
        let depth = levels.len();
        let Some(level) = levels.last_mut() else {
            return tokens.len();
        };
        match token.text {
            "(" => {
                level.table_next = false;
                levels.push(Level::default());
                return index + 1;
            }
            ")" => {
                if depth > 1 {
                    levels.pop();
                }
                return index + 1;
            }
            "," => {
                level.table_next = level.in_list;
                return index + 1;
            }
            _ => {}
        }
        if level.table_next {
            return self.table(tokens, index, level);
        }
        if token.kind == Kind::Word {
            self.word(tokens, index, level);
        }
        index + 1
    }

    fn table(&mut self, tokens: &[Token<'_>], index: usize, level: &mut Level) -> usize {
        let passed = ["ONLY", "LATERAL", "INTO", "FROM", "IGNORE", "OR", "REPLACE", "AS"];
        let upper = tokens[index].text.to_ascii_uppercase();
        let introduces = upper == "TABLE" && introduces_name(tokens.get(index + 1));
        if introduces || passed.contains(&upper.as_str()) {
            return index + 1;
        }
        level.table_next = false;
        let Some((name, next)) = name_at(tokens, index) else {
            return index + 1;
        };
        if tokens[index].kind == Kind::Word && is_keyword(&upper) {
            // Not a name after all, e.g. `SELECT … INTO` without one.
            self.word(tokens, index, level);
            return index + 1;
        }
        if !self.named_queries.contains(&name) {
            self.push(&name);
        }
        next
    }

    fn word(&mut self, tokens: &[Token<'_>], index: usize, level: &mut Level) {
        let upper = tokens[index].text.to_ascii_uppercase();
        let before = index.checked_sub(1).map(|at| tokens[at].text);
        let opens = matches!(before, None | Some("(" | ")"))
            || before_is(before, &["ALL", "EXPLAIN", "ANALYZE"]);
        match upper.as_str() {
            "SELECT" => {
                *level = Level { operation: true, ..Level::default() };
                // What a union adds are more tables of one operation.
                if !before_is(before, &["UNION", "ALL", "INTERSECT", "EXCEPT", "MINUS"]) {
                    self.push_operation(tokens[index].text);
                }
            }
            change if CHANGES.contains(&change) && opens => {
                *level = Level { operation: true, table_next: true, in_list: false };
                self.push_operation(tokens[index].text);
            }
            "FROM" if level.operation && !before_is(before, &["DISTINCT"]) => {
                level.table_next = true;
                level.in_list = true;
            }
            "JOIN" | "INTO" | "USING"
                if level.operation
                    && tokens
                        .get(index + 1)
                        .is_some_and(|next| next.text != "(" || upper == "JOIN") =>
            {
                level.table_next = true;
            }
            "AS" if !level.operation => {
                // `WITH name AS (…)`.
                if let Some(name) = before {
                    self.named_queries.push(plain_name(name));
                }
            }
            "WHERE" | "ON" | "SET" | "GROUP" | "ORDER" | "LIMIT" | "HAVING" | "VALUES"
            | "UNION" => {
                level.in_list = false;
            }
            _ => {}
        }
    }

    fn push_operation(&mut self, word: &str) {
        if self.capitals {
            self.push(&word.to_ascii_uppercase());
        } else {
            self.push(word);
        }
    }

    fn push(&mut self, word: &str) {
        let room = SUMMARY_BYTES_MAX.saturating_sub(self.out.len() + 1);
        if self.full || word.len() > room {
            self.full = true;
            return;
        }
        if !self.out.is_empty() {
            self.out.push(' ');
        }
        self.out.push_str(word);
    }
}

/// True behind `INTO TABLE`, where a name follows; `FROM table WHERE` has its name.
fn introduces_name(next: Option<&Token<'_>>) -> bool {
    next.is_some_and(|next| match next.kind {
        Kind::Word => !is_keyword(next.text),
        Kind::Quoted => true,
        _ => next.text == "(",
    })
}

fn before_is(before: Option<&str>, words: &[&str]) -> bool {
    before.is_some_and(|text| words.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

/// The dotted name at `index` and the index after it.
fn name_at(tokens: &[Token<'_>], index: usize) -> Option<(String, usize)> {
    // A literal in the place of a table is one in quotes of the wrong kind.
    let is_name = |token: &Token<'_>| {
        matches!(token.kind, Kind::Word | Kind::Quoted) || token.text.starts_with('\'')
    };
    let mut name = plain_name(tokens.get(index).filter(|token| is_name(token))?.text);
    let mut next = index + 1;
    while tokens.get(next).is_some_and(|token| token.text == ".")
        && let Some(part) = tokens.get(next + 1).filter(|token| is_name(token))
    {
        name.push('.');
        name.push_str(&plain_name(part.text));
        next += 2;
    }
    Some((name, next))
}

/// Without its quotes, unless it would not be one word then.
fn plain_name(text: &str) -> String {
    let bare = text.trim_matches(['"', '`', '[', ']', '\'']);
    let one_word =
        !bare.is_empty() && bare.chars().all(|c| c.is_alphanumeric() || "_$@.".contains(c));
    if one_word { bare } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statements_are_summarised() {
        for (sql, expected) in [
            ("SELECT * FROM orders WHERE id = 1", "SELECT orders"),
            ("select \"users\".* from \"users\" where \"users\".\"id\" = $1", "select users"),
            ("SELECT * FROM songs, artists WHERE songs.a = artists.id", "SELECT songs artists"),
            ("SELECT * FROM \"song list\", 'artists'", "SELECT \"song list\" artists"),
            (
                "SELECT o.d FROM (SELECT * FROM orders o JOIN customers c ON o.c = c.id) x",
                "SELECT SELECT orders customers",
            ),
            (
                "INSERT INTO shipping (a, b) SELECT a, b FROM orders",
                "INSERT shipping SELECT orders",
            ),
            ("INSERT INTO shop.items VALUES (1, 'from x')", "INSERT shop.items"),
            ("UPDATE accounts SET a = 1 WHERE b IN (SELECT b FROM c)", "UPDATE accounts SELECT c"),
            ("DELETE FROM sessions WHERE t < now()", "DELETE sessions"),
            ("SELECT id FROM jobs ORDER BY id FOR UPDATE SKIP LOCKED", "SELECT jobs"),
            ("INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET a = 1", "INSERT t"),
            ("SELECT extract(year FROM d), trim(both ' ' from e) FROM f", "SELECT f"),
            (
                "WITH recent AS (SELECT * FROM orders) SELECT * FROM recent JOIN x USING (id)",
                "SELECT orders SELECT x",
            ),
            ("SELECT a FROM b UNION ALL SELECT c FROM d", "SELECT b d"),
            ("MERGE INTO stock USING delivery ON a = b", "MERGE stock delivery"),
            ("CREATE TABLE IF NOT EXISTS users (id int)", "CREATE TABLE users"),
            ("CREATE UNIQUE INDEX by_name ON users (name)", "CREATE INDEX by_name"),
            ("CREATE MATERIALIZED VIEW sales AS SELECT 1", "CREATE VIEW sales"),
            ("CREATE TEMPORARY TABLE temp_ids (id int)", "CREATE TABLE temp_ids"),
            ("TRUNCATE orders", "TRUNCATE orders"),
            ("truncate table orders", "truncate table orders"),
            ("INSERT INTO TABLE t SELECT * FROM table", "INSERT t SELECT table"),
            ("CALL refresh_totals(1)", "CALL refresh_totals"),
            ("BEGIN; SELECT 1; COMMIT", "BEGIN; SELECT; COMMIT"),
            ("SAVEPOINT active_record_1", "SAVEPOINT"),
            ("SHOW TABLES", "SHOW"),
            ("", ""),
            ("42", ""),
        ] {
            assert_eq!(summary(sql), expected, "{sql}");
        }
    }

    #[test]
    fn operations_are_one_call_however_they_are_typed() {
        for (sql, expected) in [
            ("select * from Orders o join items i on 1 = 1", "SELECT Orders items"),
            ("drop table if exists Orders", "DROP TABLE Orders"),
            ("exec Totals 1", "EXEC Totals"),
            ("begin", "BEGIN"),
        ] {
            assert_eq!(operation(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_summary_is_cut_between_words() {
        let tables: Vec<String> = (0..100).map(|n| format!("table_{n}")).collect();
        let summary = summary(&format!("SELECT * FROM {}", tables.join(", ")));
        let expected = format!("SELECT {}", tables[..28].join(" "));
        assert_eq!(summary, expected, "{} bytes", summary.len());
        assert!(
            summary.len() <= SUMMARY_BYTES_MAX
                && summary.len() + " table_28".len() > SUMMARY_BYTES_MAX
        );
    }

    proptest! {
        #[test]
        fn summaries_are_short(
            sql in "(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH) [a-z (),.;='\"]{0,600}"
        ) {
            let summary = summary(&sql);
            prop_assert!(summary.len() <= SUMMARY_BYTES_MAX);
        }
    }
}
