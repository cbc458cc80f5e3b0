//! Tells generated text (hashes, keys, tokens) from words people chose. Nothing
//! here knows where the text came from.

/// Shorter text is never called random: too many product names look like it.
const RANDOM_CHARS_MIN: usize = 10;

/// Text shorter than this must change places at every other character, as
/// `dQw4w9WgXcQ` does and `OAuth2Token3` does not.
const SURE_CHARS_MIN: usize = 16;

/// A character's kind, as far as randomness goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lower,
    Upper,
    Digit,
    Other,
}

fn kind_of(byte: u8) -> Kind {
    match byte {
        b'a'..=b'z' => Kind::Lower,
        b'A'..=b'Z' => Kind::Upper,
        b'0'..=b'9' => Kind::Digit,
        _ => Kind::Other,
    }
}

/// True for all-hexadecimal text of at least `chars_min` characters that has
/// both digits and letters (`facade` and `20261123` are not hashes), or is so
/// long that nobody typed it.
pub fn is_hash(text: &str, chars_min: usize) -> bool {
    let hex = |byte: u8| byte.is_ascii_hexdigit();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.len() >= chars_min
        && text.bytes().all(hex)
        && ((digits > 0 && digits < text.len()) || text.len() >= 32)
}

/// True for text that looks like base64, a ULID, a nanoid or another generated
/// identifier: long, of letters and digits that change places too often for
/// words, camel case included.
pub fn is_random(text: &str) -> bool {
    let letters_and_joints =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=');
    if text.len() < RANDOM_CHARS_MIN || !text.bytes().all(letters_and_joints) {
        return false;
    }
    let kinds: Vec<Kind> = text.bytes().map(kind_of).collect();
    let count = |kind| kinds.iter().filter(|found| **found == kind).count();
    let (lower, upper, digits) = (count(Kind::Lower), count(Kind::Upper), count(Kind::Digit));
    let digit_runs = digit_runs(&kinds);
    let one_case = lower == 0 || upper == 0;
    if one_case {
        // ULIDs and cuids; `report_2026_11_23_final` has joints between its runs.
        return lower + upper > 0
            && count(Kind::Other) == 0
            && digit_runs >= 3
            && text.len() >= 20
            && digits >= 4;
    }
    let often = if text.len() < SURE_CHARS_MIN { 2 } else { 3 };
    (digit_runs >= 2 && jumps(&kinds) * often >= text.len())
        || (text.len() >= 40 && digit_runs >= 3)
}

fn digit_runs(kinds: &[Kind]) -> usize {
    let starts =
        kinds.windows(2).filter(|pair| pair[0] != Kind::Digit && pair[1] == Kind::Digit).count();
    starts + usize::from(kinds.first() == Some(&Kind::Digit))
}

/// Changes of kind that camel case does not explain.
fn jumps(kinds: &[Kind]) -> usize {
    kinds
        .windows(2)
        .filter(|pair| pair[0] != pair[1] && (pair[0], pair[1]) != (Kind::Upper, Kind::Lower))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_text_is_told_from_words() {
        for (text, random) in [
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", false),
            ("h9Fk2LmQ7tRz0pXvB4nYc8WsEa1Gd6Uj3IoKbTeP", true),
            ("V1StGXR8_Z5jdHi6B-myT", true),
            ("01ARZ3NDEKTSV4RRFFQ69G5FAV", true),
            ("ckv0g2c9v0000abcd1x2y3z4w", true),
            ("ListAllMyBucketsVersion2", false),
            ("AmazonS3FullAccessPolicyForEveryone", false),
            ("security-credentials-extended", false),
            ("report_2026_11_23_final", false),
            ("short1A2b", false),
            ("dQw4w9WgXcQ", true),
            ("9s6XKzkNRiz8i3", true),
            ("OAuth2Token3", false),
            ("Base64Url2Hex", false),
        ] {
            assert_eq!(is_random(text), random, "{text}");
        }
    }

    #[test]
    fn hashes_are_told_from_words_and_numbers() {
        for (text, hash) in [
            ("deadbeef", false),
            ("dead1eef", true),
            ("20261123", false),
            ("abc123", false),
            ("da39a3ee5e6b4b0d3255bfef95601890afd80709", true),
            ("dead1eeg", false),
        ] {
            assert_eq!(is_hash(text, 8), hash, "{text}");
        }
    }
}
