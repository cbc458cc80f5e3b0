//! What holds for any spans whatever: broken parents, cycles, shared ids, times
//! that make no sense.

use std::sync::Arc;

use hotspan_analysis::{
    Segment, SpanDigest, Tree, analyze, analyze_profile, asked, critical_path, digest, segments,
    trace_view,
};
use hotspan_model::calltree::CallNode;
use hotspan_model::{
    EndpointProfile, EntryHint, Finding, ProfileUse, SegmentRecord, Span, SpanId, SpanKind, Status,
    TraceId, UnixNanos,
};
use hotspan_testkit::{notation, otlp, sentry};
use hotspan_wire::{self as wire, Decoded, RequestError};
use proptest::prelude::*;

/// What a random span is about. Metadata calls are frequent on purpose.
const NAMES: [&str; 12] = [
    "PUT http://169.254.169.254/latest/api/token",
    "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role",
    "",
    "process_action",
    "PUT https://bucket.s3.amazonaws.com/key",
    "SELECT * FROM images WHERE id = 7",
    "connect",
    "http.getconn",
    "mutex.lock",
    "GET https://api.example.com/users/7",
    "SELECT * FROM images WHERE id = 7 FOR UPDATE",
];

const SDKS: [&str; 3] =
    ["style=sentry-5 sdk=sentry.ruby/5.3.0", "style=sentry sdk=sentry.ruby/6.6.2", "lang=python"];

/// Ids come from a small pool so that parents exist, repeat and form cycles.
fn id(number: u8) -> SpanId {
    SpanId([number; 8])
}

fn forest(times: impl Strategy<Value = (i64, i64)>) -> impl Strategy<Value = Vec<Span>> {
    let span = (0..24u8, prop::option::of(0..24u8), 0..NAMES.len(), 0..7u8, times, 0..3u8, 0..4u16);
    let spans = prop::collection::vec(span, 1..40);
    (spans, 0..SDKS.len()).prop_map(|(spans, sdk)| {
        let header = SDKS[sdk];
        let build = |(own, parent, name, kind, (start, length), entry, status): (
            u8,
            Option<u8>,
            usize,
            u8,
            (i64, i64),
            u8,
            u16,
        )| {
            let line = if NAMES[name].is_empty() { "client - 0+1" } else { NAMES[name] };
            let time = if NAMES[name].is_empty() { "" } else { " 0+1" };
            let text = format!("trace 1 {header}\nserver root 0..1\n  {line}{time}");
            let mut span = notation::parse(&text).remove(usize::from(kind > 0));
            span.span_id = id(own);
            span.parent = parent.map(id);
            span.start = UnixNanos(start);
            span.end = UnixNanos(start.saturating_add(length));
            span.entry = match entry {
                0 if kind == 0 => EntryHint::Yes,
                1 => EntryHint::Unknown,
                _ => EntryHint::No,
            };
            if kind == 1 {
                span.kind = SpanKind::Internal;
            }
            if status == 1 {
                span.status = Status::Error;
            }
            span.service = Arc::from(if kind == 6 { "other" } else { "shop" });
            span
        };
        spans.into_iter().map(build).collect()
    })
}

/// Times within a request of some seconds, in milliseconds so that ends meet.
fn sane() -> impl Strategy<Value = (i64, i64)> {
    (0i64..9_000, 0i64..5_000).prop_map(|(start, length)| (start * 1_000_000, length * 1_000_000))
}

/// Anything at all.
fn any_times() -> impl Strategy<Value = (i64, i64)> {
    prop_oneof![sane(), (any::<i64>(), any::<i64>())]
}

fn digests(spans: &[Span]) -> Vec<SpanDigest> {
    let project = Arc::from("default");
    spans.iter().map(|span| digest(&project, span, asked(span))).collect()
}

fn segments_of(spans: &[Span]) -> Vec<Segment> {
    segments(TraceId([1; 16]), &digests(spans))
}

/// Every self time below `node`, and that they do not go below zero.
fn self_times(node: &CallNode) -> i64 {
    assert!(node.self_ns >= 0 && node.total_ns >= 0 && node.count >= 0);
    node.self_ns + node.children.values().map(self_times).sum::<i64>()
}

/// Following parents ends, and ends at `end`.
fn assert_rooted(parents: &[Option<usize>], end: Option<usize>) {
    for start in 0..parents.len() {
        let mut at = start;
        for _ in 0..=parents.len() {
            match parents[at] {
                Some(parent) => at = parent,
                None => break,
            }
        }
        assert_eq!(parents[at], None, "a cycle from {start}");
        assert!(end.is_none_or(|end| at == end), "{start} ends at {at}");
    }
}

