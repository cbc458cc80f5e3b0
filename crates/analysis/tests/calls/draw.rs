//! The check of these tests: a line of the trace notation in, the call it makes out.

use std::sync::Arc;

use hotspan_analysis::{SpanDigest, asked, digest};
use hotspan_testkit::notation;

/// The digest of the span that `line` draws, in the spelling of `style`.
pub(crate) fn digest_of(style: &str, line: &str) -> SpanDigest {
    let text = format!("trace 1 style={style}\nserver GET /r 0..100\n  {line}");
    let span = notation::parse(&text).remove(1);
    digest(&Arc::from("default"), &span, asked(&span))
}

/// `kind target: operation (class)`.
fn draw(style: &str, line: &str) -> String {
    match digest_of(style, line).call {
        Some(call) => {
            format!("{:?} {}: {} ({})", call.kind, call.target, call.operation, call.class.slug())
        }
        None => "-".to_owned(),
    }
}

/// Compares the calls of lines, by style, with what is expected.
pub(crate) fn check(cases: &[(&str, &str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .map(|(style, line, expected)| (draw(style, line), line, expected))
        .filter(|(found, _, expected)| found != *expected)
        .map(|(found, line, expected)| format!("{line}\n  is   {found}\n  want {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
