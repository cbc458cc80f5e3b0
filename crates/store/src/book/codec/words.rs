//! What people read of findings as blobs: causes with templates, lists of
//! fixes, evidence. Languages, kinds and confidences are kept by their stable
//! names, because new ones will be added.

use hotspan_model::{Cause, Confidence, Fix, FixKind, Language, SpanId, TraceId, UnixNanos};

use super::{CodecError, Decoder, Encoder};

/// A cause and the operation templates it is about.
pub(in crate::book) fn encode_cause(cause: &Cause, templates: &[String]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.text(&cause.code);
    encoder.text(cause.confidence.slug());
    encoder.text(&cause.text);
    encoder.count(cause.facts.len());
    for (figure, meaning) in &cause.facts {
        encoder.text(figure);
        encoder.text(meaning);
    }
    put_texts(&mut encoder, templates);
    encoder.finish()
}

/// Reads [`encode_cause`].
pub(in crate::book) fn decode_cause(bytes: &[u8]) -> Result<(Cause, Vec<String>), CodecError> {
    let mut decoder = Decoder::new(bytes)?;
    let cause = Cause {
        code: decoder.text()?.to_owned(),
        confidence: Confidence::from_slug(decoder.text()?)
            .ok_or(CodecError::Range("confidence"))?,
        text: decoder.text()?.to_owned(),
        facts: decoder
            .list(|decoder| Ok((decoder.text()?.to_owned(), decoder.text()?.to_owned())))?,
    };
    let templates = take_texts(&mut decoder)?;
    decoder.finish()?;
    Ok((cause, templates))
}

/// A list of fixes, best first.
pub(in crate::book) fn encode_fixes(fixes: &[Fix]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.count(fixes.len());
    for fix in fixes {
        encoder.text(fix.kind.slug());
        encoder.text(fix.language.slug());
        encoder.text(&fix.title);
        encoder.text(&fix.snippet);
        encoder.text(&fix.note);
    }
    encoder.finish()
}

/// Reads [`encode_fixes`].
pub(in crate::book) fn decode_fixes(bytes: &[u8]) -> Result<Vec<Fix>, CodecError> {
    let mut decoder = Decoder::new(bytes)?;
    let fixes = decoder.list(|decoder| {
        Ok(Fix {
            kind: FixKind::from_slug(decoder.text()?).ok_or(CodecError::Range("kind of fix"))?,
            language: language_of(decoder.text()?),
            title: decoder.text()?.to_owned(),
            snippet: decoder.text()?.to_owned(),
            note: decoder.text()?.to_owned(),
        })
    })?;
    decoder.finish()?;
    Ok(fixes)
}

/// The language of a stable name; one that is unknown here fits any.
pub(in crate::book) fn language_of(slug: &str) -> Language {
    Language::ALL.into_iter().find(|language| language.slug() == slug).unwrap_or_default()
}

/// Spans to mark, as they are: 8 bytes each.
pub(in crate::book) fn encode_spans(spans: &[SpanId]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    put_spans(&mut encoder, spans);
    encoder.finish()
}

/// Reads [`encode_spans`].
pub(in crate::book) fn decode_spans(bytes: &[u8]) -> Result<Vec<SpanId>, CodecError> {
    let mut decoder = Decoder::new(bytes)?;
    let spans = take_spans(&mut decoder)?;
    decoder.finish()?;
    Ok(spans)
}

/// One affected segment that a profile can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::book) struct Witness {
    pub(in crate::book) trace_id: TraceId,
    pub(in crate::book) entry_span: SpanId,
    pub(in crate::book) start: UnixNanos,
    pub(in crate::book) duration_ns: i64,
    pub(in crate::book) wall_ns: i64,
    pub(in crate::book) lookups: u32,
    pub(in crate::book) calls: u32,
    pub(in crate::book) spans: Vec<SpanId>,
}

/// How often a template was used, and where it stood among its segment's
/// templates, summed: both can be taken out again, and the average gives an
/// order that does not depend on which segment came first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::book) struct TemplateCount {
    pub(in crate::book) template: String,
    pub(in crate::book) segments: i64,
    pub(in crate::book) places: i64,
}