/// The span at another time and with other ids.
fn moved(span: &Span, by_ns: i64, salt: u8) -> Span {
    let other = |id: SpanId| SpanId(id.0.map(|byte| byte.wrapping_add(salt)));
    Span {
        span_id: other(span.span_id),
        parent: span.parent.map(other),
        start: span.start.plus(by_ns),
        end: span.end.plus(by_ns),
        ..span.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_span_is_in_one_segment_and_hangs_under_its_entry(spans in forest(sane())) {
        let mut seen = vec![0; spans.len()];
        for segment in segments_of(&spans) {
            segment.sources.iter().for_each(|&source| seen[source] += 1);
            prop_assert_eq!(segment.parents[segment.entry], None);
            assert_rooted(&segment.parents, Some(segment.entry));
            assert_rooted(&Tree::of(&segment).parents, Some(segment.entry));
        }
        prop_assert!(seen.iter().all(|times| *times <= 1));
    }

    #[test]
    fn the_critical_path_is_the_entry_span_cut_into_pieces(spans in forest(sane())) {
        for segment in segments_of(&spans) {
            let path = critical_path(&segment, &Tree::of(&segment));
            let mut at = segment.entry_span().start;
            for part in &path {
                prop_assert_eq!(part.start, at);
                prop_assert!(part.end > part.start);
                let span = &segment.spans[part.span];
                prop_assert!(span.start <= part.start && part.end <= span.end);
                at = part.end;
            }
            prop_assert_eq!(at, segment.entry_span().end);
        }
    }

    #[test]
    fn times_add_up(spans in forest(sane())) {
        for segment in segments_of(&spans) {
            let record = analyze(&segment);
            prop_assert_eq!(record.time.total(), record.duration_ns);
            for used in &record.uses {
                prop_assert!(used.wall_ns <= record.duration_ns);
                prop_assert!((0..=used.wall_ns).contains(&used.hidden_ns));
            }
            let own: Vec<i64> = Tree::of(&segment).self_times(&segment.spans);
            for (own, span) in own.iter().zip(&segment.spans) {
                prop_assert!((0..=span.duration_ns()).contains(own));
            }
            let roots = record.tree.roots.values();
            prop_assert!(roots.map(self_times).sum::<i64>() >= record.duration_ns);
        }
    }

    #[test]
    fn a_view_has_every_span_once_and_no_cycle(spans in forest(sane())) {
        let view = trace_view(&Arc::from("default"), &spans);
        let mut sources: Vec<usize> = view.nodes.iter().map(|node| node.source).collect();
        sources.sort_unstable();
        prop_assert_eq!(sources, (0..spans.len()).collect::<Vec<_>>());
        let parents: Vec<Option<usize>> = view.nodes.iter().map(|node| node.parent).collect();
        assert_rooted(&parents, None);
        prop_assert!(view.nodes.is_sorted_by_key(|node| node.span.start));
    }

    #[test]
    fn nothing_makes_it_panic(spans in forest(any_times())) {
        for segment in segments_of(&spans) {
            analyze(&segment);
        }
        trace_view(&Arc::from("default"), &spans);
    }

    #[test]
    fn ids_and_times_do_not_change_what_is_found(
        by_ns in -1_000_000_000_000i64..1_000_000_000_000,
        salt in 1u8..,
        lookups in 3u32..20,
    ) {
        let text = format!(
            "trace 1 lang=ruby
server POST /up 0..2000
  repeat ×{lookups} every 100
    PUT http://169.254.169.254/latest/api/token 10+10
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 20+10
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role-{salt} 30+10"
        );
        let spans = notation::parse(&text);
        let moved: Vec<Span> = spans.iter().map(|span| moved(span, by_ns, salt)).collect();
        let found = |spans: &[Span]| {
            let mut finding = analyze(&segments_of(spans)[0]).findings.remove(0);
            (finding.evidence, finding.start, finding.entry_span) = Default::default();
            finding
        };
        prop_assert_eq!(found(&spans), found(&moved));
    }

    #[test]
    fn order_ids_and_times_do_not_change_what_repeats(
        shape in 0..SHAPES.len(),
        by_ns in -1_000_000_000_000i64..1_000_000_000_000,
        salt in 1u8..,
        order in prop::collection::vec(any::<u32>(), 64),
    ) {
        let spans = notation::parse(SHAPES[shape]);
        let mut shuffled: Vec<Span> = spans.iter().map(|span| moved(span, by_ns, salt)).collect();
        let mut places: Vec<usize> = (0..shuffled.len()).collect();
        places.sort_by_key(|&place| (order[place % order.len()], place * 7 % 13, place));
        shuffled = places.into_iter().map(|place| shuffled[place].clone()).collect();
        let found = findings(&spans);
        prop_assert!(!found.is_empty());
        prop_assert_eq!(found, findings(&shuffled));
    }

    #[test]
    fn batches_and_doors_do_not_change_what_is_found(
        shape in 0..SHAPES.len(),
        style in prop::sample::select(vec!["otel", "otel-old", "otel-ruby", "sentry", "span-v2"]),
        cuts in prop::collection::vec(0..80usize, 0..5),
        turn in 0..80usize,
    ) {
        let spans = notation::parse(&format!("trace 1 style={style}\n{}", SHAPES[shape]));
        let found = findings(&spans);
        prop_assert!(!found.is_empty());
        // Batches of any length, from any of them on.
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % spans.len()).collect();
        cuts.extend([0, spans.len()]);
        cuts.sort_unstable();
        let mut batches: Vec<&[Span]> = cuts.windows(2).map(|cut| &spans[cut[0]..cut[1]]).collect();
        batches.retain(|batch| !batch.is_empty());
        let turn = turn % batches.len();
        batches.rotate_left(turn);
        // What Sentry's SDKs say in names only is understood at their door.
        if style.starts_with("otel") {
            let decoded = |batch: &&[Span]| sound(wire::otlp::decode_json(&otlp::otlp_json(batch)));
            let of_otlp = findings(&batches.iter().flat_map(decoded).collect::<Vec<Span>>());
            prop_assert_eq!(gist(&found), gist(&of_otlp), "over OTLP");
            prop_assert!(found == of_otlp, "words differ over OTLP");
        }
        let streamed = |batch: &&[Span]| sound(wire::sentry::decode_envelope(&sentry::streamed(batch), "shop"));
        let streamed: Vec<Span> = batches.iter().flat_map(streamed).collect();
        prop_assert_eq!(gist(&found), gist(&findings(&streamed)), "streamed to Sentry's door");
        let transaction = sound(wire::sentry::decode_envelope(&sentry::transaction(&spans), "shop"));
        prop_assert_eq!(gist(&found), gist(&findings(&transaction)), "as a transaction");
    }

    #[test]
    fn unrelated_spans_remove_nothing(
        shape in 0..SHAPES.len(),
        others in prop::collection::vec((0..OTHERS.len(), 0i64..600, 1i64..9), 0..24),
    ) {
        let spans = notation::parse(SHAPES[shape]);
        // A call before a loop may be what it goes through, and one in each of
        // its turns a part of it; lookups have nothing to do with others.
        let after = if SHAPES_OF_LOOKUPS.contains(&shape) { 0 } else { 1_000 };
        let mut more = spans.clone();
        for (nth, (name, start_ms, length_ms)) in others.into_iter().enumerate() {
            more.extend(aside(&spans[0], nth, OTHERS[name], after + start_ms, length_ms));
        }
        let found = findings(&more);
        for finding in findings(&spans) {
            // A span in a stretch without any is not unrelated: it cuts it in two.
            let kept = found.iter().any(|other| other.fingerprint == finding.fingerprint)
                || finding.detector == "unexplained-gap";
            prop_assert!(kept, "{} is gone", finding.subject);
        }
    }
}

