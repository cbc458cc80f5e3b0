//! Arbitrary records and findings for the tests of the book.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::calltree::CallNode;
use hotspan_model::{
    CallTree, Cause, Class, ClassUse, Confidence, Endpoint, EndpointKind, Finding, FindingScope,
    Fix, FixKind, Language, Sdk, SegmentRecord, SpanId, TimeByClass, TraceId, UnixNanos,
};
use proptest::prelude::*;

/// 2026-11-23T00:00:00Z: where most tests happen.
pub(super) const START: UnixNanos = UnixNanos(1_795_392_000_000_000_000);

pub(super) fn endpoint(name: &str) -> Endpoint {
    Endpoint {
        project: Arc::from("default"),
        service: Arc::from("shop"),
        kind: EndpointKind::Http,
        name: Arc::from(name),
    }
}

/// The `n`-th trace, with an entry span of the same number.
pub(super) fn ids(n: u64) -> (TraceId, SpanId) {
    let mut trace = [0; 16];
    trace[8..].copy_from_slice(&n.to_be_bytes());
    (TraceId(trace), SpanId(n.to_be_bytes()))
}

/// A request without calls that starts `second` seconds after [`START`].
pub(crate) fn plain(n: u64, name: &str, second: i64, millis: i64) -> SegmentRecord {
    let (trace_id, entry_span) = ids(n);
    let duration_ns = millis * 1_000_000;
    let mut time = TimeByClass::default();
    time.add(Class::Own, duration_ns);
    let mut root = CallNode::new(Class::Own);
    (root.count, root.requests) = (1_000, 1_000);
    (root.total_ns, root.self_ns) = (duration_ns, duration_ns);
    SegmentRecord {
        endpoint: endpoint(name),
        trace_id,
        entry_span,
        environment: Arc::from("production"),
        release: Arc::from("1.0"),
        sdk: Arc::new(Sdk {
            name: "sentry.ruby".into(),
            version: "5.3.0".into(),
            language: Language::Ruby,
        }),
        start: START.plus(second * 1_000_000_000),
        duration_ns,
        error: false,
        weight: 1.0,
        spans: 1,
        trace_spans: 1,
        truncated: false,
        time,
        uses: Vec::new(),
        tree: CallTree { roots: BTreeMap::from([(Arc::from(name), root)]) },
        findings: Vec::new(),
    }
}

/// Gives a request credential lookups that cost `millis`, and their finding
/// when there are several.
pub(crate) fn with_lookups(mut record: SegmentRecord, lookups: u32, millis: i64) -> SegmentRecord {
    let wall_ns = millis * 1_000_000;
    record.time.add(Class::Own, -wall_ns);
    record.time.add(Class::CredentialLookup, wall_ns);
    record.spans += lookups * 3;
    record.uses.push(ClassUse {
        class: Class::CredentialLookup,
        family: Arc::from("aws-imds"),
        lookups,
        calls: lookups * 3,
        wall_ns,
        hidden_ns: wall_ns / 10,
        evidence: vec![SpanId([lookups as u8; 8])],
        templates: vec!["PUT token".into(), "GET credentials".into()],
    });
    if lookups > 1 {
        record.findings.push(finding_in(&record, lookups, wall_ns));
    }
    record
}

fn finding_in(record: &SegmentRecord, lookups: u32, wall_ns: i64) -> Finding {
    Finding {
        scope: FindingScope::Trace,
        detector: "credential-lookup".into(),
        class: Class::CredentialLookup,
        family: "aws-imds".into(),
        subject: "AWS credential lookups".into(),
        endpoint: record.endpoint.clone(),
        trace_id: record.trace_id,
        entry_span: record.entry_span,
        start: record.start,
        requests: 1.0,
        requests_affected: 1.0,
        lookups: f64::from(lookups),
        calls: f64::from(lookups * 3),
        at_least: record.truncated,
        wall_ns,
        hidden_ns: wall_ns / 10,
        entry_wall_ns: record.duration_ns,
        cause: Cause {
            code: "new_provider_per_use".into(),
            confidence: Confidence::VeryLikely,
            text: format!("{lookups} lookups in one request."),
            facts: vec![(format!("{lookups} : {lookups}"), "every lookup is new".into())],
        },
        fixes: vec![Fix {
            kind: FixKind::Code,
            language: Language::Ruby,
            title: "share one provider".into(),
            snippet: "Aws.config[:credentials] = provider".into(),
            note: "no restart of the host".into(),
        }],
        evidence: vec![SpanId([lookups as u8; 8])],
        templates: vec!["PUT token".into(), "GET credentials".into()],
        fingerprint: format!("{}/credential-lookup/aws-imds", record.endpoint.name),
    }
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(Class::ALL.to_vec())
}

