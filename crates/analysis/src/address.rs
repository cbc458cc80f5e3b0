//! Which values an address names, in a few bits: so that it can be told whether
//! a call asks only for what was known before it.
//!
//! Each value sets three of 64 bits. That other values set the same ones is
//! possible and, with the few that addresses have, rare. The bits are in memory
//! only, like what calls [ask](crate::asked()) for.

use hotspan_knowledge::knowledge;
use hotspan_model::normalise::url;
use hotspan_model::{Call, CallKind, SpanKind};
use twox_hash::XxHash3_128;

use crate::classify::http::parts_of;
use crate::conventions::{Key, ToldSpan};

/// Addresses that name more are not told from others.
const BITS_MAX: u32 = 16;

/// The values of the address that a client span calls or an entry span was
/// called by: ids in its path, and what its query asks for. 0 when it names
/// none, all bits when it names too many.
pub(crate) fn values_of(span: &ToldSpan<'_>, call: Option<&Call>) -> u64 {
    let (path, query) = match call {
        Some(call) if call.kind == CallKind::Http => match parts_of(span) {
            Some(request) => (request.path.unwrap_or_default(), request.query),
            None => return 0,
        },
        None if span.kind == SpanKind::Server => served(span),
        _ => return 0,
    };
    let mut bits = 0;
    for segment in path.split('/').filter(|segment| is_value(segment)) {
        bits |= bits_of(segment);
    }
    for (key, value) in query.split(['&', ';']).filter_map(|pair| pair.split_once('=')) {
        if !value.is_empty() && !url::signs(key) && !knowledge().order.is_shaping(key) {
            bits |= bits_of(value);
        }
    }
    if bits.count_ones() > BITS_MAX { u64::MAX } else { bits }
}

/// Path and query of the request that an entry span serves.
fn served<'a>(span: &ToldSpan<'a>) -> (&'a str, &'a str) {
    let attributes = &span.attributes;
    let whole = attributes.first_str(&[Key::UrlFull, Key::HttpUrl, Key::Url]);
    if let Some(parts) = whole.and_then(url::parse) {
        return (parts.path, parts.query);
    }
    let target = attributes.first_str(&[Key::UrlPath, Key::HttpTarget]).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let told = || attributes.first_str(&[Key::UrlQuery, Key::HttpQuery]).unwrap_or_default();
    (path, if query.is_empty() { told() } else { query })
}

/// True for what a template has a place for, and for all else that has a digit
/// (`r2156`): to a template that may be a word, but an answer may have brought
/// it. Most segments are plain words.
fn is_value(segment: &str) -> bool {
    let plain = segment.len() < 32
        && segment.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-' || byte == b'_');
    let numbered = || segment.bytes().any(|byte| byte.is_ascii_digit()) && !is_version(segment);
    !plain && (numbered() || url::path_template(segment) != segment)
}

/// `v1`, `v2.0`, `v1beta1`: which interface is called, not what about. The
/// number is short, or it is an id.
fn is_version(segment: &str) -> bool {
    const BYTES_MAX: usize = 8;
    let first = segment.strip_prefix(['v', 'V']).and_then(|rest| rest.split(is_no_digit).next());
    segment.len() <= BYTES_MAX && first.is_some_and(|number| (1..=2).contains(&number.len()))
}

fn is_no_digit(c: char) -> bool {
    !c.is_ascii_digit()
}

fn bits_of(value: &str) -> u64 {
    let hash = XxHash3_128::oneshot(value.as_bytes()) as u64;
    [hash, hash >> 6, hash >> 12].into_iter().fold(0, |bits, place| bits | 1 << (place & 63))
}
