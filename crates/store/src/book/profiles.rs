//! Merged call trees of an endpoint, by five minutes and by hour.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::CallTree;
use hotspan_model::calltree::CallNode;
use rusqlite::{OptionalExtension, Transaction, params};

use super::codec::contribution::Contribution;
use super::codec::shapes;
use super::grain::{HOUR, TREE, bucket_of};
use super::{BookError, DamagedIn, During};

/// Paths of one tree; the cheapest beyond it fold into `(other)`.
pub(super) const PATHS_MAX: usize = 500;

/// Which row: endpoint, bucket.
type Key = (i64, i64);

/// What a batch of segments changes, by five minutes.
#[derive(Debug, Default)]
pub(super) struct TreeDeltas(BTreeMap<Key, CallTree>);

impl TreeDeltas {
    /// Adds the tree of a segment (`sign` 1) or takes it out (`sign` -1).
    pub(super) fn add(&mut self, segment: &Contribution, sign: i64) {
        let key = (segment.endpoint_id, bucket_of(segment.start, TREE));
        let tree = self.0.entry(key).or_default();
        if sign < 0 {
            tree.subtract(&segment.tree);
        } else {
            tree.merge(&segment.tree);
        }
    }

    /// Writes the changes to the rows of both widths; returns how many paths
    /// had to be folded in the finer ones.
    pub(super) fn apply(self, transaction: &Transaction<'_>) -> Result<usize, BookError> {
        let mut hours: BTreeMap<Key, CallTree> = BTreeMap::new();
        for ((endpoint, bucket), tree) in &self.0 {
            hours.entry((*endpoint, bucket.div_euclid(HOUR / TREE))).or_default().merge(tree);
        }
        let mut folded = 0;
        for (key, tree) in self.0 {
            folded += apply_row(transaction, TREE, key, tree)?;
        }
        for (key, tree) in hours {
            apply_row(transaction, HOUR, key, tree)?;
        }
        Ok(folded)
    }
}

fn apply_row(
    transaction: &Transaction<'_>,
    grain: i64,
    (endpoint, bucket): Key,
    delta: CallTree,
) -> Result<usize, BookError> {
    if delta.roots.is_empty() {
        return Ok(0);
    }
    let stored: Option<Vec<u8>> = transaction
        .prepare_cached(
            "SELECT tree FROM profile WHERE grain = ?1 AND endpoint_id = ?2 AND bucket = ?3",
        )
        .and_then(|mut statement| {
            statement.query_row([grain, endpoint, bucket], |row| row.get(0)).optional()
        })
        .during("read a profile")?;
    let mut tree = match stored {
        Some(stored) => shapes::decode_tree(&stored).damaged_in("call tree")?,
        None => CallTree::default(),
    };
    tree.merge(&delta);
    settle(&mut tree.roots);
    let folded = tree.fold_beyond(PATHS_MAX);
    write_row(transaction, [grain, endpoint, bucket], &tree).during("write a profile")?;
    Ok(folded)
}

fn write_row(
    transaction: &Transaction<'_>,
    place: [i64; 3],
    tree: &CallTree,
) -> rusqlite::Result<()> {
    if tree.roots.is_empty() {
        transaction
            .prepare_cached(
                "DELETE FROM profile WHERE grain = ?1 AND endpoint_id = ?2 AND bucket = ?3",
            )?
            .execute(place)?;
        return Ok(());
    }
    let [grain, endpoint, bucket] = place;
    transaction
        .prepare_cached(
            "INSERT INTO profile (grain, endpoint_id, bucket, tree) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (grain, endpoint_id, bucket) DO UPDATE SET tree = excluded.tree",
        )?
        .execute(params![grain, endpoint, bucket, shapes::encode_tree(tree)])?;
    Ok(())
}

/// Moves what is below zero to `(other)`: the paths taken out there had been
/// folded away after they were added.
fn settle(nodes: &mut BTreeMap<Arc<str>, CallNode>) {
    let mut debts: Vec<CallNode> = Vec::new();
    nodes.retain(|name, node| {
        settle(&mut node.children);
        let owes = node.count < 0 || node.total_ns < 0;
        if owes && &**name != CallTree::OTHER {
            debts.push(CallNode { children: BTreeMap::new(), ..node.clone() });
        }
        !owes || &**name == CallTree::OTHER
    });
    let other: Arc<str> = Arc::from(CallTree::OTHER);
    for debt in debts {
        let mut level = CallTree { roots: std::mem::take(nodes) };
        level.merge(&CallTree { roots: BTreeMap::from([(Arc::clone(&other), debt)]) });
        *nodes = level.roots;
    }
    if nodes.get(&other).is_some_and(|node| node.count <= 0) {
        nodes.remove(&other);
    }
}

/// The tree of a segment within the cap.
pub(super) fn within_cap(tree: &CallTree) -> CallTree {
    let mut tree = tree.clone();
    tree.fold_beyond(PATHS_MAX);
    tree
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotspan_model::Class;

    fn leaf(count: i64, total_ns: i64) -> CallNode {
        let mut node = CallNode::new(Class::Http);
        (node.count, node.requests, node.total_ns, node.self_ns) =
            (count, count, total_ns, total_ns);
        node
    }

    #[test]
    fn debts_are_paid_by_other() {
        let names = |pairs: &[(&str, i64)]| -> BTreeMap<Arc<str>, CallNode> {
            pairs.iter().map(|(name, count)| (Arc::from(*name), leaf(*count, count * 10))).collect()
        };
        for (before, after) in [
            (vec![("a", 3), ("b", -1), ("(other)", 5)], vec![("(other)", 4), ("a", 3)]),
            (vec![("a", 3), ("b", -5), ("(other)", 5)], vec![("a", 3)]),
            (vec![("a", 3), ("b", -1)], vec![("a", 3)]),
            (vec![("a", 3)], vec![("a", 3)]),
        ] {
            let mut nodes = names(&before);
            settle(&mut nodes);
            assert_eq!(nodes, names(&after), "{before:?}");
        }
    }
}
