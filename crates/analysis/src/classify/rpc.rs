//! Remote procedures: gRPC and its like. Operations of AWS SDKs stand in a
//! file of their own.

use hotspan_knowledge::knowledge;
use hotspan_model::{Call, CallKind, Class, SpanKind};

use super::{call, known_call, op, peer};
use crate::conventions::{Key, ToldSpan};

/// A remote procedure: `shop.Cart/AddItem`, however its name is split.
pub(super) fn procedure(span: &ToldSpan<'_>) -> Option<Call> {
    let attributes = &span.attributes;
    let system = attributes.first_str(&[Key::RpcSystemName, Key::RpcSystem]);
    let op = op(span);
    let rpc_op = op.starts_with("rpc") || op.starts_with("grpc");
    if (system.is_none() && !rpc_op) || span.kind != SpanKind::Client {
        return None;
    }
    let service = attributes.first_str(&[Key::RpcService]);
    let method = attributes.first_str(&[Key::RpcMethod]).map(|text| text.trim_start_matches('/'));
    let operation = match (service, method) {
        // Today's convention writes service and method into one attribute.
        (_, Some(method)) if method.contains('/') => method.to_owned(),
        (Some(service), Some(method)) => format!("{service}/{method}"),
        (None, Some(method)) => method.to_owned(),
        _ => named(&span.name).to_owned(),
    };
    // Secret stores are asked over gRPC, too.
    let parts = operation.rsplit_once('/');
    let known = parts.and_then(|(service, method)| knowledge().families.rpc(service, method));
    Some(match known {
        Some(found) => known_call(CallKind::Rpc, peer(attributes), found),
        None => call(CallKind::Rpc, Class::Rpc, peer(attributes), operation),
    })
}

/// `shop.Cart/AddItem` in `unary unary call to /shop.Cart/AddItem` and in
/// `/shop.Cart/AddItem`; other names stay.
fn named(name: &str) -> &str {
    let last = name.rsplit(' ').next().unwrap_or_default();
    match last.strip_prefix('/') {
        Some(path) if path.contains('/') => path,
        _ => name,
    }
}
