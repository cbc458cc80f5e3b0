//! Whether a fix worked: an issue's cost before and after, judged.
//!
//! *Gone* means that the share of the endpoint's time fell to a tenth of what
//! it was, and below what would be worth a finding. A shared provider still
//! looks credentials up once in an hour, so *gone* cannot mean *never seen*.
//! An issue that fell from 35% to 20% is not fixed: there is more to do.
//!
//! When comparisons begin and end, and what becomes of the issue, is decided in
//! `ingest`.

use hotspan_model::comparison::{Comparison, MinuteFigures, Needs, SideFigures, Verdict};

use crate::comparison::{Resampled, resample, share, side};

/// Above this share of the wall time an issue is never gone: it is what a
/// single trace must lose to be a finding.
pub const SHARE_GONE_MAX: f64 = 0.01;
/// The part of its earlier share that may be left of an issue that is gone.
pub const REST_MAX: f64 = 0.1;
/// Requests after a fix below which nothing is said.
pub const REQUESTS_MIN: u64 = 30;
/// Minutes with requests after a fix below which nothing is said.
pub const MINUTES_MIN: u64 = 5;
/// Minutes with requests below which *not fixed* is not said: while a deploy
/// rolls out, the old release still answers.
pub const NOT_FIXED_MINUTES_MIN: u64 = 10;
/// Minutes at the beginning that are left out up to the last one in which the
/// issue was seen, for the same reason.
pub const SETTLING_MINUTES_MAX: i64 = 15;
/// A verdict is this sure at least.
pub const CONFIDENCE_MIN: f64 = 0.95;
/// A return is this sure at least: it is looked for again and again.
pub const RETURN_CONFIDENCE_MIN: f64 = 0.99;
/// Seeing nothing of an issue that is still there must be less likely.
const CHANCE_MAX: f64 = 0.01;

/// A verdict with the figures it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// What to say.
    pub verdict: Verdict,
    /// Before and after.
    pub comparison: Comparison,
}

/// The share of the wall time at and below which an issue with this share
/// before counts as gone.
pub fn share_gone(before: f64) -> f64 {
    (before * REST_MAX).min(SHARE_GONE_MAX)
}

/// Compares an endpoint before a fix with the same endpoint since. Minutes are
/// in order; those without requests may be missing.
pub fn judge(before: &[MinuteFigures], after: &[MinuteFigures]) -> Judgement {
    let all = side(after);
    let gone = share_gone(side(before).share);
    let settled = settled(after, gone);
    let (figures, rest) = (side(before), side(settled));
    if figures.share <= 0.0 {
        let needs = Needs { before: true, ..needs(&figures, before, &rest) };
        let comparison = Comparison { before: figures, after: rest, ..Comparison::default() };
        return Judgement { verdict: Verdict::NotYet(needs), comparison };
    }
    let whole = resample(before, after);
    let still_there = whole.part(|before, after| after > share_gone(before));
    if still_there >= CONFIDENCE_MIN && may_be_not_fixed(&all) && lately_seen(after, gone) {
        let comparison = compared(figures, all, &whole, gone, still_there);
        return Judgement { verdict: Verdict::NotFixed, comparison };
    }
    let needs = needs(&figures, before, &rest);
    if rest.samples == 0 {
        // It was seen until the end; the draws of all minutes say how much.
        let sure = whole.part(|before, after| after <= share_gone(before));
        let sure = if all.samples > 0 { sure } else { 0.0 };
        let comparison = compared(figures, all, &whole, gone, sure);
        return Judgement { verdict: Verdict::NotYet(needs), comparison };
    }
    let drawn = if settled.len() == after.len() { whole } else { resample(before, settled) };
    let sure = drawn.part(|before, after| after <= share_gone(before));
    let confidence = sure.min(1.0 - chance_of_none(&figures, before, &rest)).max(0.0);
    let is_gone = needs.is_clearness_only() && confidence >= CONFIDENCE_MIN;
    let verdict = if is_gone { Verdict::Verified } else { Verdict::NotYet(needs) };
    Judgement { verdict, comparison: compared(figures, rest, &drawn, gone, confidence) }
}

