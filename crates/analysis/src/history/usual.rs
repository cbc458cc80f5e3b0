//! What is usual: a percentile of the earlier requests, the mark above it that
//! a clear change crosses, and how much requests of one stretch resemble each
//! other.

use hotspan_model::Sketch;
use hotspan_model::history::RequestStretch;
use hotspan_model::sketch::bucket_of;

use super::chance;
use crate::thresholds::HistoryThresholds;

/// A percentile is known this well only: the mark is set by the upper end of
/// what it may be, two standard deviations up.
const DEVIATIONS: f64 = 2.0;
/// Stretches that what is usual must be known from.
const BLOCKS_MIN: usize = 5;

/// One percentile of the earlier window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usual {
    /// The part of all requests below it, 0..1.
    pub(super) q: f64,
    /// Durations above the bucket of the mark are above what a small change
    /// explains.
    mark: u16,
    /// How much the requests of one stretch resemble each other: 0 when they
    /// are independent, 1 when all of them are alike.
    alikeness: f64,
    /// The largest part of a stretch's requests above the mark.
    highest: f64,
    /// The logarithm of the percentile above which no stretch lies but one in
    /// some thousands, if stretches go on to differ as they did.
    level_max: f64,
}

/// Requests above a mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Above {
    /// The part of the requests above it.
    pub(super) share: f64,
    /// How likely so many are when nothing changed.
    pub(super) chance: f64,
    /// How far they stand out, to compare moments by.
    pub(super) score: f64,
}

impl Usual {
    /// Looks at the percentile `q`; `None` when too little is known. `whole` is
    /// all of `earlier` in one.
    pub(super) fn of(
        earlier: &[RequestStretch],
        whole: &Sketch,
        q: f64,
        limits: &HistoryThresholds,
    ) -> Option<Self> {
        let blocks = blocks(earlier, limits);
        if blocks.len() < BLOCKS_MIN {
            return None;
        }
        let samples: f64 = blocks.iter().map(|block| block.samples).sum();
        let at = bucket_of(whole.quantile_ns(q)?);
        let usual_share = share_above(whole, at);
        let alikeness = alikeness(&blocks, at, usual_share);
        let variance = q * (1.0 - q) * (1.0 / samples + alikeness / blocks.len() as f64);
        let upper = whole.quantile_ns((q + DEVIATIONS * variance.sqrt()).min(1.0))?;
        let mark = mark_above(upper, limits);
        let shares = blocks.iter().map(|block| share_above(&block.sketch, mark));
        let highest = shares.fold(0.0, f64::max);
        let level_max = level_max(&blocks, q, limits.level_score_min);
        Some(Self { q, mark, alikeness, highest, level_max })
    }

    /// How these requests stand to the mark; `None` when they are not above
    /// what is usual, or not all the time.
    pub(super) fn above(&self, recent: &[&RequestStretch]) -> Option<Above> {
        let share = self.share_of(recent);
        let p = 1.0 - self.q;
        // From the moment on and until now: a peak in between is none.
        let mut thirds = recent.chunks(recent.len().div_ceil(3).max(1));
        let lasts = thirds.all(|third| self.share_of(third) >= (share / 2.0).max(p));
        let level = level(&merged(recent.iter().copied()), self.q);
        if share <= self.highest.max(p) || level <= self.level_max || !lasts {
            return None;
        }
        let samples: f64 = recent.iter().map(|stretch| stretch.samples as f64).sum();
        // As many independent requests as these are worth.
        let count = samples / (1.0 + samples * self.alikeness) / self.unevenness(recent, share);
        let chance = chance::of_at_least(share, count, p);
        Some(Above { share, chance, score: (share - p) * samples.sqrt() })
    }

    fn share_of(&self, recent: &[&RequestStretch]) -> f64 {
        share_of(recent, self.mark)
    }

    /// How much more the recent minutes differ than independent requests make
    /// them, at least 1.
    fn unevenness(&self, recent: &[&RequestStretch], share: f64) -> f64 {
        let parts = recent
            .iter()
            .map(|stretch| (share_above(&stretch.sketch, self.mark), stretch.samples as f64));
        dispersion(parts, share).max(1.0)
    }
}

