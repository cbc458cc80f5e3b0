//! Whether a few lookups may be the first use of as many clients, which are
//! kept from then on.
//!
//! ```text
//! PUT token ─ GET ─ GET   STS.AssumeRole     of one client
//! PUT token ─ GET ─ GET   S3.PutObject       of another one
//! ```
//!
//! One client asks one service, so two lookups before calls to one service are a
//! repeat. A trace does not tell more; the endpoint form sees whether the next
//! requests look up as well.

use hotspan_model::CallKind;

use crate::lookups::{Lookup, TokenAnswer};
use crate::study::Study;

/// True when each lookup of the family (index) is for another service, and
/// none of them waited for a token that did not come: that is a defect at once.
pub(super) fn of_each(study: &Study<'_>, family: usize) -> bool {
    let found = &study.lookups.families[family];
    let waited = |lookup: &Lookup| lookup.token == TokenAnswer::TimedOut;
    if !found.missing.is_empty() || found.lookups.iter().any(waited) {
        return false;
    }
    let mut services = Vec::with_capacity(found.lookups.len());
    for (nth, lookup) in found.lookups.iter().enumerate() {
        let next = found.lookups.get(nth + 1);
        match service_of(study, family, lookup, next) {
            Some(service) if !services.contains(&service) => services.push(service),
            _ => return false,
        }
    }
    true
}

/// Whom the credentials are for: the service whose operation they are looked up
/// in, else the one that is called next, before the `next` lookup.
fn service_of<'a>(
    study: &'a Study<'_>,
    family: usize,
    lookup: &Lookup,
    next: Option<&Lookup>,
) -> Option<&'a str> {
    let spans = &study.segment.spans;
    let around = std::iter::successors(lookup.parent, |&at| study.tree.parents[at]);
    let around =
        around.filter(|&at| at != study.segment.entry).find(|&at| asks_a_service(study, at));
    let from = spans[lookup.last()].end;
    let until = next.map(|next| spans[next.first].start);
    let is_between = |call: &usize| {
        let start = spans[*call].start;
        start >= from && until.is_none_or(|until| start < until)
    };
    let behind = (0..spans.len())
        .filter(|&call| study.lookups.owners[call] != Some(family) && asks_a_service(study, call))
        .filter(is_between)
        .min_by_key(|&call| (spans[call].start, call));
    let service = spans[around.or(behind)?].call.as_ref()?;
    Some(service.target.as_str()).filter(|target| !target.is_empty())
}

fn asks_a_service(study: &Study<'_>, span: usize) -> bool {
    let call = study.segment.spans[span].call.as_ref();
    call.is_some_and(|call| matches!(call.kind, CallKind::Http | CallKind::Rpc))
}