/// A call under a span of its own, so that it takes no time from others of the
/// same parent.
fn aside(root: &Span, nth: usize, line: &str, start_ms: i64, length_ms: i64) -> Vec<Span> {
    let text = format!("server root 0..1\n  internal aside 0..1\n    {line} 0+1");
    let mut aside = notation::parse(&text).split_off(1);
    for (at, span) in aside.iter_mut().enumerate() {
        span.span_id = SpanId([200 + nth as u8, at as u8, 1, 1, 1, 1, 1, 1]);
        span.parent = Some(if at == 0 { root.span_id } else { aside_id(nth) });
        span.start = root.start.plus(start_ms * 1_000_000);
        span.end = span.start.plus(length_ms * 1_000_000);
    }
    aside
}

fn aside_id(nth: usize) -> SpanId {
    SpanId([200 + nth as u8, 0, 1, 1, 1, 1, 1, 1])
}

/// Traces in which something repeats or waits; every detector finds one.
const SHAPES: [&str; 18] = [
    "server GET /a 0..2000
  SELECT * FROM orders WHERE id = $1 5+10
  SELECT * FROM items WHERE order_id = $1 20+5 ×12 every 8",
    "server GET /a 0..2000
  SELECT * FROM orders WHERE id = $1 5+10
  GET http://prices/items/{n} 20+9 ×8 every 10",
    "server GET /a 0..2000
  SELECT * FROM settings WHERE shop = 7 5+10 ×6 every 30",
    "server GET /a 0..2000
  GET http://config/tenants/7 5+30 ×6 every 40",
    "server GET /a 0..2000
  repeat ×5 every 90
    SELECT * FROM users WHERE id = $1 10+10
    GET http://prices/items/{n} 25+15",
    "server GET /a 0..2000
  GET http://stock/items 10+20 ×4 every 21 =503",
    "server GET /a 0..2000
  PUT http://bucket.s3.amazonaws.com/{n} 10+80 ×60 every 0.5",
    "server GET /a 0..2000
  repeat ×5 every 90
    PUT http://169.254.169.254/latest/api/token 10+10
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 20+10
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 30+10",
    "server GET /a 0..2000
  repeat ×5 every 90
    POST https://idp.example/oauth2/token 10+30
    GET http://stock/items/{n} 42+10",
    "server GET /a 0..2000
  GET https://idp.example/.well-known/jwks.json 10+30 ×5 every 40",
    "server GET /a 0..2000
  GET http://vault:8200/v1/secret/data/app 10+30 ×5 every 40",
    "server GET /a 0..2000
  aws SSM.GetParameter 10+20 ×14 every 25",
    "server GET /a 0..60
  SELECT * FROM settings WHERE shop = 7 5+2 ×6 every 4",
    "server GET /a 0..5000
  GET http://stock/items/{n} 10+1003 ×3 every 1010 !timeout error.type=timeout",
    "server GET /a 0..2000
  repeat ×3 every 90
    internal tcp.connect 10+20 net.peer.name=api
    GET http://api/a 31+15 =404",
    "server GET /a 0..2000
  client pg-pool.connect 10+640 db.system=postgresql net.peer.name=db",
    "server GET /users/{id} 0..2000 url.path=/users/7
  GET http://profiles/users/7 10+220
  GET http://orders/orders?user=7 231+280
  GET http://points/users/7 512+230",
    "server GET /a 0..2000
  SELECT * FROM items WHERE report = 7 10+30
  GET http://rates/today 50+40
  POST http://pdf/render 900+1090",
];

