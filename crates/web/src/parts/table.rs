//! Tables that are sorted by a link in their head.

use maud::{Markup, html};

use super::address::Address;

/// How a table is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sorting<K> {
    /// By which column.
    pub(crate) key: K,
    /// Largest first.
    pub(crate) descending: bool,
}

/// A column that can be sorted by.
pub(crate) trait SortKey: Copy + PartialEq + 'static {
    /// Every column.
    const ALL: &'static [Self];

    /// The value of `?sort=`.
    fn slug(self) -> &'static str;

    /// Text columns begin with A, numbers with the largest.
    fn descends_first(self) -> bool;
}

impl<K: SortKey> Sorting<K> {
    /// By `key`, in its natural direction.
    pub(crate) fn by(key: K) -> Self {
        Self { key, descending: key.descends_first() }
    }

    /// Reads `?sort=` and `?order=`; what is not known falls back.
    pub(crate) fn of(here: &Address, fallback: K) -> Self {
        let named = here.get("sort").and_then(|slug| K::ALL.iter().find(|key| key.slug() == slug));
        let sorting = Self::by(named.copied().unwrap_or(fallback));
        let descending = match here.get("order") {
            Some("desc") => true,
            Some("asc") => false,
            _ => sorting.descending,
        };
        Self { descending, ..sorting }
    }

    /// Sorts by a number or text of each row; equal rows keep their order.
    pub(crate) fn apply<T, V: PartialOrd>(self, rows: &mut [T], value: impl Fn(&T) -> V) {
        rows.sort_by(|left, right| {
            let order = value(left).partial_cmp(&value(right)).unwrap_or(std::cmp::Ordering::Equal);
            if self.descending { order.reverse() } else { order }
        });
    }

    /// A head cell: a link that sorts by this column, or turns it around.
    pub(crate) fn head(
        self,
        here: &Address,
        key: K,
        label: &str,
        class: &str,
        hint: &str,
    ) -> Markup {
        let current = self.key == key;
        let descending = if current { !self.descending } else { key.descends_first() };
        let sorted = match (current, self.descending) {
            (false, _) => None,
            (true, true) => Some("descending"),
            (true, false) => Some("ascending"),
        };
        let order = if descending == key.descends_first() {
            ""
        } else if descending {
            "desc"
        } else {
            "asc"
        };
        html! {
            th scope="col" class=(class) aria-sort=[sorted] {
                a href=(here.with("sort", key.slug()).with("order", order)) title=(hint) {
                    (label)
                    @if current { span.dir aria-hidden="true" { @if self.descending { " ↓" } @else { " ↑" } } }
                }
            }
        }
    }
}
