//! Fingerprints: what makes two findings the same issue.

use hotspan_knowledge::Family;
use hotspan_model::{Class, Endpoint};
use twox_hash::XxHash3_128;

/// The fingerprint of a finding of `class` at `endpoint`, told apart from others
/// of its detector by `identity`.
///
/// Environment, release, host, ids and the cause are left out: they change
/// while the issue stays. A finding inside a trace and one over the endpoint's
/// requests have the same fingerprint.
pub(crate) fn fingerprint(
    detector: &str,
    endpoint: &Endpoint,
    class: Class,
    identity: &[String],
) -> String {
    let fixed = [
        endpoint.project.as_ref(),
        endpoint.service.as_ref(),
        endpoint.kind.slug(),
        endpoint.name.as_ref(),
        detector,
        class.slug(),
    ];
    let mut text = String::new();
    for part in fixed.into_iter().chain(identity.iter().map(String::as_str)) {
        // Lengths keep parts apart that contain the separator.
        text.push_str(&format!("{}:{part}\n", part.len()));
    }
    format!("{:032x}", XxHash3_128::oneshot(text.as_bytes()))
}

/// The identity of findings about a family: its id, not the calls of one trace.
/// A call that timed out may be missing from one trace and not from the next,
/// and a path that becomes known to belong to the family must not open every
/// issue anew.
pub(crate) fn identity_of(family: &Family) -> Vec<String> {
    vec![family.id.clone()]
}
