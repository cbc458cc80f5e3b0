//! Rows as people and programs read them: a table, CSV, JSON lines.

use std::io::{self, Write};

use hotspan_store::sql::{SqlColumn, SqlValue};

/// Rows from which a table's widths are taken.
const MEASURED_ROWS: usize = 1_000;
/// Characters below which a column is not cut.
const WIDTH_MIN: usize = 8;
/// Characters of a cell at most, where no terminal sets a limit.
const WIDTH_MAX: usize = 10_000;

/// Writes an answer as it comes.
pub(super) trait Printer {
    fn columns(&mut self, columns: &[SqlColumn]) -> io::Result<()>;
    fn rows(&mut self, rows: Vec<Vec<SqlValue>>) -> io::Result<()>;
    fn end(&mut self) -> io::Result<()>;
}

/// For people: columns under their names.
pub(super) struct Table<W> {
    out: W,
    terminal: Option<usize>,
    columns: Vec<SqlColumn>,
    widths: Vec<usize>,
    waiting: Vec<Vec<String>>,
    rows: u64,
}

impl<W: Write> Table<W> {
    /// Cut to `terminal` characters a line, where there is a terminal.
    pub(super) fn new(out: W, terminal: Option<usize>) -> Self {
        Self {
            out,
            terminal,
            columns: Vec::new(),
            widths: Vec::new(),
            waiting: Vec::new(),
            rows: 0,
        }
    }

    /// Sets the widths and writes the head and the rows so far.
    fn begin(&mut self) -> io::Result<()> {
        let names: Vec<String> = self.columns.iter().map(|column| visible(&column.name)).collect();
        let widest = |nth: usize| {
            let cells = self.waiting.iter().filter_map(|row| row.get(nth));
            cells.chain([&names[nth]]).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let wanted = (0..names.len()).map(widest).collect();
        self.widths = widths(wanted, self.terminal);
        self.line(&names)?;
        let rule: Vec<String> = self.widths.iter().map(|width| "─".repeat(*width)).collect();
        writeln!(self.out, "{}", rule.join("  "))?;
        for row in std::mem::take(&mut self.waiting) {
            self.line(&row)?;
        }
        Ok(())
    }

    fn line(&mut self, cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for (nth, cell) in cells.iter().enumerate() {
            let width = self.widths.get(nth).copied().unwrap_or(WIDTH_MAX);
            let cell = cut(cell, width);
            let gap = " ".repeat(width.saturating_sub(cell.chars().count()));
            let is_number = self.columns.get(nth).is_some_and(|column| column.is_number);
            line.push_str(if nth > 0 { "  " } else { "" });
            line.push_str(&if is_number { gap + &cell } else { cell + &gap });
        }
        writeln!(self.out, "{}", line.trim_end())
    }
}

impl<W: Write> Printer for Table<W> {
    fn columns(&mut self, columns: &[SqlColumn]) -> io::Result<()> {
        self.columns = columns.to_vec();
        Ok(())
    }

    fn rows(&mut self, rows: Vec<Vec<SqlValue>>) -> io::Result<()> {
        for row in rows {
            self.rows += 1;
            let cells: Vec<String> = row.iter().map(|value| visible(&plain(value, "∅"))).collect();
            if !self.widths.is_empty() {
                self.line(&cells)?;
                continue;
            }
            self.waiting.push(cells);
            if self.waiting.len() >= MEASURED_ROWS {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if self.widths.is_empty() {
            self.begin()?;
        }
        let rows = if self.rows == 1 { "1 row".to_owned() } else { format!("{} rows", self.rows) };
        writeln!(self.out, "({rows})")?;
        self.out.flush()
    }
}

/// Widths that fit a line: the widest give way first.
fn widths(mut wanted: Vec<usize>, terminal: Option<usize>) -> Vec<usize> {
    let Some(terminal) = terminal else {
        return wanted.into_iter().map(|width| width.clamp(1, WIDTH_MAX)).collect();
    };
    let gaps = 2 * wanted.len().saturating_sub(1);
    while wanted.iter().sum::<usize>() + gaps > terminal {
        match wanted.iter_mut().max() {
            Some(widest) if *widest > WIDTH_MIN => *widest -= 1,
            _ => break,
        }
    }
    wanted.into_iter().map(|width| width.max(1)).collect()
}

fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let kept: String = cell.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

/// Text from outside must not steer the terminal.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    shown
}

fn plain(value: &SqlValue, null: &str) -> String {
    match value {
        SqlValue::Null => null.to_owned(),
        SqlValue::Bool(truth) => truth.to_string(),
        SqlValue::Int(number) => number.to_string(),
        SqlValue::Float(number) => number.to_string(),
        SqlValue::Text(text) | SqlValue::Json(text) => text.clone(),
    }
}

/// RFC 4180, with names in the first line; nothing at all stands for null.
pub(super) struct Csv<W>(pub(super) W);

impl<W: Write> Csv<W> {
    fn line(&mut self, cells: impl Iterator<Item = String>) -> io::Result<()> {
        let cells: Vec<String> = cells.collect();
        write!(self.0, "{}\r\n", cells.join(","))
    }
}

impl<W: Write> Printer for Csv<W> {
    fn columns(&mut self, columns: &[SqlColumn]) -> io::Result<()> {
        self.line(columns.iter().map(|column| csv(&column.name)))
    }

