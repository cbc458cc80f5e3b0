//! A filter as something rows can be asked: conditions on plain columns become
//! one DataFusion expression, conditions on attributes become probes of the
//! map columns. Negations are pushed down to the conditions, so that a column
//! without a value never answers "unknown".

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{and, or};
use datafusion::arrow::datatypes::Schema;
use datafusion::common::DFSchema;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::{Expr, lit};

use super::attribute::{Probe, Source};
use super::language::{AttributeTerm, SpanFilter, Term};
use super::{columns, synonyms};
use crate::StoreError;
use crate::table::schema;

/// A filter, ready to be asked.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// Every part holds.
    All(Vec<Plan>),
    /// A part holds.
    Any(Vec<Plan>),
    /// An expression over plain columns.
    Columns(Arc<ColumnTest>),
    /// A question to attributes.
    Attribute(Probe),
}

/// An expression over plain columns.
#[derive(Debug)]
pub(super) struct ColumnTest {
    expr: Expr,
    physical: Arc<dyn PhysicalExpr>,
    /// The columns it reads, in the order of the schema.
    schema: Arc<Schema>,
}

impl Plan {
    /// What a filter asks.
    pub(super) fn of(filter: &SpanFilter) -> Result<Self, StoreError> {
        Draft::of(filter, false).finish()
    }

    /// An expression over plain columns.
    pub(super) fn columns(expr: Expr) -> Result<Self, StoreError> {
        ColumnTest::new(expr).map(|test| Self::Columns(Arc::new(test)))
    }

    /// Always holds.
    pub(super) fn always() -> Self {
        Self::All(Vec::new())
    }

    /// Never holds.
    pub(super) fn never() -> Self {
        Self::Any(Vec::new())
    }

    pub(super) fn is_always(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    pub(super) fn is_never(&self) -> bool {
        matches!(self, Self::Any(parts) if parts.is_empty())
    }

    /// Parts that must all hold.
    pub(super) fn conjuncts(self) -> Vec<Self> {
        match self {
            Self::All(parts) => parts.into_iter().flat_map(Self::conjuncts).collect(),
            other => vec![other],
        }
    }

    /// True when the attribute maps are read.
    pub(super) fn asks_attributes(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::asks_attributes),
            Self::Columns(_) => false,
            Self::Attribute(_) => true,
        }
    }

    /// The columns it reads.
    pub(super) fn column_names(&self) -> BTreeSet<String> {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().flat_map(Self::column_names).collect()
            }
            Self::Columns(test) => {
                test.schema.fields().iter().map(|field| field.name().clone()).collect()
            }
            Self::Attribute(probe) => {
                probe.sources().iter().map(|source| source.column().to_owned()).collect()
            }
        }
    }

    /// What can be told from statistics: attributes may be anything.
    pub(super) fn bounds(&self) -> Expr {
        match self {
            Self::All(parts) => {
                parts.iter().map(Self::bounds).reduce(Expr::and).unwrap_or_else(|| lit(true))
            }
            Self::Any(parts) => {
                parts.iter().map(Self::bounds).reduce(Expr::or).unwrap_or_else(|| lit(false))
            }
            Self::Columns(test) => test.expr.clone(),
            Self::Attribute(_) => lit(true),
        }
    }

    /// The plan where `may_hold` tells which probes of which columns can find
    /// anything at all.
    pub(super) fn without_sources(
        &self,
        may_hold: &mut impl FnMut(&Probe, Source) -> Result<bool, StoreError>,
    ) -> Result<Self, StoreError> {
        Ok(match self {
            Self::All(parts) => {
                let mut kept = Vec::new();
                for part in parts {
                    match part.without_sources(may_hold)? {
                        part if part.is_never() => return Ok(Self::never()),
                        part if part.is_always() => {}
                        part => kept.push(part),
                    }
                }
                Self::All(kept)
            }
            Self::Any(parts) => {
                let mut kept = Vec::new();
                for part in parts {
                    match part.without_sources(may_hold)? {
                        part if part.is_always() => return Ok(Self::always()),
                        part if part.is_never() => {}
                        part => kept.push(part),
                    }
                }
                Self::Any(kept)
            }
            Self::Columns(_) => self.clone(),
            Self::Attribute(probe) => {
                let mut sources = Vec::new();
                for source in probe.sources() {
                    if may_hold(probe, *source)? {
                        sources.push(*source);
                    }
                }
                match (sources.is_empty(), probe.is_negated()) {
                    (true, true) => Self::always(),
                    (true, false) => Self::never(),
                    (false, _) => Self::Attribute(probe.with_sources(sources)),
                }
            }
        })
    }

    /// For each row, whether it passes; never null.
    pub(super) fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, StoreError> {
        let rows = batch.num_rows();
        match self {
            Self::All(parts) => {
                let mut passes = BooleanArray::from(vec![true; rows]);
                for part in parts {
                    if passes.true_count() == 0 {
                        break;
                    }
                    passes = and(&passes, &part.evaluate(batch)?)?;
                }
                Ok(passes)
            }
            Self::Any(parts) => {
                let mut passes = BooleanArray::from(vec![false; rows]);
                for part in parts {
                    passes = or(&passes, &part.evaluate(batch)?)?;
                }
                Ok(passes)
            }
            Self::Columns(test) => test.evaluate(batch),
            Self::Attribute(probe) => probe.evaluate(batch),
        }
    }
}