/// The parts of a class use that are lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::book) struct UseDetail {
    pub(in crate::book) witnesses: Vec<Witness>,
    pub(in crate::book) templates: Vec<TemplateCount>,
}

/// Witnesses and templates of a class use.
pub(in crate::book) fn encode_use_detail(detail: &UseDetail) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.count(detail.witnesses.len());
    for witness in &detail.witnesses {
        encoder.fixed(&witness.trace_id.0);
        encoder.fixed(&witness.entry_span.0);
        encoder.signed(witness.start.0);
        encoder.signed(witness.duration_ns);
        encoder.signed(witness.wall_ns);
        encoder.unsigned(u64::from(witness.lookups));
        encoder.unsigned(u64::from(witness.calls));
        put_spans(&mut encoder, &witness.spans);
    }
    encoder.count(detail.templates.len());
    for count in &detail.templates {
        encoder.text(&count.template);
        encoder.signed(count.segments);
        encoder.signed(count.places);
    }
    encoder.finish()
}

/// Reads [`encode_use_detail`].
pub(in crate::book) fn decode_use_detail(bytes: &[u8]) -> Result<UseDetail, CodecError> {
    let mut decoder = Decoder::new(bytes)?;
    let witnesses = decoder.list(|decoder| {
        Ok(Witness {
            trace_id: TraceId(decoder.fixed()?),
            entry_span: SpanId(decoder.fixed()?),
            start: UnixNanos(decoder.signed()?),
            duration_ns: decoder.signed()?,
            wall_ns: decoder.signed()?,
            lookups: decoder.small("lookups")?,
            calls: decoder.small("calls")?,
            spans: take_spans(decoder)?,
        })
    })?;
    let templates = decoder.list(|decoder| {
        Ok(TemplateCount {
            template: decoder.text()?.to_owned(),
            segments: decoder.signed()?,
            places: decoder.signed()?,
        })
    })?;
    decoder.finish()?;
    Ok(UseDetail { witnesses, templates })
}

pub(super) fn put_spans(encoder: &mut Encoder, spans: &[SpanId]) {
    encoder.count(spans.len());
    spans.iter().for_each(|span| encoder.fixed(&span.0));
}

pub(super) fn take_spans(decoder: &mut Decoder<'_>) -> Result<Vec<SpanId>, CodecError> {
    decoder.list(|decoder| decoder.fixed().map(SpanId))
}

pub(super) fn put_texts(encoder: &mut Encoder, texts: &[String]) {
    encoder.count(texts.len());
    texts.iter().for_each(|text| encoder.text(text));
}

pub(super) fn take_texts(decoder: &mut Decoder<'_>) -> Result<Vec<String>, CodecError> {
    decoder.list(|decoder| decoder.text().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn findings_come_back(finding in sample::finding()) {
            let cause = encode_cause(&finding.cause, &finding.templates);
            prop_assert_eq!(decode_cause(&cause), Ok((finding.cause, finding.templates)));
            prop_assert_eq!(decode_fixes(&encode_fixes(&finding.fixes)), Ok(finding.fixes));
            prop_assert_eq!(decode_spans(&encode_spans(&finding.evidence)), Ok(finding.evidence));
        }

        #[test]
        fn use_details_come_back(
            ids in prop::collection::vec((any::<[u8; 16]>(), any::<[u8; 8]>(), any::<i64>(), any::<u32>()), 0..5),
            templates in prop::collection::vec((".{0,20}", any::<i64>()), 0..5),
        ) {
            let detail = UseDetail {
                witnesses: ids.into_iter().map(|(trace, span, nanos, number)| Witness {
                    trace_id: TraceId(trace),
                    entry_span: SpanId(span),
                    start: UnixNanos(nanos),
                    duration_ns: nanos,
                    wall_ns: nanos / 2,
                    lookups: number,
                    calls: number,
                    spans: vec![SpanId(span); number as usize % 3],
                }).collect(),
                templates: templates.into_iter().map(|(template, number)| TemplateCount {
                    template,
                    segments: number,
                    places: -(number / 2),
                }).collect(),
            };
            prop_assert_eq!(decode_use_detail(&encode_use_detail(&detail)), Ok(detail));
        }
    }
}
