//! Remote procedures: SDK operations of AWS, and gRPC and its like.

use std::sync::Arc;

use hotspan_knowledge::knowledge;
use hotspan_model::{Call, CallKind, Class, SpanKind};

use super::{call, known_class, known_step, op, peer};
use crate::conventions::{Key, ToldSpan};

/// An operation of an AWS SDK, e.g. `S3.PutObject`. The requests it makes,
/// credential lookups among them, may hang under its span.
pub(super) fn aws_operation(span: &ToldSpan<'_>) -> Option<Call> {
    let attributes = &span.attributes;
    let system = attributes.first_str(&[Key::RpcSystemName, Key::RpcSystem]);
    if system != Some("aws-api") {
        return None;
    }
    let (named_service, named_method) = split_name(&span.name);
    let service =
        attributes.first_str(&[Key::RpcService, Key::AwsService]).unwrap_or(named_service);
    let method = attributes.first_str(&[Key::RpcMethod, Key::AwsOperation]).unwrap_or(named_method);
    // The new convention writes `S3/PutObject` into one attribute.
    let (service, method) = match method.split_once('/') {
        Some((service, method)) => (service, method),
        None => (service, method),
    };
    if let Some(found) = knowledge().families.rpc(service, method) {
        return Some(Call {
            kind: CallKind::Rpc,
            target: service.to_owned(),
            operation: found.template,
            class: known_class(found.class),
            step: found.step.map(known_step),
            family: Arc::from(found.family),
        });
    }
    let class = match service {
        "DynamoDB" => Class::Database,
        "SQS" | "SNS" | "Kinesis" | "EventBridge" => Class::Queue,
        _ => Class::Rpc,
    };
    let operation = format!("{service}.{method}");
    Some(call(CallKind::Rpc, class, service, operation))
}

/// `aws.s3.PutObject` and `S3.PutObject` as service and method.
fn split_name(name: &str) -> (&str, &str) {
    let name = name.strip_prefix("aws.").unwrap_or(name);
    name.rsplit_once('.').unwrap_or((name, ""))
}

/// Any other remote procedure.
pub(super) fn procedure(span: &ToldSpan<'_>) -> Option<Call> {
    let attributes = &span.attributes;
    let system = attributes.first_str(&[Key::RpcSystemName, Key::RpcSystem]);
    let op = op(span);
    let rpc_op = op == "rpc" || op.starts_with("grpc") || op == "rpc.client";
    if (system.is_none() && !rpc_op) || span.kind != SpanKind::Client {
        return None;
    }
    let method = attributes.first_str(&[Key::RpcMethod]);
    let operation = match (attributes.first_str(&[Key::RpcService]), method) {
        (Some(service), Some(method)) => format!("{service}/{method}"),
        (None, Some(method)) => method.to_owned(),
        _ => span.name.clone(),
    };
    Some(call(CallKind::Rpc, Class::Rpc, peer(attributes), operation))
}
