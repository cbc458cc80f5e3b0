//! Edits scalars inside JSON text and leaves every other byte alone, which no
//! parse-and-print would. Which scalars, the caller decides.

use serde::de::IgnoredAny;

/// Given the keys that lead to a scalar and the scalar's JSON text, its new
/// JSON text; `None` to leave it. Lists add nothing to the keys.
pub(super) type Edit<'a> = dyn Fn(&[&str], &str) -> Option<String> + 'a;

/// Rewrites one JSON document; `None` when it is not one.
pub(super) fn rewrite(json: &[u8], edit: &Edit<'_>) -> Option<Vec<u8>> {
    let json = std::str::from_utf8(json).ok()?;
    serde_json::from_str::<IgnoredAny>(json).ok()?;
    let mut scanner = Scanner {
        rest: json,
        output: String::with_capacity(json.len() + json.len() / 16),
        path: Vec::new(),
        open: Vec::new(),
        expects_key: false,
    };
    while scanner.step(edit) {}
    Some(scanner.output.into_bytes())
}

/// What surrounds the place that is read.
#[derive(Clone, Copy, PartialEq)]
enum Surrounding {
    Object,
    List,
}

/// Walks over text that is known to be JSON.
struct Scanner<'a> {
    rest: &'a str,
    output: String,
    /// The key of each object that is open, as written between its quotes.
    path: Vec<&'a str>,
    open: Vec<Surrounding>,
    expects_key: bool,
}

impl<'a> Scanner<'a> {
    /// Copies or edits one token; false at the end.
    fn step(&mut self, edit: &Edit<'_>) -> bool {
        let Some(first) = self.rest.bytes().next() else {
            return false;
        };
        match first {
            b'{' => {
                self.open.push(Surrounding::Object);
                self.path.push("");
                self.expects_key = true;
                self.copy(1);
            }
            b'[' => {
                self.open.push(Surrounding::List);
                self.expects_key = false;
                self.copy(1);
            }
            b'}' | b']' => {
                if self.open.pop() == Some(Surrounding::Object) {
                    self.path.pop();
                }
                self.expects_key = false;
                self.copy(1);
            }
            b',' => {
                self.expects_key = self.open.last() == Some(&Surrounding::Object);
                self.copy(1);
            }
            b':' | b' ' | b'\t' | b'\r' | b'\n' => self.copy(1),
            b'"' => self.string(edit),
            _ => {
                let end = self.rest.find([',', ']', '}', ' ', '\t', '\r', '\n']);
                self.scalar(end.unwrap_or(self.rest.len()), edit);
            }
        }
        true
    }

    fn string(&mut self, edit: &Edit<'_>) {
        let mut escaped = false;
        let end = self.rest[1..].bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let length = end.map_or(self.rest.len(), |end| end + 2);
        if self.expects_key {
            if let Some(key) = self.path.last_mut() {
                *key = self.rest[1..length].trim_end_matches('"');
            }
            self.expects_key = false;
            self.copy(length);
        } else {
            self.scalar(length, edit);
        }
    }

    fn scalar(&mut self, length: usize, edit: &Edit<'_>) {
        match edit(&self.path, &self.rest[..length]) {
            Some(edited) => {
                self.output.push_str(&edited);
                self.rest = &self.rest[length..];
            }
            None => self.copy(length),
        }
    }

    fn copy(&mut self, length: usize) {
        let (copied, rest) = self.rest.split_at(length);
        self.output.push_str(copied);
        self.rest = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_chosen_scalars_change() {
        let edit = |path: &[&str], token: &str| {
            (path.last() == Some(&"t")).then(|| format!("<{}:{token}>", path.join(".")))
        };
        for (json, expected) in [
            (r#"{"t": 1 }"#, Some(r#"{"t": <t:1> }"#)),
            (
                r#"{"a":{"t":"x\"}"},"t":[true,{"t":null}], "u":-1e5}"#,
                Some(r#"{"a":{"t":<a.t:"x\"}">},"t":[<t:true>,{"t":<t.t:null>}], "u":-1e5}"#),
            ),
            (r#"["t",{"t\\":1},{}]"#, Some(r#"["t",{"t\\":1},{}]"#)),
            ("7", Some("7")),
            ("{\"t\":1", None),
            ("", None),
        ] {
            let rewritten = rewrite(json.as_bytes(), &edit);
            let text = rewritten.map(|bytes| String::from_utf8(bytes).expect("is UTF-8"));
            assert_eq!(text.as_deref(), expected, "{json}");
        }
    }
}
