//! Names that only one room may speak: the invariants that are absences.

use super::Source;

/// A word and the only crates whose code may say it, tests set apart.
const RESERVED: [(&str, &[&str]); 8] = [
    ("datafusion::", &["store"]),
    ("parquet::", &["store"]),
    ("arrow::", &["store"]),
    ("rusqlite::", &["store"]),
    ("prost::", &["wire"]),
    ("std::env::var", &["hotspan", "agent"]),
    ("SystemTime::now", &["hotspan", "agent", "ingest", "store", "imds", "credentials"]),
    (".unwrap()", &[]),
];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut broken = Vec::new();
    for source in sources {
        let room = source.path.split('/').nth(1).unwrap_or_default();
        if source.path.contains("/tests/")
            || matches!(room, "testkit" | "xtask" | "bench" | "bench-agent")
        {
            continue;
        }
        for (at, line) in code_lines(&source.text) {
            for (word, rooms) in RESERVED.iter().filter(|(word, _)| line.contains(word)) {
                if !rooms.contains(&room) {
                    broken.push(format!(
                        "{}:{at}: `{word}` may not be said in `{room}`",
                        source.path
                    ));
                }
            }
        }
    }
    broken
}

/// Numbered lines before the file's tests, comments left out.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}
