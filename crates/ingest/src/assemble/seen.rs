//! Which spans a trace has, by the hash of their content. Most traces have a
//! few dozen: looking through a short list is as fast as hashing, and takes a
//! third of the memory, of which every open trace needs its share.

use std::collections::HashSet;

/// Hashes above which a set takes over.
const LIST_MAX: usize = 32;

/// Content hashes.
#[derive(Debug, Default)]
pub(super) struct Seen {
    list: Vec<u128>,
    set: HashSet<u128>,
}

impl Seen {
    pub(super) fn contains(&self, hash: u128) -> bool {
        self.list.contains(&hash) || self.set.contains(&hash)
    }

    pub(super) fn insert(&mut self, hash: u128) {
        if self.set.is_empty() && self.list.len() < LIST_MAX {
            self.list.push(hash);
        } else {
            self.set.extend(self.list.drain(..));
            self.list.shrink_to_fit();
            self.set.insert(hash);
        }
    }

    /// Gives back what was reserved for more.
    pub(super) fn shrink(&mut self) {
        self.list.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_lists_know_what_was_put_in() {
        for count in [0, 1, LIST_MAX, LIST_MAX + 1, 1_000] {
            let mut seen = Seen::default();
            (0..count as u128).for_each(|hash| seen.insert(hash));
            assert!((0..count as u128).all(|hash| seen.contains(hash)), "{count}");
            assert!(!seen.contains(count as u128), "{count}");
        }
    }
}
