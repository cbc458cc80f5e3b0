//! Which texts are values (numbers, ids, dates, tokens) rather than words, and
//! what stands in their place. The one list for paths, query keys, cache keys
//! and names of queues; where such texts come from is not known here.

use super::random::{is_hash, is_random};

/// Appends `text` with everything that looks like a value replaced: as a whole,
/// before a file's extension, or piece by piece in compounds such as `user-123`.
pub(super) fn push_template(template: &mut String, text: &str) {
    if let Some(at) = uuid_in(text) {
        push_pieces(template, &text[..at]);
        template.push_str("{uuid}");
        return push_pieces(template, &text[at + UUID_BYTES..]);
    }
    if let Some((prefix, placeholder)) = prefixed(text) {
        template.push_str(prefix);
        return template.push_str(placeholder);
    }
    if let Some(placeholder) = placeholder_of(text) {
        return template.push_str(placeholder);
    }
    if let Some((stem, extension)) = stem_and_extension(text)
        && let Some(placeholder) = placeholder_of(stem)
    {
        template.push_str(placeholder);
        template.push('.');
        return template.push_str(extension);
    }
    push_pieces(template, text);
}

/// Braces are joints for the sake of Redis' hash tags, and because what stands
/// beside a placeholder must not be looked at as a whole the second time.
fn is_joint(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | ':' | ',' | ';' | '=' | '~' | '+' | '!' | '{' | '}')
}

/// Ids of many services begin with a word for what they name: `cus_9s6XKzkNRiz8i3`.
fn prefixed(text: &str) -> Option<(&str, &'static str)> {
    let (prefix, rest) = text.split_at(text.find('_')? + 1);
    let word =
        prefix.len() > 2 && prefix[..prefix.len() - 1].bytes().all(|b| b.is_ascii_lowercase());
    word.then(|| placeholder_of(rest)).flatten().map(|placeholder| (prefix, placeholder))
}

/// Compound texts such as `user-123` keep their words.
fn push_pieces(template: &mut String, text: &str) {
    for piece in text.split_inclusive(is_joint) {
        let (word, end) = match piece.chars().next_back() {
            Some(last) if is_joint(last) => piece.split_at(piece.len() - 1),
            _ => (piece, ""),
        };
        template.push_str(placeholder_of(word).unwrap_or(word));
        template.push_str(end);
    }
}

/// The placeholder for a text that is one value; `None` for words.
fn placeholder_of(text: &str) -> Option<&'static str> {
    if !may_be_value(text) {
        None
    } else if is_uuid(text) {
        Some("{uuid}")
    } else if is_date(text) {
        Some("{date}")
    } else if is_number(text) || is_mail_address(text) {
        Some("{id}")
    } else if is_hash(text, 8) || is_random(text) || is_padded(text) || is_web_token(text) {
        Some("{hash}")
    } else {
        None
    }
}

/// False for plain words at one look: every value has a digit, an `@`, padding,
/// or is long and hexadecimal.
fn may_be_value(text: &str) -> bool {
    text.len() >= 32
        || text.bytes().any(|byte| byte.is_ascii_digit() || matches!(byte, b'@' | b'='))
}

fn stem_and_extension(text: &str) -> Option<(&str, &str)> {
    let (stem, extension) = text.rsplit_once('.')?;
    let fits = (1..=5).contains(&extension.len())
        && extension.bytes().all(|b| b.is_ascii_alphanumeric())
        && extension.starts_with(|first: char| first.is_ascii_alphabetic());
    fits.then_some((stem, extension))
}

/// Digits, perhaps signed, perhaps with dots between (amounts, IP addresses).
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

const UUID_BYTES: usize = 36;

fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == UUID_BYTES
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Where a UUID begins that stands between joints: the dashes in it are some too.
fn uuid_in(text: &str) -> Option<usize> {
    if text.len() <= UUID_BYTES || !text.contains('-') {
        return None;
    }
    let mut starts = std::iter::once(0).chain(text.match_indices(is_joint).map(|(at, _)| at + 1));
    starts.find(|&at| {
        let whole = text.get(at..at + UUID_BYTES).is_some_and(is_uuid);
        whole && text[at + UUID_BYTES..].chars().next().is_none_or(is_joint)
    })
}

/// `2026-11`, `2026-11-23`, `2026-W47`, the first two with a time after them,
/// and `20261123T100000Z`.
fn is_date(text: &str) -> bool {
    let (date, time) = text.split_at(text.find(['T', ' ']).unwrap_or(text.len()));
    let has_form = |form: &[u8]| {
        let fits = |(byte, form): (u8, &u8)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        };
        date.len() == form.len() && date.bytes().zip(form).all(fits)
    };
    let dated = match date.len() {
        7 => has_form(b"0000-00"),
        8 => has_form(b"0000-W00") || (has_form(b"00000000") && time.len() >= 5),
        10 => has_form(b"0000-00-00"),
        _ => false,
    };
    // Colons may be percent-encoded.
    let in_time = |byte: u8| byte.is_ascii_digit() || b"T:.+-Z %Aa".contains(&byte);
    dated && time.bytes().all(in_time)
}

fn is_mail_address(text: &str) -> bool {
    let halves = text.split_once('@').or_else(|| text.split_once("%40"));
    halves.is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
}

/// Base64 whose padding gives it away.
fn is_padded(text: &str) -> bool {
    let (core, padding) = match text.find(['=', '%']) {
        Some(at) => (&text[..at], text[at..].replace("%3D", "=").replace("%3d", "=")),
        None => return false,
    };
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'_');
    matches!(padding.as_str(), "=" | "==")
        && (core.len() + padding.len()).is_multiple_of(4)
        && core.len() >= 6
        && core.bytes().all(base64)
}

/// A JSON web token: three parts, the first of which is `{"` in base64.
fn is_web_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.matches('.').count() == 2
}