impl ColumnTest {
    fn new(expr: Expr) -> Result<Self, StoreError> {
        let names: BTreeSet<_> =
            expr.column_refs().into_iter().map(|column| column.name.clone()).collect();
        let whole = schema();
        let fields: Vec<_> =
            whole.fields().iter().filter(|field| names.contains(field.name())).cloned().collect();
        let schema = Arc::new(Schema::new(fields));
        let physical = create_physical_expr(
            &expr,
            &DFSchema::try_from(Arc::clone(&schema))?,
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )?;
        Ok(Self { expr, physical, schema })
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, StoreError> {
        let column = |name: &str| -> Result<ArrayRef, StoreError> {
            batch
                .column_by_name(name)
                .cloned()
                .ok_or_else(|| StoreError::Table(format!("column {name} is missing")))
        };
        let columns = self
            .schema
            .fields()
            .iter()
            .map(|field| column(field.name()))
            .collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        let passes = self.physical.evaluate(&batch)?.into_array(batch.num_rows())?;
        let passes = passes
            .as_any()
            .downcast_ref::<BooleanArray>()
            .ok_or_else(|| StoreError::Table("a condition is neither true nor false".to_owned()))?;
        // Nothing known is not passed.
        Ok(match passes.nulls() {
            Some(_) => datafusion::arrow::compute::prep_null_mask_filter(passes),
            None => passes.clone(),
        })
    }
}

/// A plan in the making: expressions side by side become one.
enum Draft {
    All(Vec<Draft>),
    Any(Vec<Draft>),
    Columns(Expr),
    Attribute(Probe),
}

impl Draft {
    fn of(filter: &SpanFilter, negated: bool) -> Self {
        match filter {
            SpanFilter::Not(part) => Self::of(part, !negated),
            SpanFilter::And(parts) | SpanFilter::Or(parts) => {
                let parts = parts.iter().map(|part| Self::of(part, negated));
                // "Not both" is "not one or not the other".
                let is_all = matches!(filter, SpanFilter::And(_)) != negated;
                if is_all { Self::all(parts) } else { Self::any(parts) }
            }
            SpanFilter::Term(Term::Attribute(term)) => Self::attribute(term, negated),
            SpanFilter::Term(term) => Self::Columns(columns::expression(term, negated)),
        }
    }

    /// A question to an attribute by whatever name it came.
    fn attribute(term: &AttributeTerm, negated: bool) -> Self {
        let names = synonyms::names_of(&term.key);
        if names.is_empty() {
            return Self::Attribute(Probe::of(term, negated));
        }
        let parts = names.iter().map(|name| {
            let term = AttributeTerm { key: (*name).to_owned(), ..term.clone() };
            Self::Attribute(Probe::of(&term, negated))
        });
        if negated { Self::all(parts) } else { Self::any(parts) }
    }

    fn all(parts: impl Iterator<Item = Self>) -> Self {
        let (expr, mut rest) = split(parts, Expr::and);
        rest.splice(0..0, expr.map(Self::Columns));
        Self::All(rest)
    }

    fn any(parts: impl Iterator<Item = Self>) -> Self {
        let (expr, mut rest) = split(parts, Expr::or);
        rest.splice(0..0, expr.map(Self::Columns));
        Self::Any(rest)
    }

    fn finish(self) -> Result<Plan, StoreError> {
        let finished =
            |parts: Vec<Self>| parts.into_iter().map(Self::finish).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Self::All(parts) => Plan::All(finished(parts)?),
            Self::Any(parts) => Plan::Any(finished(parts)?),
            Self::Columns(expr) => Plan::columns(expr)?,
            Self::Attribute(probe) => Plan::Attribute(probe),
        })
    }
}

/// Expressions joined into one, and everything else.
fn split(
    parts: impl Iterator<Item = Draft>,
    join: fn(Expr, Expr) -> Expr,
) -> (Option<Expr>, Vec<Draft>) {
    let mut joined: Option<Expr> = None;
    let mut rest = Vec::new();
    for part in parts {
        match part {
            Draft::Columns(expr) => {
                joined = Some(match joined.take() {
                    Some(before) => join(before, expr),
                    None => expr,
                });
            }
            other => rest.push(other),
        }
    }
    (joined, rest)
}