/// Those of them that are about credentials, tokens and secrets.
const SHAPES_OF_LOOKUPS: std::ops::Range<usize> = 7..12;

/// What has nothing to do with them.
const OTHERS: [&str; 9] = [
    "SELECT * FROM elsewhere WHERE a = $1",
    "UPDATE elsewhere SET a = $1",
    "GET http://elsewhere/things/9",
    "POST http://elsewhere/things",
    "internal work",
    "GET http://169.254.170.2/v2/credentials/elsewhere",
    "POST https://elsewhere.example/oauth2/token",
    "GET https://elsewhere.example/.well-known/openid-configuration",
    "GET http://vault:8200/v1/secret/data/elsewhere",
];

/// What is found in the first segment, and over many requests like it, without
/// what names single spans.
fn findings(spans: &[Span]) -> Vec<Finding> {
    let record = analyze(&segments_of(spans)[0]);
    let mut found = record.findings.clone();
    found.extend(analyze_profile(&many_of(&record)));
    for finding in &mut found {
        (finding.evidence, finding.start, finding.entry_span) = Default::default();
        finding.trace_id = TraceId::default();
    }
    found
}

/// An endpoint with 40 requests like this one, ten a second.
fn many_of(record: &SegmentRecord) -> EndpointProfile {
    let times = 40.0;
    let uses = record.uses.iter().map(|used| ProfileUse {
        class: used.class,
        family: Arc::clone(&used.family),
        requests_affected: times,
        samples_affected: 40,
        lookups: times * f64::from(used.lookups),
        calls: times * f64::from(used.calls),
        wall_ns: 40 * used.wall_ns,
        hidden_ns: 40 * used.hidden_ns,
        evidence: Vec::new(),
        templates: used.templates.clone(),
    });
    EndpointProfile {
        endpoint: record.endpoint.clone(),
        sdk: record.sdk.as_ref().clone(),
        requests: times,
        samples: 40,
        entry_wall_ns: 40 * record.duration_ns,
        window: (UnixNanos(0), UnixNanos(4_000_000_000)),
        uses: uses.collect(),
    }
}

/// What is left of findings when times are told to a fraction of a microsecond
/// only: the issue, its cause, and how often.
fn gist(found: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        let (lookups, calls) = (finding.lookups, finding.calls);
        let ms = (finding.wall_ns as f64 / 1e6).round();
        let cause = (&finding.cause.code, finding.cause.confidence.slug());
        format!("{} {} {cause:?} {lookups} {calls} {ms}", finding.fingerprint, finding.subject)
    };
    found.iter().map(line).collect()
}

fn sound(decoded: Result<Decoded, RequestError>) -> Vec<Span> {
    let decoded = decoded.expect("what was written here is sound");
    assert_eq!(decoded.rejections, []);
    decoded.spans
}
