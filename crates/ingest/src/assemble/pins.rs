//! Which frames of the log are still needed: how far it is done with.

use std::collections::BTreeMap;

use hotspan_store::WalPosition;

/// Counts, for each position, the traces whose first frame comes right after it.
#[derive(Debug)]
pub(super) struct Pins {
    /// The end of the last frame that was offered.
    offered: WalPosition,
    pinned: BTreeMap<WalPosition, usize>,
}

impl Pins {
    pub(super) fn new(covered: WalPosition) -> Self {
        Self { offered: covered, pinned: BTreeMap::new() }
    }

    /// Pins everything after the last frame that was offered whole.
    pub(super) fn pin(&mut self) -> WalPosition {
        *self.pinned.entry(self.offered).or_insert(0) += 1;
        self.offered
    }

    /// Takes back one [`Self::pin`].
    pub(super) fn release(&mut self, pin: WalPosition) {
        if let Some(count) = self.pinned.get_mut(&pin) {
            *count -= 1;
            if *count == 0 {
                self.pinned.remove(&pin);
            }
        }
    }

    /// A frame was offered whole.
    pub(super) fn advance(&mut self, position: WalPosition) {
        self.offered = self.offered.max(position);
    }

    /// The end of the last frame before the first one that is needed.
    pub(super) fn covered(&self) -> WalPosition {
        self.pinned.keys().next().copied().unwrap_or(self.offered)
    }
}
