//! Finds secrets where none may be: in logs, answers and files. Knows the ways
//! in which bytes get written, not what a secret is.

use std::fs;
use std::path::Path;

/// Shorter secrets would be found by accident.
const SECRET_BYTES_MIN: usize = 8;

/// Where each of `secrets` shows up in `text`: as it is, in base64, in
/// hexadecimal, percent-encoded or with JSON escapes. Each is described in a
/// few words that do not repeat the secret.
pub fn leaks(text: &[u8], secrets: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        assert!(secret.len() >= SECRET_BYTES_MIN, "secret {index} is too short to be looked for");
        for (form, written) in forms(secret) {
            if contains(text, written.as_bytes()) {
                found.push(format!("secret {index} {form}"));
            }
        }
    }
    found.dedup();
    found
}

/// The same over every file below `folder`; each leak begins with its file.
pub fn leaks_below(folder: &Path, secrets: &[&str]) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        if path.is_dir() {
            found.extend(leaks_below(&path, secrets));
        } else if let Ok(content) = fs::read(&path) {
            let here = leaks(&content, secrets);
            found.extend(here.iter().map(|leak| format!("{}: {leak}", path.display())));
        }
    }
    found
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = secret
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '~' => c.to_string(),
            _ => c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect(),
        })
        .collect();
    vec![
        ("as it is", secret.to_owned()),
        ("in hexadecimal", hex.clone()),
        ("in hexadecimal", hex.to_uppercase()),
        ("percent-encoded", percent),
        ("with JSON escapes", secret.replace('/', "\\/")),
        ("in base64", base64_core(secret, 0)),
        ("in base64", base64_core(secret, 1)),
        ("in base64", base64_core(secret, 2)),
    ]
}

/// What every base64 of a text holds that has the secret `offset` bytes after a
/// multiple of three: the ends, which depend on the neighbours, are left out.
fn base64_core(secret: &str, offset: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = &secret.as_bytes()[(3 - offset) % 3..];
    whole
        .chunks_exact(3)
        .flat_map(|three| {
            let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift) as usize & 63]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_however_they_are_written() {
        let secret = "s3cr3t/value+x";
        for (text, found) in [
            ("token s3cr3t/value+x!", true),
            ("a=s3cr3t%2Fvalue%2Bx&", true),
            (r#"{"a":"s3cr3t\/value+x"}"#, true),
            ("7333637233742f76616c75652b78", true),
            // The base64 of "s3cr3t/value+x", of "u:…" and of "x…".
            ("Basic czNjcjN0L3ZhbHVlK3g=", true),
            ("Basic dTpzM2NyM3QvdmFsdWUreA==", true),
            ("Basic eHMzY3IzdC92YWx1ZSt4", true),
            ("s3cr3t/valu", false),
            ("", false),
        ] {
            let leaks = leaks(text.as_bytes(), &[secret]);
            assert_eq!(!leaks.is_empty(), found, "{text}: {leaks:?}");
            assert!(leaks.iter().all(|leak| !leak.contains(secret)));
        }
    }
}
