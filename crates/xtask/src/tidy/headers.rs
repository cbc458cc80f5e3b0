//! Every file says on its first line what lives in it.

use super::Source;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| format!("{}:1: begin the file with `//! ` and what lives here", source.path))
        .collect()
}
