//! The last hour of the server's own numbers, for the Status page: one sample
//! every ten seconds, in memory, gone with the process.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hotspan_model::UnixNanos;
use hotspan_model::measure::Distribution;
use hotspan_model::time::NANOS_PER_SECOND;

use crate::metrics::process::Process;
use crate::state::AppState;

/// How often a sample is taken.
const EVERY: Duration = Duration::from_secs(10);
/// Samples kept: an hour.
const SAMPLES_MAX: usize = 360;

/// Reasons of refusal that are this server's own and pass.
const PASSING: [&str; 4] = ["busy", "disk", "unavailable", "shutting_down"];

/// Running totals at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sample {
    /// When.
    pub(crate) at: UnixNanos,
    /// Spans accepted so far.
    pub(crate) spans: u64,
    /// Requests refused so far that would have been taken at a better time.
    pub(crate) refused: u64,
    /// Processor time so far.
    pub(crate) cpu_seconds: Option<f64>,
    /// Syncs of the log so far.
    pub(crate) syncs: Distribution,
}

/// The samples, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<VecDeque<Sample>>);

impl History {
    /// Adds a sample. The oldest makes room.
    pub(crate) fn push(&self, sample: Sample) {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() >= SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// A copy of all.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl Sample {
    /// The totals now.
    pub(crate) fn take(state: &AppState, process: &Process) -> Self {
        let stats = state.ingest.stats();
        Self {
            at: state.now(),
            spans: stats.accepted_spans,
            refused: PASSING.iter().filter_map(|reason| stats.refused.get(*reason)).sum(),
            cpu_seconds: process.cpu_seconds,
            syncs: state.store.meters().wal.sync.read(),
        }
    }

    /// Spans a second since an earlier sample; `None` when the clock did not
    /// move forward in between.
    pub(crate) fn spans_per_second(&self, earlier: &Self) -> Option<f64> {
        let seconds = self.seconds_since(earlier)?;
        Some(self.spans.saturating_sub(earlier.spans) as f64 / seconds)
    }

    /// Processors kept busy since an earlier sample: 1 is one whole processor.
    pub(crate) fn processors(&self, earlier: &Self) -> Option<f64> {
        let seconds = self.seconds_since(earlier)?;
        Some((self.cpu_seconds? - earlier.cpu_seconds?).max(0.0) / seconds)
    }

    fn seconds_since(&self, earlier: &Self) -> Option<f64> {
        let nanos = self.at.since(earlier.at);
        (nanos > 0).then(|| nanos as f64 / NANOS_PER_SECOND as f64)
    }
}

/// Takes samples until `stop` resolves.
pub async fn keep_history(state: AppState, stop: impl Future<Output = ()> + Send) {
    let mut ticks = tokio::time::interval(EVERY);
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            _ = ticks.tick() => state.history.push(Sample::take(&state, &Process::now())),
            () = &mut stop => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: i64, spans: u64, cpu_seconds: f64) -> Sample {
        let at = UnixNanos(seconds * NANOS_PER_SECOND);
        Sample { at, spans, cpu_seconds: Some(cpu_seconds), ..Sample::default() }
    }

    #[test]
    fn rates_between_samples() {
        let (early, late) = (sample(10, 100, 1.0), sample(20, 350, 6.0));
        assert_eq!(late.spans_per_second(&early), Some(25.0));
        assert_eq!(late.processors(&early), Some(0.5));
        // A clock that was set back tells no rate.
        assert_eq!(early.spans_per_second(&late), None);
        assert_eq!(late.processors(&Sample { cpu_seconds: None, ..early }), None);
    }

    #[test]
    fn an_hour_is_kept() {
        let history = History::default();
        for number in 0..SAMPLES_MAX as i64 + 5 {
            history.push(sample(number, 0, 0.0));
        }
        let samples = history.samples();
        assert_eq!((samples.len(), samples[0].at), (SAMPLES_MAX, sample(5, 0, 0.0).at));
    }
}
