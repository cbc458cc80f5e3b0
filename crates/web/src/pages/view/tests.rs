//! Every page with names that try to break out of it: what users send is
//! shown as text, and no page needs what the content security policy forbids.

mod credentials;
mod life;

use std::sync::Arc;

use hotspan_analysis::waterfall::{WaterfallOptions, layout};
use hotspan_analysis::{flame, trace_view};
use hotspan_ingest::Stats;
use hotspan_model::calltree::CallNode;
use hotspan_model::issue::{DayLoss, Occurrence};
use hotspan_model::life::{Deploy, DeploySource};
use hotspan_model::{
    CallTree, Cause, Class, Confidence, Endpoint, EndpointKind, Fix, FixKind, Issue, IssueStatus,
    Language, Sketch, Span, SpanId, TimeByClass, TraceId, UnixNanos,
};
use hotspan_store::search::language::parse;
use hotspan_store::{
    Bucket, Coverage, Cut, EndpointDetail, EndpointRow, ReleaseRow, SearchHit, SearchMode,
    SearchPage, SparkPoint, TimeWindow, TraceSummary,
};
use hotspan_testkit::notation;
use maud::Markup;

use super::compare::{ComparePage, With, compare};
use super::connect::Connect;
use super::endpoint::{EndpointPage, endpoint};
use super::endpoints::{Column, Endpoints, endpoints};
use super::issue::{IssuePage, issue};
use super::issues::{Issues, Which, issues};
use super::message::message;
use super::search::{Outcome, Search, search};
use super::span::Chosen;
use super::status::{Status, status};
use super::trace::{Drawing, TraceError, TracePage, trace};
use super::traces::{Traces, traces};
use crate::parts::address::Address;
use crate::parts::shell::Frame;
use crate::parts::table::Sorting;

/// Breaks out of text, attributes and scripts where escaping is forgotten.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
const NOW: UnixNanos = UnixNanos(1_795_435_300_000_000_000);

fn frame() -> Frame {
    let here = Address::new("/").with("q", HOSTILE).with("open", HOSTILE).with("span", HOSTILE);
    Frame { here, now: NOW, demo: true, session: true, ..Frame::default() }
}

fn hostile_endpoint() -> Endpoint {
    let hostile: Arc<str> = Arc::from(HOSTILE);
    Endpoint {
        project: Arc::clone(&hostile),
        service: Arc::clone(&hostile),
        kind: EndpointKind::Http,
        name: hostile,
    }
}

fn row() -> EndpointRow {
    let mut time = TimeByClass::default();
    time.add(Class::CredentialLookup, 350);
    time.add(Class::Own, 650);
    EndpointRow {
        id: 1,
        endpoint: hostile_endpoint(),
        requests: 20.0,
        samples: 10,
        errors: 1.0,
        p50_ns: 1_000_000,
        p95_ns: 2_000_000,
        p99_ns: 3_000_000,
        wall_ns: 1_000,
        time,
        lost_ns: 350,
        share_lost: 0.35,
        issues: 1,
        spark: vec![SparkPoint { start: NOW, requests: 1.0, p95_ns: Some(5) }; 3],
    }
}

fn hostile_issue() -> Issue {
    let hostile = || HOSTILE.to_owned();
    Issue {
        id: 12,
        fingerprint: hostile(),
        detector: hostile(),
        class: Class::CredentialLookup,
        family: hostile(),
        subject: hostile(),
        endpoint: hostile_endpoint(),
        endpoint_id: 1,
        status: IssueStatus::Open,
        life: life::hostile_life(),
        occurrences: 9,
        requests: 20.0,
        requests_affected: 20.0,
        lookups: 7_300.0,
        calls: 21_900.0,
        at_least: true,
        wall_ns: 350,
        hidden_ns: 100,
        entry_wall_ns: 1_000,
        cause: Cause {
            code: hostile(),
            confidence: Confidence::Likely,
            text: hostile(),
            facts: vec![(hostile(), hostile())],
        },
        fixes: vec![Fix {
            kind: FixKind::Code,
            language: Language::Ruby,
            title: hostile(),
            snippet: hostile(),
            note: hostile(),
        }],
        templates: vec![hostile()],
        first_seen: NOW,
        last_seen: NOW,
    }
}

fn spans() -> Vec<Span> {
    let mut spans = notation::parse(
        "
        trace 1 style=sentry sdk=sentry.ruby/5.3.0 service=shop
        server POST /reports 0..100
          repeat ×9 every 10
            PUT http://169.254.169.254/latest/api/token 1+1
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 2+1
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/app 3+1
          internal work 95..98 !error
        ",
    );
    for span in &mut spans {
        span.service = Arc::from(HOSTILE);
        span.status_message = HOSTILE.to_owned();
        span.trace_state = HOSTILE.to_owned();
        span.attributes.push(HOSTILE, HOSTILE);
        if span.name == "work" {
            span.name = HOSTILE.to_owned();
        }
    }
    spans
}

