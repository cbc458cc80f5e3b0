//! Functions of ours in SQL: `attribute('http.url')` as text,
//! `attribute_number('…')`, both also for resources, and `hex(trace_id)`.
//!
//! A function sees only what it is given, so `attribute('k')` is rewritten
//! into one that is also given the map columns of the table it stands beside.

use std::sync::Arc;

use datafusion::arrow::array::builder::{Float64Builder, StringBuilder};
use datafusion::arrow::array::{Array, ArrayRef, FixedSizeBinaryArray, MapArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, DataFusionError, ScalarValue, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::SessionContext;

use crate::search::entries::{Entries, ValueArray};

/// Makes the functions known.
pub(super) fn register(context: &mut SessionContext) -> Result<(), DataFusionError> {
    for (name, prefix, is_number) in [
        ("attribute", "attributes", false),
        ("attribute_number", "attributes", true),
        ("resource_attribute", "resource", false),
        ("resource_attribute_number", "resource", true),
    ] {
        let lookup = Lookup::new(name, prefix, is_number);
        context.register_udf(Arc::new(ScalarUDF::new_from_impl(lookup)))?;
    }
    context.register_udf(Arc::new(ScalarUDF::new_from_impl(Hex::new())))?;
    context.register_function_rewrite(Arc::new(GiveMaps))
}

/// The types of maps, in the order they are asked.
const KINDS: [&str; 4] = ["str", "int", "float", "json"];

/// Finds a key in the maps that it is given.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Lookup {
    name: &'static str,
    prefix: &'static str,
    is_number: bool,
    signature: Signature,
}

impl Lookup {
    fn new(name: &'static str, prefix: &'static str, is_number: bool) -> Self {
        let signature = Signature::variadic_any(Volatility::Immutable);
        Self { name, prefix, is_number, signature }
    }
}

impl ScalarUDFImpl for Lookup {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(if self.is_number { DataType::Float64 } else { DataType::Utf8 })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let rows = args.number_rows;
        let mut args = args.args.into_iter();
        let key = match args.next() {
            Some(ColumnarValue::Scalar(key)) => key.try_as_str().flatten().map(str::to_owned),
            _ => None,
        };
        let Some(key) = key else {
            return plan_err!("{}() takes the name of an attribute in quotes", self.name);
        };
        let maps = args.map(|map| map.into_array(rows)).collect::<Result<Vec<_>, _>>()?;
        let found =
            if self.is_number { numbers(&key, &maps, rows) } else { texts(&key, &maps, rows) };
        Ok(ColumnarValue::Array(found?))
    }
}

/// Where each map has the key: entries by row.
struct Found<'a> {
    map: &'a MapArray,
    entries: Entries<'a>,
}

impl<'a> Found<'a> {
    fn of(map: &'a ArrayRef) -> Result<Self, DataFusionError> {
        let map: &MapArray = map.as_any().downcast_ref().ok_or_else(|| {
            DataFusionError::Execution("an attribute is looked for beside the maps".to_owned())
        })?;
        let entries =
            Entries::of(map).map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(Self { map, entries })
    }

    /// For each row, the entry with the key.
    fn places(&self, key: &str) -> Vec<Option<usize>> {
        let Some(keys) = self.entries.keys(key) else { return vec![None; self.map.len()] };
        let offsets = self.map.value_offsets();
        (0..self.map.len())
            .map(|row| (offsets[row] as usize..offsets[row + 1] as usize).find(|at| keys.is(*at)))
            .collect()
    }
}

fn texts(key: &str, maps: &[ArrayRef], rows: usize) -> Result<ArrayRef, DataFusionError> {
    let found = maps.iter().map(Found::of).collect::<Result<Vec<_>, _>>()?;
    let places: Vec<_> = found.iter().map(|found| found.places(key)).collect();
    let mut texts = StringBuilder::new();
    for row in 0..rows {
        let place =
            found.iter().zip(&places).find_map(|(found, places)| Some((found, places[row]?)));
        match place.map(|(found, at)| (&found.entries.values, at)) {
            None => texts.append_null(),
            Some((ValueArray::Text(values), at)) => texts.append_value(values.value(at)),
            Some((ValueArray::View(values), at)) => texts.append_value(values.value(at)),
            Some((ValueArray::Int(values), at)) => texts.append_value(values.value(at).to_string()),
            Some((ValueArray::Float(values), at)) => {
                texts.append_value(values.value(at).to_string())
            }
        }
    }
    Ok(Arc::new(texts.finish()))
}

