//! Two stretches of an endpoint's requests, side by side: the share of the time
//! that one issue takes and the 95th percentile, with how sure both are.
//!
//! Minutes are drawn, not requests: requests of a minute share a deploy, a
//! load, a cold cache, so they are not independent, and an interval over single
//! requests would be too narrow. What the figures mean is in
//! [`crate::verification`].

use hotspan_model::comparison::{Latency, MinuteFigures, SideFigures};
use hotspan_model::sketch::{BUCKET_MAX, bucket_middle_ns};
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{Sketch, UnixNanos};

use crate::resample::{Draws, quantile};

/// Times that both sides are drawn anew.
const DRAWS: usize = 1_000;
/// Blocks that a side is drawn from. A day of minutes is put together to so
/// many: neighbouring minutes resemble each other, and the work stays bounded.
const BLOCKS_MAX: usize = 60;
/// The percentile of durations that is compared.
const PERCENTILE: f64 = 0.95;
/// The 95th percentile moved when this part of the draws agrees on both ends.
const LATENCY_TAIL: f64 = 0.025;
/// Smallest change of the 95th percentile that is called one: two buckets of
/// the sketch, which is 2% wide.
const LATENCY_RATIO_MIN: f64 = 1.04;

/// What many draws of both sides say.
#[derive(Debug, Clone)]
pub(crate) struct Resampled {
    /// Share before and share after, draw by draw.
    shares: Vec<(f64, f64)>,
    pub(crate) latency: Latency,
}

impl Resampled {
    /// The part of the draws of which `holds` is true.
    pub(crate) fn part(&self, holds: impl Fn(f64, f64) -> bool) -> f64 {
        let holding = self.shares.iter().filter(|(before, after)| holds(*before, *after)).count();
        // As if one more draw had said the opposite: a thousand draws that
        // agree do not make certainty.
        holding as f64 / (self.shares.len() + 1) as f64
    }

    /// The share after is at most this in a part `q` of the draws.
    pub(crate) fn share_after(&self, q: f64) -> f64 {
        let mut after: Vec<f64> = self.shares.iter().map(|(_, after)| *after).collect();
        quantile(&mut after, q).unwrap_or_default()
    }
}

/// Draws both sides many times.
pub(crate) fn resample(before: &[MinuteFigures], after: &[MinuteFigures]) -> Resampled {
    let (before, after) = (blocks(before), blocks(after));
    let mut draws = Draws::default();
    let (mut shares, mut ratios) = (Vec::with_capacity(DRAWS), Vec::with_capacity(DRAWS));
    for _ in 0..DRAWS {
        let (left, right) = (draw(&before, &mut draws), draw(&after, &mut draws));
        shares.push((left.share(), right.share()));
        if let (Some(left), Some(right)) = (left.percentile(), right.percentile()) {
            ratios.push(right / left.max(1.0));
        }
    }
    let low = quantile(&mut ratios, LATENCY_TAIL).unwrap_or(1.0);
    let high = quantile(&mut ratios, 1.0 - LATENCY_TAIL).unwrap_or(1.0);
    let latency = match () {
        () if high < 1.0 / LATENCY_RATIO_MIN => Latency::Faster,
        () if low > LATENCY_RATIO_MIN => Latency::Slower,
        () => Latency::Same,
    };
    Resampled { shares, latency }
}

/// Minutes put together, with the durations as (bucket, thousandths).
struct Block {
    wall_ns: f64,
    lost_ns: f64,
    durations: Vec<(u16, i64)>,
}

fn blocks(minutes: &[MinuteFigures]) -> Vec<Block> {
    let minutes: Vec<&MinuteFigures> = minutes.iter().filter(|minute| minute.samples > 0).collect();
    let length = minutes.len().div_ceil(BLOCKS_MAX).max(1);
    minutes.chunks(length).map(block).collect()
}

fn block(minutes: &[&MinuteFigures]) -> Block {
    let mut sketch = Sketch::default();
    minutes.iter().for_each(|minute| sketch.merge(&minute.sketch));
    Block {
        wall_ns: minutes.iter().map(|minute| minute.wall_ns as f64).sum(),
        lost_ns: minutes.iter().map(|minute| minute.lost_ns as f64).sum(),
        durations: sketch.buckets().filter(|(_, count)| *count > 0).collect(),
    }
}

/// One draw of a side: as many blocks as there are, some twice, some never.
struct Drawn {
    wall_ns: f64,
    lost_ns: f64,
    durations: Vec<i64>,
}

fn draw(blocks: &[Block], draws: &mut Draws) -> Drawn {
    let mut drawn =
        Drawn { wall_ns: 0.0, lost_ns: 0.0, durations: vec![0; usize::from(BUCKET_MAX) + 1] };
    for _ in blocks {
        let Some(block) = blocks.get(draws.below(blocks.len())) else { continue };
        drawn.wall_ns += block.wall_ns;
        drawn.lost_ns += block.lost_ns;
        for (bucket, count) in &block.durations {
            if let Some(sum) = drawn.durations.get_mut(usize::from(*bucket)) {
                *sum = sum.saturating_add(*count);
            }
        }
    }
    drawn
}

impl Drawn {
    fn share(&self) -> f64 {
        share(self.lost_ns, self.wall_ns)
    }

    fn percentile(&self) -> Option<f64> {
        let total: i64 = self.durations.iter().sum();
        if total <= 0 {
            return None;
        }
        let rank = (PERCENTILE * (total - 1) as f64).floor() as i64;
        let mut seen = 0;
        let found = self.durations.iter().position(|count| {
            seen += count;
            seen > rank
        })?;
        Some(bucket_middle_ns(found as u16) as f64)
    }
}

/// The sums of a side.
pub(crate) fn side(minutes: &[MinuteFigures]) -> SideFigures {
    let with_requests = || minutes.iter().filter(|minute| minute.samples > 0);
    let mut sketch = Sketch::default();
    let (mut wall_ns, mut lost_ns) = (0.0, 0.0);
    let mut figures = SideFigures::default();
    for minute in with_requests() {
        sketch.merge(&minute.sketch);
        wall_ns += minute.wall_ns as f64;
        lost_ns += minute.lost_ns as f64;
        figures.minutes += 1;
        figures.samples += minute.samples;
        figures.samples_affected += minute.samples_affected.min(minute.samples);
        figures.requests += minute.requests;
    }
    let start = |minute: i64| UnixNanos(minute.saturating_mul(NANOS_PER_MINUTE));
    figures.from = with_requests().map(|minute| start(minute.minute)).min().unwrap_or_default();
    figures.to = with_requests().map(|minute| start(minute.minute + 1)).max().unwrap_or_default();
    figures.share = share(lost_ns, wall_ns);
    figures.p95_ns = sketch.quantile_ns(PERCENTILE).unwrap_or_default();
    figures
}

/// A part of a whole, 0..=1.
pub(crate) fn share(lost_ns: f64, wall_ns: f64) -> f64 {
    if wall_ns > 0.0 { (lost_ns / wall_ns).clamp(0.0, 1.0) } else { 0.0 }
}
