//! Rooms stay small: files and functions have limits.

use super::Source;

/// Lines a file may have.
const FILE_LINES_MAX: usize = 500;
/// Lines a function outside tests may have, signature and braces included.
const FUNCTION_LINES_MAX: usize = 70;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut broken = Vec::new();
    for source in sources {
        let lines: Vec<&str> = source.text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            let count = lines.len();
            broken.push(format!("{}: {count} lines, at most {FILE_LINES_MAX}", source.path));
        }
        if !source.path.contains("/tests/") {
            broken.extend(long_functions(&source.path, &lines));
        }
    }
    broken
}

/// rustfmt closes a function with a brace at the indentation of its first
/// line, so no parser is needed. A test module ends the search: tables of test
/// data may be long.
fn long_functions(path: &str, lines: &[&str]) -> Vec<String> {
    let mut broken = Vec::new();
    let end = lines.iter().position(|line| line.starts_with("#[cfg(test)]")).unwrap_or(lines.len());
    for (start, line) in lines[..end].iter().enumerate().filter(|(_, line)| begins_function(line)) {
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let length =
            lines[start..end].iter().position(|line| *line == closing).map_or(0, |at| at + 1);
        if length > FUNCTION_LINES_MAX {
            let at = start + 1;
            broken.push(format!(
                "{path}:{at}: function of {length} lines, at most {FUNCTION_LINES_MAX}"
            ));
        }
    }
    broken
}

fn begins_function(line: &str) -> bool {
    let mut words = line.trim_start();
    for prefix in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "] {
        words = words.strip_prefix(prefix).unwrap_or(words);
    }
    words.starts_with("fn ") && !line.ends_with(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_function(body_lines: usize) -> usize {
        let text = format!(
            "    pub(crate) async fn long() {{\n{}    }}\n",
            "        step();\n".repeat(body_lines)
        );
        long_functions("x.rs", &text.lines().collect::<Vec<_>>()).len()
    }

    #[test]
    fn counts_from_signature_to_brace() {
        assert_eq!((check_function(68), check_function(69)), (0, 1));
    }
}