fn trace_page(drawing: impl Fn(&hotspan_analysis::TraceView) -> Drawing) -> TracePage {
    let spans = spans();
    let view = trace_view(&Arc::from(HOSTILE), &spans);
    TracePage {
        trace_id: view.trace_id,
        title: HOSTILE.to_owned(),
        start: view.start,
        length_ns: view.end.since(view.start),
        spans: spans.len(),
        drawing: drawing(&view),
        records: view.records,
        issues: Vec::new(),
        endpoint_id: Some(1),
        http_status: 500,
        uncovered_ns: 5,
        fold: true,
        path: true,
        classes: Class::ALL.to_vec(),
        chosen: Some(Chosen {
            span: spans[1].clone(),
            project: HOSTILE.to_owned(),
            label: HOSTILE.to_owned(),
            run: None,
            self_ns: 1,
            trace_start: view.start,
            same_id: 2,
        }),
        errors: vec![TraceError {
            span: SpanId([1; 8]),
            kind: HOSTILE.to_owned(),
            message: HOSTILE.to_owned(),
            time: NOW,
        }],
        agent_lookups: 3,
        incomplete: true,
        stale: true,
    }
}

fn summary() -> TraceSummary {
    TraceSummary {
        trace_id: TraceId([7; 16]),
        entry_span: SpanId([7; 8]),
        endpoint_id: 1,
        endpoint: hostile_endpoint(),
        start: NOW,
        duration_ns: 1_000,
        error: true,
        spans: 3,
        lost_ns: 400,
    }
}

fn home(connect: Option<Connect>) -> Markup {
    let sorting = Sorting::by(Column::Lost);
    let filter = HOSTILE.to_owned();
    let worst = Some(hostile_issue());
    let rows = vec![row()];
    endpoints(
        &frame(),
        Endpoints { worst, rows, all: 9, filter, sorting, as_of: Some(NOW), connect },
    )
}

fn endpoint_page() -> Markup {
    let detail = endpoint_detail();
    let page = EndpointPage { detail, issues: vec![hostile_issue()], slowest: vec![summary()] };
    endpoint(&frame(), &page)
}

fn compare_page() -> Markup {
    let mut after = endpoint_detail();
    let mut root = CallNode::new(Class::Own);
    (root.count, root.requests, root.total_ns, root.self_ns) = (1_000, 1_000, 5_000_000, 5_000_000);
    after.tree.roots.insert(Arc::from(HOSTILE), root);
    let deploy = Deploy {
        project: HOSTILE.to_owned(),
        service: HOSTILE.to_owned(),
        release: HOSTILE.to_owned(),
        environment: HOSTILE.to_owned(),
        at: NOW,
        source: DeploySource::Told,
    };
    let window = TimeWindow { from: NOW.plus(-60_000_000_000), to: NOW };
    let page = ComparePage {
        with: With::Since(NOW),
        windows: [window, window],
        sides: [endpoint_detail(), after],
        deploys: vec![deploy],
    };
    compare(&frame(), &page)
}

fn endpoint_detail() -> EndpointDetail {
    let mut sketch = Sketch::default();
    sketch.add(1_000_000, 1.0);
    let bucket = Bucket {
        start: NOW,
        requests: 1.0,
        errors: 1.0,
        wall_ns: 5,
        time: TimeByClass::default(),
        sketch: sketch.clone(),
    };
    let release = ReleaseRow {
        release: Arc::from(HOSTILE),
        requests: 1.0,
        errors: 0.0,
        first_seen: NOW,
        p95_ns: 1,
    };
    EndpointDetail {
        row: row(),
        step_ns: 60_000_000_000,
        series: vec![bucket],
        histogram: sketch,
        tree: CallTree::default(),
        releases: vec![release],
        as_of: None,
    }
}

fn issue_page() -> Markup {
    let view = trace_view(&Arc::from(HOSTILE), &spans());
    let record = &view.records[0];
    let occurrence = Occurrence {
        trace_id: TraceId([7; 16]),
        entry_span: record.entry_span,
        start: NOW,
        duration_ns: 1_000,
        wall_ns: 350,
        lookups: 365.0,
        calls: 1_095.0,
        evidence: vec![SpanId([3; 8])],
    };
    let page = IssuePage {
        issue: hostile_issue(),
        occurrences: vec![occurrence],
        days: vec![DayLoss { day: 20_780, wall_ns: 9, occurrences: 1.0 }],
        deploys: vec![life::hostile_deploy()],
        others: vec![hostile_issue()],
        example: Some((view.trace_id, layout(&view, &WaterfallOptions::default()))),
        tree: Some(flame::layout_tree(&record.tree)),
    };
    issue(&frame(), &page)
}