fn numbers(key: &str, maps: &[ArrayRef], rows: usize) -> Result<ArrayRef, DataFusionError> {
    let found = maps.iter().map(Found::of).collect::<Result<Vec<_>, _>>()?;
    let places: Vec<_> = found.iter().map(|found| found.places(key)).collect();
    let mut numbers = Float64Builder::with_capacity(rows);
    for row in 0..rows {
        let place =
            found.iter().zip(&places).find_map(|(found, places)| Some((found, places[row]?)));
        // SDKs send numbers as text too.
        numbers.append_option(place.and_then(|(found, at)| match &found.entries.values {
            ValueArray::Text(values) => values.value(at).parse().ok(),
            ValueArray::View(values) => values.value(at).parse().ok(),
            ValueArray::Int(values) => Some(values.value(at) as f64),
            ValueArray::Float(values) => Some(values.value(at)),
        }));
    }
    Ok(Arc::new(numbers.finish()))
}

/// Gives the maps of the table to functions that look into them.
#[derive(Debug)]
struct GiveMaps;

impl FunctionRewrite for GiveMaps {
    fn name(&self) -> &str {
        "give attribute maps"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _: &ConfigOptions,
    ) -> Result<Transformed<Expr>, DataFusionError> {
        let Expr::ScalarFunction(function) = &expr else { return Ok(Transformed::no(expr)) };
        let inner = function.func.inner();
        let lookup = (&**inner as &dyn std::any::Any).downcast_ref::<Lookup>();
        let Some(lookup) = lookup.filter(|_| function.args.len() <= 1) else {
            return Ok(Transformed::no(expr));
        };
        let is_text = |value: &ScalarValue| value.try_as_str().flatten().is_some();
        if !matches!(function.args.as_slice(), [Expr::Literal(key, _)] if is_text(key)) {
            return plan_err!("{}() takes the name of an attribute in quotes", lookup.name);
        }
        let mut args = function.args.clone();
        for kind in KINDS {
            args.push(map_column(schema, lookup, kind)?);
        }
        let func = Arc::clone(&function.func);
        Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })))
    }
}

fn map_column(schema: &DFSchema, lookup: &Lookup, kind: &str) -> Result<Expr, DataFusionError> {
    let name = format!("{}_{kind}", lookup.prefix);
    let columns = schema.columns();
    let mut columns = columns.into_iter().filter(|column: &Column| column.name == name);
    match (columns.next(), columns.next()) {
        (Some(column), None) => Ok(Expr::Column(column)),
        (None, _) => plan_err!(
            "{}() works beside the table spans itself: use it in the innermost SELECT and give it a name",
            lookup.name
        ),
        (Some(_), Some(_)) => plan_err!(
            "{}() cannot tell which table is meant: use it in a SELECT from one of them",
            lookup.name
        ),
    }
}

/// Ids as text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Hex {
    signature: Signature,
}

impl Hex {
    fn new() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Hex {
    fn name(&self) -> &str {
        "hex"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let Some(ids) = args.args.into_iter().next() else { return plan_err!("hex() takes an id") };
        let ids = ids.into_array(args.number_rows)?;
        let Some(ids) = ids.as_any().downcast_ref::<FixedSizeBinaryArray>() else {
            return plan_err!("hex() takes an id such as trace_id");
        };
        let mut texts = StringBuilder::new();
        for row in 0..ids.len() {
            texts.append_option(ids.is_valid(row).then(|| super::cell::hex(ids.value(row))));
        }
        Ok(ColumnarValue::Array(Arc::new(texts.finish())))
    }
}