/// False when [`Usual::above`] is sure to say nothing, told without a look at
/// each stretch: even the lowest mark there can be is not crossed.
pub(super) fn may_be_above(
    earlier: &Sketch,
    q: f64,
    recent: &[&RequestStretch],
    limits: &HistoryThresholds,
) -> bool {
    let mark = earlier.quantile_ns(q).map(|value| mark_above(value, limits));
    mark.is_some_and(|mark| share_of(recent, mark) > 1.0 - q)
}

/// The bucket above which a duration is clearly longer than this one.
fn mark_above(value_ns: i64, limits: &HistoryThresholds) -> u16 {
    let by_time = value_ns.saturating_add(limits.shift_ns_min);
    bucket_of(by_time.max((value_ns as f64 * (1.0 + limits.shift_share_min)) as i64))
}

/// The part of these requests above a mark.
fn share_of(recent: &[&RequestStretch], mark: u16) -> f64 {
    let (mut above, mut all) = (0.0, 0.0);
    for stretch in recent {
        let count = stretch.sketch.count();
        above += share_above(&stretch.sketch, mark) * count;
        all += count;
    }
    if all > 0.0 { above / all } else { 0.0 }
}

/// Neighbouring stretches put together until there is something to compare,
/// and no further: long stretches differ less than short ones.
struct Block {
    samples: f64,
    sketch: Sketch,
    width_ns: i64,
}

fn blocks(stretches: &[RequestStretch], limits: &HistoryThresholds) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let is_whole = |block: &Block| {
        block.samples >= limits.requests_stretch_min as f64
            && block.width_ns >= limits.since_deploy_ns_min
    };
    for stretch in stretches.iter().filter(|stretch| stretch.samples > 0) {
        match blocks.last_mut().filter(|last| !is_whole(last)) {
            Some(last) => {
                last.samples += stretch.samples as f64;
                last.width_ns = last.width_ns.saturating_add(stretch.width_ns);
                last.sketch.merge(&stretch.sketch);
            }
            None => blocks.push(Block {
                samples: stretch.samples as f64,
                sketch: stretch.sketch.clone(),
                width_ns: stretch.width_ns,
            }),
        }
    }
    // What is left over is too little to stand for itself.
    if blocks.last().is_some_and(|last| !is_whole(last)) {
        blocks.pop();
    }
    blocks
}

fn merged<'a>(stretches: impl Iterator<Item = &'a RequestStretch>) -> Sketch {
    let mut whole = Sketch::default();
    stretches.for_each(|stretch| whole.merge(&stretch.sketch));
    whole
}

/// The part of durations above a bucket.
fn share_above(sketch: &Sketch, bucket: u16) -> f64 {
    let (mut above, mut all) = (0_i64, 0_i64);
    for (at, count) in sketch.buckets() {
        all = all.saturating_add(count);
        above = above.saturating_add(if at > bucket { count } else { 0 });
    }
    if all > 0 { above as f64 / all as f64 } else { 0.0 }
}

/// The correlation within stretches that makes their shares differ as they do
/// (the moment estimate of a beta-binomial distribution).
fn alikeness(blocks: &[Block], bucket: u16, share: f64) -> f64 {
    let parts = blocks.iter().map(|block| (share_above(&block.sketch, bucket), block.samples));
    let mean = blocks.iter().map(|block| block.samples).sum::<f64>() / blocks.len() as f64;
    ((dispersion(parts, share) - 1.0) / mean.max(1.0)).clamp(0.0, 1.0)
}

/// The logarithm of a percentile: hours differ by factors.
fn level(sketch: &Sketch, q: f64) -> f64 {
    (sketch.quantile_ns(q).unwrap_or_default().max(1) as f64).ln()
}

fn level_max(blocks: &[Block], q: f64, score: f64) -> f64 {
    let levels: Vec<f64> = blocks.iter().map(|block| level(&block.sketch, q)).collect();
    chance::level_max(&levels, score)
}

/// How much shares (each of so many samples) differ from `share`, 1 being what
/// chance makes of independent requests: Pearson's χ² by its degrees of freedom.
fn dispersion(parts: impl Iterator<Item = (f64, f64)>, share: f64) -> f64 {
    let variance = share * (1.0 - share);
    let (mut sum, mut count) = (0.0, 0.0);
    for (part, samples) in parts.filter(|(_, samples)| *samples > 0.0) {
        sum += samples * (part - share).powi(2);
        count += 1.0;
    }
    if variance > 0.0 && count > 1.0 { sum / variance / (count - 1.0) } else { 1.0 }
}
