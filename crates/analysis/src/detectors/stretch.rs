//! What stands around a stretch of the critical path that no span covers, and
//! requests in which such a stretch says nothing.

use hotspan_knowledge::knowledge;

use crate::repeats::operation_key;
use crate::study::{Slice, Study};

/// What stands beside a stretch, among the children of its span.
pub(super) struct Beside {
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
}

/// What stands beside `slice`.
pub(super) fn beside(study: &Study<'_>, slice: &Slice) -> Beside {
    let spans = &study.segment.spans;
    let children = &study.tree.children[slice.span];
    let behind = children.partition_point(|&child| spans[child].start < slice.end);
    let ended = children[..behind].iter().copied().filter(|&child| spans[child].end <= slice.end);
    Beside {
        before: ended.max_by_key(|&child| (spans[child].end, child)),
        after: children.get(behind).copied(),
    }
}

/// True for a pause before the next look, or before another attempt.
pub(super) fn is_pause(study: &Study<'_>, beside: &Beside) -> bool {
    let spans = &study.segment.spans;
    let (Some(before), Some(after)) = (beside.before, beside.after) else {
        return false;
    };
    let (before, after) = (&spans[before], &spans[after]);
    let calls = before.call.is_some() && after.call.is_some();
    let same = operation_key(before) == operation_key(after);
    before.name == after.name || (calls && same) || before.failed()
}

/// True for requests that last until there is news: streams, long polling.
pub(super) fn waits_for_news(study: &Study<'_>) -> bool {
    let endpoint = &study.segment.facts.endpoint.name;
    knowledge().natural.is_request("", path_of(endpoint))
        || knowledge().timeouts.waits_by_nature(endpoint)
}

/// True for requests whose answer is a file or a stream, as their path says.
pub(super) fn answers_with_a_file(study: &Study<'_>) -> bool {
    knowledge().natural.is_file_request("", path_of(&study.segment.facts.endpoint.name))
}

/// The method says nothing about who is asked.
fn path_of(endpoint: &str) -> &str {
    endpoint.split_once(' ').map_or(endpoint, |(_, path)| path)
}