    fn rows(&mut self, rows: Vec<Vec<SqlValue>>) -> io::Result<()> {
        for row in rows {
            self.line(row.iter().map(|value| match value {
                SqlValue::Null => String::new(),
                value => csv(&plain(value, "")),
            }))?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn csv(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// One object a line.
pub(super) struct Jsonl<W> {
    out: W,
    names: Vec<String>,
}

impl<W: Write> Jsonl<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, names: Vec::new() }
    }
}

impl<W: Write> Printer for Jsonl<W> {
    fn columns(&mut self, columns: &[SqlColumn]) -> io::Result<()> {
        self.names = columns.iter().map(|column| json(&column.name)).collect();
        Ok(())
    }

    fn rows(&mut self, rows: Vec<Vec<SqlValue>>) -> io::Result<()> {
        for row in rows {
            let pair =
                |(name, value): (&String, &SqlValue)| format!("{name}:{}", json_value(value));
            let pairs: Vec<String> = self.names.iter().zip(&row).map(pair).collect();
            writeln!(self.out, "{{{}}}", pairs.join(","))?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn json_value(value: &SqlValue) -> String {
    match value {
        SqlValue::Null => "null".to_owned(),
        // JSON knows no number that is not finite.
        SqlValue::Float(number) if !number.is_finite() => json(&number.to_string()),
        SqlValue::Text(text) => json(text),
        value => plain(value, "null"),
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(mut printer: impl Printer, finish: impl FnOnce() -> Vec<u8>, expected: Expect) {
        let column = |name: &str, is_number| SqlColumn { name: name.to_owned(), is_number };
        let columns = [column("name", false), column("n", true), column("map", false)];
        let text = |text: &str| SqlValue::Text(text.to_owned());
        let rows = vec![
            vec![
                text("a, \"b\"\n\u{1b}[2J"),
                SqlValue::Int(12),
                SqlValue::Json("{\"k\":1}".to_owned()),
            ],
            vec![text(""), SqlValue::Float(1.5), SqlValue::Null],
            vec![
                text("long enough to be cut off"),
                SqlValue::Float(f64::NAN),
                SqlValue::Bool(true),
            ],
        ];
        let written = printer.columns(&columns).and_then(|()| printer.rows(rows));
        written.and_then(|()| printer.end()).expect("memory does not fail");
        drop(printer);
        let text = String::from_utf8(finish()).expect("text");
        expected.assert_eq(&text.replace('\r', "<CR>").replace('\u{1b}', "<ESC>"));
    }

    /// A buffer that can still be looked at when a printer owns it.
    #[derive(Clone, Default)]
    struct Shared(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_format() {
        let out = Shared::default;
        let taken = |out: &Shared| {
            let out = out.clone();
            move || out.0.take()
        };
        let wide = out();
        check(
            Table::new(wide.clone(), None),
            taken(&wide),
            expect![[r#"
            name                         n  map
            ─────────────────────────  ───  ───────
            a, "b"\n\u{1b}[2J           12  {"k":1}
                                       1.5  ∅
            long enough to be cut off  NaN  true
            (3 rows)
        "#]],
        );
        let narrow = out();
        check(
            Table::new(narrow.clone(), Some(30)),
            taken(&narrow),
            expect![[r#"
            name                n  map
            ────────────────  ───  ───────
            a, "b"\n\u{1b}[…   12  {"k":1}
                              1.5  ∅
            long enough to …  NaN  true
            (3 rows)
        "#]],
        );
        let csv = out();
        check(
            Csv(csv.clone()),
            taken(&csv),
            expect![[r#"
            name,n,map<CR>
            "a, ""b""
            <ESC>[2J",12,"{""k"":1}"<CR>
            "",1.5,<CR>
            long enough to be cut off,NaN,true<CR>
        "#]],
        );
        let jsonl = out();
        check(
            Jsonl::new(jsonl.clone()),
            taken(&jsonl),
            expect![[r#"
            {"name":"a, \"b\"\n\u001b[2J","n":12,"map":{"k":1}}
            {"name":"","n":1.5,"map":null}
            {"name":"long enough to be cut off","n":"NaN","map":true}
        "#]],
        );
    }
}
