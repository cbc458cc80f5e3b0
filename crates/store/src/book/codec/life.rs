//! What was measured before and after a fix, as blobs.

use hotspan_model::UnixNanos;
use hotspan_model::comparison::{Comparison, Latency, Needs, SideFigures};
use hotspan_model::life::Progress;

use super::{CodecError, Decoder, Encoder};

/// Both sides of a comparison.
pub(in crate::book) fn encode_comparison(comparison: &Comparison) -> Vec<u8> {
    let mut encoder = Encoder::new();
    put_side(&mut encoder, &comparison.before);
    put_side(&mut encoder, &comparison.after);
    encoder.float(comparison.share_after_max);
    encoder.float(comparison.share_gone);
    encoder.text(comparison.latency.slug());
    encoder.float(comparison.confidence);
    encoder.finish()
}

/// Reads [`encode_comparison`].
pub(in crate::book) fn decode_comparison(bytes: &[u8]) -> Result<Comparison, CodecError> {
    let mut decoder = Decoder::new(bytes)?;
    let comparison = Comparison {
        before: take_side(&mut decoder)?,
        after: take_side(&mut decoder)?,
        share_after_max: decoder.float()?,
        share_gone: decoder.float()?,
        latency: Latency::from_slug(decoder.text()?).ok_or(CodecError::Range("latency"))?,
        confidence: decoder.float()?,
    };
    decoder.finish()?;
    Ok(comparison)
}

fn put_side(encoder: &mut Encoder, side: &SideFigures) {
    encoder.signed(side.from.0);
    encoder.signed(side.to.0);
    encoder.unsigned(side.minutes);
    encoder.unsigned(side.samples);
    encoder.unsigned(side.samples_affected);
    encoder.float(side.requests);
    encoder.float(side.share);
    encoder.signed(side.p95_ns);
}

fn take_side(decoder: &mut Decoder<'_>) -> Result<SideFigures, CodecError> {
    Ok(SideFigures {
        from: UnixNanos(decoder.signed()?),
        to: UnixNanos(decoder.signed()?),
        minutes: decoder.unsigned()?,
        samples: decoder.unsigned()?,
        samples_affected: decoder.unsigned()?,
        requests: decoder.float()?,
        share: decoder.float()?,
        p95_ns: decoder.signed()?,
    })
}

/// How far a comparison has come, with what is missing.
pub(in crate::book) fn encode_progress(progress: Progress) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.text(progress.slug());
    if let Progress::Waiting(needs) = progress {
        encoder.unsigned(needs.requests);
        encoder.unsigned(needs.minutes);
        encoder.unsigned(u64::from(needs.before));
    }
    encoder.finish()
}

/// Reads [`encode_progress`].
pub(in crate::book) fn decode_progress(bytes: &[u8]) -> Result<Progress, CodecError> {
    let mut decoder = Decoder::new(bytes)?;
    let progress = match decoder.text()? {
        "awaiting_release" => Progress::AwaitingRelease,
        "waiting" => Progress::Waiting(Needs {
            requests: decoder.unsigned()?,
            minutes: decoder.unsigned()?,
            before: decoder.unsigned()? > 0,
        }),
        "verified" => Progress::Verified,
        "not_fixed" => Progress::NotFixed,
        "lapsed" => Progress::Lapsed,
        _ => return Err(CodecError::Range("progress")),
    };
    decoder.finish()?;
    Ok(progress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_comes_back() {
        let side = |number: u64| SideFigures {
            from: UnixNanos(-5),
            to: UnixNanos(1_795_392_000_000_000_000),
            minutes: number,
            samples: 2 * number,
            samples_affected: number,
            requests: 2.5,
            share: 0.35,
            p95_ns: 9_800_000_000,
        };
        for latency in Latency::ALL {
            let comparison = Comparison {
                before: side(300),
                after: side(7),
                share_after_max: 0.001,
                share_gone: 0.01,
                latency,
                confidence: 0.999,
            };
            let bytes = encode_comparison(&comparison);
            assert_eq!(decode_comparison(&bytes), Ok(comparison));
        }
        let needs = Needs { requests: 700, minutes: 0, before: true };
        for progress in [
            Progress::AwaitingRelease,
            Progress::Waiting(needs),
            Progress::Verified,
            Progress::NotFixed,
            Progress::Lapsed,
        ] {
            assert_eq!(decode_progress(&encode_progress(progress)), Ok(progress));
        }
    }
}