/// True when an issue that was gone is back in these minutes. `before` is what
/// it was when it was open.
pub fn returned(before: &SideFigures, recent: &[MinuteFigures]) -> Option<Comparison> {
    let now = side(recent);
    if now.samples < REQUESTS_MIN || now.minutes < MINUTES_MIN {
        return None;
    }
    let gone = share_gone(before.share);
    if now.share <= gone || !lately_seen(recent, gone) {
        return None;
    }
    let drawn = resample(&[], recent);
    let sure = drawn.part(|_, after| after > gone);
    let comparison = compared(*before, now, &drawn, gone, sure);
    (sure >= RETURN_CONFIDENCE_MIN).then_some(comparison)
}

fn compared(
    before: SideFigures,
    after: SideFigures,
    drawn: &Resampled,
    share_gone: f64,
    confidence: f64,
) -> Comparison {
    Comparison {
        before,
        after,
        share_after_max: drawn.share_after(CONFIDENCE_MIN),
        share_gone,
        latency: drawn.latency,
        confidence,
    }
}

fn may_be_not_fixed(after: &SideFigures) -> bool {
    after.samples >= REQUESTS_MIN && after.minutes >= NOT_FIXED_MINUTES_MIN
}

/// True when the newer half of the minutes still loses time: what was lost
/// only while a deploy rolled out says nothing.
fn lately_seen(after: &[MinuteFigures], gone: f64) -> bool {
    let newer = &after[after.len() / 2..];
    side(newer).share > gone
}

/// The minutes without those at the beginning in which the old release may
/// still have answered.
fn settled(after: &[MinuteFigures], gone: f64) -> &[MinuteFigures] {
    let Some(first) = after.first() else { return after };
    let settling = |minute: &MinuteFigures| minute.minute - first.minute < SETTLING_MINUTES_MAX;
    let costs = |minute: &MinuteFigures| {
        share(minute.lost_ns as f64, minute.wall_ns as f64) > gone && minute.lost_ns > 0
    };
    let last = after.iter().rposition(|minute| settling(minute) && costs(minute));
    last.map_or(after, |last| &after[last + 1..])
}

/// What is missing until nothing seen means nothing there. A fault in one of a
/// hundred requests, or in one of a hundred minutes, takes longer to miss.
fn needs(before: &SideFigures, minutes: &[MinuteFigures], after: &SideFigures) -> Needs {
    let requests = REQUESTS_MIN.max(without_chance(affected_requests(before)));
    let minutes = MINUTES_MIN.max(without_chance(affected_minutes(minutes)));
    Needs {
        requests: requests.saturating_sub(after.samples),
        minutes: minutes.saturating_sub(after.minutes),
        before: false,
    }
}

fn affected_requests(before: &SideFigures) -> f64 {
    at_least(before.samples_affected, before.samples)
}

fn affected_minutes(before: &[MinuteFigures]) -> f64 {
    let with_requests = before.iter().filter(|minute| minute.samples > 0).count();
    let affected = before.iter().filter(|minute| minute.samples_affected > 0).count();
    at_least(affected as u64, with_requests as u64)
}

/// The least frequency that `some` of `all` allow for with 95% confidence: the
/// lower bound of Wilson's interval, so that little of a *before* asks for more
/// of an *after*.
fn at_least(some: u64, all: u64) -> f64 {
    const Z: f64 = 1.645;
    if all == 0 {
        return 0.0;
    }
    let (n, p) = (all as f64, (some as f64 / all as f64).clamp(0.0, 1.0));
    let middle = p + Z * Z / (2.0 * n);
    let width = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - width) / (1.0 + Z * Z / n)).clamp(0.0, 1.0)
}

/// How many draws must miss something of this frequency before that is less
/// likely than [`CHANCE_MAX`]: the least n with (1 − p)ⁿ ≤ 1%.
fn without_chance(frequency: f64) -> u64 {
    if frequency >= 1.0 {
        return 1;
    }
    if frequency <= 0.0 {
        return 0;
    }
    (CHANCE_MAX.ln() / (-frequency).ln_1p()).ceil() as u64
}

/// How likely it is to see as little as was seen although nothing changed;
/// 0 where something was seen, because then the draws tell how likely.
fn chance_of_none(before: &SideFigures, minutes: &[MinuteFigures], after: &SideFigures) -> f64 {
    if after.samples_affected > 0 {
        return 0.0;
    }
    let missed = |frequency: f64, times: u64| (1.0 - frequency).powf(times as f64);
    missed(affected_requests(before), after.samples)
        .max(missed(affected_minutes(minutes), after.minutes))
}

#[cfg(test)]
mod tests;
