//! Operations of AWS SDKs: `S3.PutObject`, however the service is spelled. What
//! fetches credentials or secrets is known by the knowledge crate.

use hotspan_knowledge::knowledge;
use hotspan_model::{Call, CallKind, Class, SpanKind};

use super::database::collection;
use super::message::destination;
use super::{call, known_call};
use crate::conventions::{Key, ToldSpan};

/// Names of services in small letters, without spaces and without the company
/// before them, what the SDKs' own service ids call them, and their class.
const SERVICES: [(&str, &str, Class); 27] = [
    ("appconfig", "AppConfig", Class::Rpc),
    ("appconfigdata", "AppConfigData", Class::Rpc),
    ("cloudwatchevents", "EventBridge", Class::Queue),
    ("dynamodb", "DynamoDB", Class::Database),
    ("dynamodbv2", "DynamoDB", Class::Database),
    ("eventbridge", "EventBridge", Class::Queue),
    ("eksauth", "EKS Auth", Class::Rpc),
    ("events", "EventBridge", Class::Queue),
    ("firehose", "Firehose", Class::Queue),
    ("kinesis", "Kinesis", Class::Queue),
    ("lambda", "Lambda", Class::Rpc),
    ("rdsdata", "RDS Data", Class::Database),
    ("rds-data", "RDS Data", Class::Database),
    ("s3", "S3", Class::Rpc),
    ("secretsmanager", "Secrets Manager", Class::Rpc),
    ("securitytokenservice", "STS", Class::Rpc),
    ("sfn", "SFN", Class::Rpc),
    ("simplesystemsmanagement", "SSM", Class::Rpc),
    ("sns", "SNS", Class::Queue),
    ("sqs", "SQS", Class::Queue),
    ("ssm", "SSM", Class::Rpc),
    ("sso", "SSO", Class::Rpc),
    ("ssooidc", "SSO OIDC", Class::Rpc),
    ("stepfunctions", "SFN", Class::Rpc),
    ("sts", "STS", Class::Rpc),
    ("systemsmanager", "SSM", Class::Rpc),
    ("timestreamquery", "Timestream Query", Class::Database),
];

/// An operation of an AWS SDK. The requests it makes, credential lookups among
/// them, may hang under its span.
pub(super) fn operation(span: &ToldSpan<'_>) -> Option<Call> {
    let attributes = &span.attributes;
    let system = attributes.first_str(&[Key::RpcSystemName, Key::RpcSystem]);
    // Sentry's SDK for Python has no attribute for it but a name in one form;
    // others tell service and operation and leave the system out.
    let keys = [Key::AwsOperation, Key::AwsOperationName];
    let named = span.kind == SpanKind::Client
        && (span.name.starts_with("aws.") || attributes.first_str(&keys).is_some());
    if system != Some("aws-api") && !named {
        return None;
    }
    let (named_service, named_method) = split_name(&span.name);
    let service = attributes
        .first_str(&[Key::RpcService, Key::AwsService, Key::AwsServiceId])
        .unwrap_or(named_service);
    let method = attributes
        .first_str(&[Key::RpcMethod, Key::AwsOperation, Key::AwsOperationName])
        .unwrap_or(named_method);
    // The new convention writes `S3/PutObject` into one attribute.
    let (service, method) = method.split_once('/').unwrap_or((service, method));
    let (service, class) = known_service(service);
    if let Some(found) = knowledge().families.rpc(service, method) {
        return Some(known_call(CallKind::Rpc, service, found));
    }
    // Tables and queues tell calls apart that are otherwise one operation.
    let object = match class {
        Class::Database => collection(span).map(Into::into),
        Class::Queue => destination(span),
        _ => None,
    };
    let operation = match object {
        Some(object) => format!("{service}.{method} {object}"),
        None => format!("{service}.{method}"),
    };
    Some(call(CallKind::Rpc, class, service, operation))
}

/// A service as the SDKs' ids spell it, and its class.
fn known_service(told: &str) -> (&str, Class) {
    let plain: String = told.chars().filter(|c| *c != ' ').collect::<String>().to_ascii_lowercase();
    let short = plain.strip_prefix("amazon").or_else(|| plain.strip_prefix("aws"));
    let short = short.unwrap_or(&plain);
    let known = SERVICES.into_iter().find(|(name, _, _)| *name == short);
    known.map_or((told, Class::Rpc), |(_, service, class)| (service, class))
}

/// `aws.s3.PutObject` and `S3.PutObject` as service and method.
fn split_name(name: &str) -> (&str, &str) {
    let name = name.strip_prefix("aws.").unwrap_or(name);
    name.rsplit_once('.').unwrap_or((name, ""))
}