fn lists() -> Vec<(&'static str, Markup)> {
    let hostile = || HOSTILE.to_owned();
    let found =
        Issues { rows: vec![hostile_issue()], endpoint: Some(hostile()), shown: Which::All };
    let latest = Traces {
        rows: vec![summary()],
        services: vec![hostile()],
        service: hostile(),
        min: hostile(),
        min_unclear: true,
        ..Traces::default()
    };
    let counts = || [(hostile(), 3)].into();
    let stats = Stats { rejected: counts(), client_losses: counts(), ..Stats::default() };
    vec![
        ("credentials", credentials::hostile_page()),
        ("credentials, none", credentials::empty_page()),
        ("issues", issues(&frame(), &found)),
        ("traces", traces(&frame(), &latest)),
        ("search", search_page(Outcome::Found { page: hits(), stale: true })),
        (
            "search, unclear",
            search_page(Outcome::Unclear(parse("\"><script>").expect_err("no filter"))),
        ),
        ("search, refused", search_page(Outcome::Refused(hostile()))),
        ("status", status(&frame(), &Status { stats, ..Status::default() })),
        ("message", message(&frame(), HOSTILE, HOSTILE)),
    ]
}

fn search_page(outcome: Outcome) -> Markup {
    search(&frame(), &Search { q: HOSTILE.to_owned(), mode: SearchMode::Traces, outcome })
}

fn hits() -> SearchPage {
    let hit = SearchHit {
        project: HOSTILE.into(),
        trace_id: TraceId([7; 16]),
        span_id: SpanId([7; 8]),
        service: HOSTILE.to_owned(),
        name: HOSTILE.to_owned(),
        kind: hotspan_model::SpanKind::Server,
        status: hotspan_model::Status::Error,
        start: NOW,
        duration_ns: 5,
        is_entry: true,
        environment: Some(HOSTILE.to_owned()),
        http_status: Some(503),
    };
    let nameless = SearchHit { name: String::new(), http_status: None, ..hit.clone() };
    let cut = Some(Cut { back_to: NOW, files_left: 3 });
    SearchPage {
        hits: vec![hit, nameless],
        next: format!("1.{:032}.{HOSTILE}", 1).parse().ok(),
        coverage: Coverage { files: 24, cut, unreadable_files: 1 },
    }
}

fn every_page() -> Vec<(&'static str, Markup)> {
    let to = Connect { dsn: HOSTILE.to_owned(), keys_required: true, ..Connect::default() };
    let mut pages = lists();
    pages.extend([
        ("home", home(None)),
        ("empty", home(Some(to))),
        ("endpoint", endpoint_page()),
        ("compare", compare_page()),
        ("issue", issue_page()),
        (
            "waterfall",
            trace(
                &frame(),
                &trace_page(|view| Drawing::Waterfall(layout(view, &WaterfallOptions::default()))),
            ),
        ),
        ("flame", trace(&frame(), &trace_page(|view| Drawing::Flame(flame::layout_trace(view))))),
    ]);
    pages
}

#[test]
fn what_users_send_stays_text() {
    for (name, page) in every_page() {
        let html = page.into_string();
        assert!(html.contains("&lt;script&gt;"), "{name} shows nothing hostile: test is blind");
        for broken in ["<script>alert", "<img", "\"'>"] {
            assert!(!html.contains(broken), "{name} contains {broken}");
        }
    }
}

#[test]
fn no_page_needs_inline_style_or_script() {
    for (name, page) in every_page() {
        let html = page.into_string();
        // Attribute values have no raw `<`, so a tag is everything up to the next `>`
        // outside of quotes; escaped text cannot fake one.
        for tag in html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or(rest)) {
            let inline = tag.contains(" style=")
                || tag
                    .split_whitespace()
                    .any(|part| part.starts_with("on") && part.contains("=\""))
                || tag == "script"
                || tag == "style"
                || tag.contains("javascript:");
            assert!(!inline, "{name}: <{tag}>");
        }
        assert!(!html.contains("NaN"), "{name} shows a number that is none");
    }
}

#[test]
fn the_card_says_it_all() {
    let mut known = hostile_issue();
    known.subject = "AWS credential lookups".to_owned();
    known.at_least = false;
    known.endpoint.name = Arc::from("POST /reports");
    let page = IssuePage {
        issue: known,
        occurrences: Vec::new(),
        days: Vec::new(),
        deploys: Vec::new(),
        others: Vec::new(),
        example: None,
        tree: None,
    };
    let html = issue(&frame(), &page).into_string();
    for said in [
        "AWS credential lookups",
        "POST /reports",
        "35%",
        "365 times in every request",
        "3 calls each",
        "likely",
        "first seen",
    ] {
        assert!(html.contains(said), "the card does not say {said:?}");
    }
}