fn nodes() -> impl Strategy<Value = BTreeMap<Arc<str>, CallNode>> {
    let name = "[a-c]{1,2}".prop_map(|name| Arc::from(name.as_str()));
    // Sums of one or two segments: never an empty node, and a path's class
    // does not change from one segment to the next.
    let leaf = (1i64..5_000, 1i64..1_000_000_000).prop_map(|(count, nanos)| {
        let mut node = CallNode::new(Class::Http);
        (node.count, node.requests, node.total_ns, node.self_ns) = (count, 1_000, nanos, nanos / 2);
        node
    });
    let leaves = prop::collection::btree_map(name.clone(), leaf.clone(), 0..3);
    leaves.prop_recursive(3, 12, 3, move |inner| {
        let node = (leaf.clone(), inner).prop_map(|(mut node, children)| {
            node.children = children;
            node
        });
        prop::collection::btree_map(name.clone(), node, 0..3)
    })
}

/// Any tree.
pub(super) fn tree() -> impl Strategy<Value = CallTree> {
    nodes().prop_map(|roots| CallTree { roots })
}

/// Any finding at `GET /a`, of one of three fingerprints.
pub(super) fn finding() -> impl Strategy<Value = Finding> {
    (1u32..400, 0i64..2_000, 0usize..3, any::<bool>(), ".{0,12}").prop_map(
        |(lookups, millis, family, at_least, text)| {
            let record = plain(1, "GET /a", 0, 2_000);
            let mut finding = finding_in(&record, lookups, millis * 1_000_000);
            finding.family = ["aws-imds", "aws-ecs", "gcp"][family].into();
            finding.fingerprint = finding.family.clone();
            finding.at_least = at_least;
            finding.cause.text = text;
            finding
        },
    )
}

fn class_use() -> impl Strategy<Value = ClassUse> {
    let template = prop::sample::select(vec!["PUT token", "GET list", "GET credentials"]);
    (class(), 0usize..2, 0u32..9, 0i64..1_000_000_000).prop_flat_map(
        move |(class, family, lookups, wall_ns)| {
            let templates = prop::collection::btree_set(template.clone(), 0..3);
            templates.prop_map(move |templates| ClassUse {
                class,
                family: Arc::from(["aws-imds", ""][family]),
                lookups,
                calls: lookups * 3,
                wall_ns,
                hidden_ns: wall_ns / 7,
                evidence: vec![SpanId([lookups as u8; 8])],
                templates: templates.into_iter().map(str::to_owned).collect(),
            })
        },
    )
}

/// Any request to one of two endpoints within two hours, of one of four traces.
pub(super) fn record() -> impl Strategy<Value = SegmentRecord> {
    let place = (0u64..4, 0usize..2, 0i64..5_000, 0usize..3, 0usize..2);
    let flags = (any::<bool>(), any::<bool>(), prop::sample::select(vec![1.0, 2.5, 40.0]));
    let parts = (
        tree(),
        prop::collection::vec(class_use(), 0..3),
        prop::collection::vec(finding(), 0..3),
        prop::collection::vec((class(), 0i64..1_000_000_000), 0..4),
    );
    (place, flags, parts).prop_map(|(place, flags, (tree, uses, findings, times))| {
        let (n, name, millis, release, environment) = place;
        // Every form of a segment begins when its entry span does.
        let second = n as i64 * 1_770;
        let mut record = plain(n, ["GET /a", "POST /b"][name], second, millis);
        (record.error, record.truncated, record.weight) = flags;
        record.release = Arc::from(["", "1.0", "1.1"][release]);
        record.environment = Arc::from(["", "production"][environment]);
        record.tree = tree;
        record.uses = uses;
        record.time = TimeByClass::default();
        times.into_iter().for_each(|(class, nanos)| record.time.add(class, nanos));
        record.findings = findings
            .into_iter()
            .map(|finding| Finding {
                fingerprint: format!("{}/{}", record.endpoint.name, finding.fingerprint),
                endpoint: record.endpoint.clone(),
                trace_id: record.trace_id,
                entry_span: record.entry_span,
                start: record.start,
                ..finding
            })
            .collect();
        record
    })
}
