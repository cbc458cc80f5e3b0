//! The traces that asked lately, so many of them and no more: whoever asks can
//! send as many ids as it likes.

use hotspan_imds::trace::Trace;

/// As many as one row of a page shows.
pub(super) const LINKS_MAX: usize = 16;

/// A span that asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    /// How often it asked.
    pub(super) count: u64,
}

impl Link {
    /// Of a caller that says which span it is.
    pub(super) fn of(trace: &Trace<'_>) -> Option<Self> {
        Some(Self {
            trace_id: u128::from_str_radix(trace.trace_id, 16).ok()?,
            span_id: u64::from_str_radix(trace.span_id?, 16).ok()?,
            count: 1,
        })
    }

    fn is_of(&self, other: &Self) -> bool {
        (self.trace_id, self.span_id) == (other.trace_id, other.span_id)
    }
}

/// The most recent spans that asked, the latest last.
#[derive(Debug, Default)]
pub(super) struct Links {
    kept: Vec<Link>,
    /// How many were left out.
    pub(super) dropped: u32,
}

impl Links {
    /// A span has asked.
    pub(super) fn note(&mut self, mut link: Link) {
        if let Some(at) = self.kept.iter().position(|kept| kept.is_of(&link)) {
            link.count = link.count.saturating_add(self.kept.remove(at).count);
        } else if self.kept.len() == LINKS_MAX {
            self.kept.remove(0);
            self.dropped = self.dropped.saturating_add(1);
        }
        self.kept.push(link);
    }

    /// Takes in what came after these.
    pub(super) fn absorb(&mut self, later: Self) {
        self.dropped = self.dropped.saturating_add(later.dropped);
        let mut newer = later.kept;
        // Who asked again is not the oldest, so it is moved before any is left out.
        self.kept.retain(|mine| match newer.iter_mut().find(|link| link.is_of(mine)) {
            Some(link) => {
                link.count = link.count.saturating_add(mine.count);
                false
            }
            None => true,
        });
        for link in newer {
            self.note(link);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.kept.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(span_id: u64) -> Link {
        Link { trace_id: 7, span_id, count: 1 }
    }

    #[test]
    fn the_latest_are_kept() {
        let mut links = Links::default();
        for span_id in (0..1_000).chain([990, 990]) {
            links.note(link(span_id));
        }
        let kept: Vec<_> = links.iter().map(|link| (link.span_id, link.count)).collect();
        assert_eq!((kept.len(), links.dropped), (LINKS_MAX, 984));
        assert_eq!(kept[14..], [(999, 1), (990, 3)]);

        let mut earlier = Links::default();
        for span_id in [999, 1, 2] {
            earlier.note(link(span_id));
        }
        earlier.absorb(links);
        let kept: Vec<_> = earlier.iter().map(|link| (link.span_id, link.count)).collect();
        assert_eq!((kept.len(), earlier.dropped), (LINKS_MAX, 986));
        assert_eq!(kept[14..], [(999, 2), (990, 3)]);
    }
}
