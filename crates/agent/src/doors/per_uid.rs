//! Counts the connections of each user, so that none takes the place of all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections that are open, by user; those of nobody known count together.
pub(super) struct PerUid {
    counts: Mutex<BTreeMap<Option<u32>, usize>>,
    max: usize,
}

/// A place among the connections of a user, given back when dropped.
pub(super) struct Place {
    of: Arc<PerUid>,
    uid: Option<u32>,
}

impl PerUid {
    /// At most `max` for each user.
    pub(super) fn new(max: usize) -> Self {
        Self { counts: Mutex::default(), max }
    }

    /// A place, if this user has one left.
    pub(super) fn enter(self: &Arc<Self>, uid: Option<u32>) -> Option<Place> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(uid).or_default();
        (*count < self.max).then(|| {
            *count += 1;
            Place { of: Arc::clone(self), uid }
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.of.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_places_of_its_own() {
        let per_uid = Arc::new(PerUid::new(2));
        let held = [per_uid.enter(Some(1)), per_uid.enter(Some(1))];
        assert!(held.iter().all(Option::is_some));
        assert!(per_uid.enter(Some(1)).is_none());
        assert!(per_uid.enter(Some(2)).is_some());
        assert!(per_uid.enter(None).is_some());
        drop(held);
        assert!(per_uid.enter(Some(1)).is_some());
    }
}
