//! Conditions on plain columns as DataFusion expressions: comparisons of a
//! column with a literal of the column's own type, which statistics can answer
//! for whole files and row groups.

use datafusion::common::ScalarValue;
use datafusion::prelude::{Expr, col, lit};
use hotspan_model::time::NANOS_PER_MICRO;
use hotspan_model::{SpanId, UnixNanos};

use super::language::{Comparison, NumberField, Optional, Pattern, Term, TextField};
use crate::TimeWindow;
use crate::table::{SPAN_ID_BYTES, TRACE_ID_BYTES};

/// The condition, or its opposite. A column without a value passes opposites.
pub(super) fn expression(term: &Term, negated: bool) -> Expr {
    let expr = positive(term);
    if !negated {
        return expr;
    }
    if may_be_null(term) { expr.is_not_true() } else { Expr::Not(Box::new(expr)) }
}

/// True for conditions on columns that may be without a value.
fn may_be_null(term: &Term) -> bool {
    matches!(
        term,
        Term::Text(TextField::Environment | TextField::Release, _)
            | Term::Number(NumberField::HttpStatus, ..)
            | Term::Parent(_)
            | Term::Entry
    )
}

fn positive(term: &Term) -> Expr {
    match term {
        Term::NameHas(pattern) => {
            let like = format!("%{}%", like_text(pattern));
            col("name").ilike(lit(like))
        }
        Term::Text(field, patterns) => {
            any(patterns.iter().map(|pattern| fits(text_column(*field), pattern)))
        }
        Term::Kind(kinds) => any(kinds.iter().map(|kind| col("kind").eq(lit(kind.slug())))),
        Term::Status(statuses) => {
            any(statuses.iter().map(|status| col("status").eq(lit(status.slug()))))
        }
        Term::Number(NumberField::Duration, comparison, nanos) => {
            compared(*comparison, col("duration_ns"), lit(*nanos))
        }
        Term::Number(NumberField::HttpStatus, comparison, status) => {
            // No status comes near the ends of the range.
            let status =
                i32::try_from(*status).unwrap_or(if *status < 0 { i32::MIN } else { i32::MAX });
            compared(*comparison, col("http_status"), lit(status))
        }
        Term::Start(comparison, moment) => started(*comparison, *moment),
        Term::Trace(ids) => any(ids.iter().map(|id| {
            let id = ScalarValue::FixedSizeBinary(TRACE_ID_BYTES, Some(id.0.to_vec()));
            col("trace_id").eq(lit(id))
        })),
        Term::Span(ids) => any(ids.iter().map(|id| col("span_id").eq(span_id(*id)))),
        Term::Parent(ids) => any(ids.iter().map(|id| col("parent_span_id").eq(span_id(*id)))),
        Term::Has(optional) => match optional {
            Optional::Environment => col("environment").is_not_null(),
            Optional::Release => col("release").is_not_null(),
            Optional::HttpStatus => col("http_status").is_not_null(),
            Optional::Parent => col("parent_span_id").is_not_null(),
            Optional::StatusMessage => col("status_message").not_eq(lit("")),
        },
        Term::Entry => col("is_entry").eq(lit(true)),
        // Probes ask these.
        Term::Attribute(_) => lit(true),
    }
}

/// Spans that began in a window, to the microsecond around it.
pub(super) fn within(window: TimeWindow) -> Expr {
    // The end is not part of the window, but its microsecond may be.
    let last = window.to.plus(-1);
    col("start").gt_eq(instant(window.from)).and(col("start").lt_eq(instant(last)))
}

fn any(parts: impl Iterator<Item = Expr>) -> Expr {
    parts.reduce(Expr::or).unwrap_or_else(|| lit(false))
}

fn text_column(field: TextField) -> &'static str {
    match field {
        TextField::Project => "project",
        TextField::Service => "service",
        TextField::Name => "name",
        TextField::StatusMessage => "status_message",
        TextField::Environment => "environment",
        TextField::Release => "release",
        TextField::Scope => "scope_name",
    }
}

fn fits(column: &str, pattern: &Pattern) -> Expr {
    match pattern.as_exact() {
        Some(text) => col(column).eq(lit(text)),
        None => col(column).like(lit(like_text(pattern))),
    }
}

fn like_text(pattern: &Pattern) -> String {
    let escaped = |piece: &String| {
        let mut text = String::with_capacity(piece.len());
        for letter in piece.chars() {
            if matches!(letter, '%' | '_' | '\\') {
                text.push('\\');
            }
            text.push(letter);
        }
        text
    };
    pattern.pieces().iter().map(escaped).collect::<Vec<_>>().join("%")
}

fn compared(comparison: Comparison, left: Expr, right: Expr) -> Expr {
    match comparison {
        Comparison::Less => left.lt(right),
        Comparison::AtMost => left.lt_eq(right),
        Comparison::Equal => left.eq(right),
        Comparison::AtLeast => left.gt_eq(right),
        Comparison::More => left.gt(right),
    }
}

/// The start is two columns: microseconds, and nanoseconds beyond them.
fn started(comparison: Comparison, moment: UnixNanos) -> Expr {
    let micros = || instant(moment);
    // Below 1,000, so it fits.
    let rest = lit(moment.0.rem_euclid(NANOS_PER_MICRO) as i16);
    let coarse = match comparison {
        Comparison::Less | Comparison::AtMost => col("start").lt(micros()),
        Comparison::Equal => lit(false),
        Comparison::AtLeast | Comparison::More => col("start").gt(micros()),
    };
    coarse.or(col("start").eq(micros()).and(compared(comparison, col("start_ns"), rest)))
}

fn instant(time: UnixNanos) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(time.micros()), Some("UTC".into())))
}

fn span_id(id: SpanId) -> Expr {
    lit(ScalarValue::FixedSizeBinary(SPAN_ID_BYTES, Some(id.0.to_vec())))
}
