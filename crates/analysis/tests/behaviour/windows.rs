//! Endpoints over time, drawn from seeded chance: what each request does is
//! said by a function of the minute, and added up as roll-ups and profiles are.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::Expect;
use hotspan_analysis::Thresholds;
use hotspan_analysis::history::{has_moved, history};
use hotspan_model::calltree::CallNode;
use hotspan_model::history::{Example, RequestStretch, TreeStretch};
use hotspan_model::life::{Deploy, DeploySource};
use hotspan_model::sketch::WEIGHT_UNIT;
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{
    CallTree, Class, Endpoint, EndpointHistory, EndpointKind, Finding, HistoryWindow, Language,
    Sdk, SpanId, TraceId,
};
use hotspan_testkit::notation::BASE;

/// A stream of draws (SplitMix64).
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly between 0 and 1, neither of them.
    pub(crate) fn even(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Log-normal around a median.
    pub(crate) fn around(&mut self, median: f64, sigma: f64) -> f64 {
        let normal = (-2.0 * self.even().ln()).sqrt() * (std::f64::consts::TAU * self.even()).cos();
        median * (sigma * normal).exp()
    }

    /// Pareto: the smaller `alpha`, the heavier the tail.
    pub(crate) fn heavy(&mut self, least: f64, alpha: f64) -> f64 {
        least * self.even().powf(-1.0 / alpha)
    }
}

/// What a request does, in milliseconds.
#[derive(Default)]
pub(crate) struct Request {
    pub(crate) own: f64,
    /// Its calls, one after the other …
    pub(crate) calls: Vec<(&'static str, Class, f64)>,
    /// … or all at one time.
    pub(crate) at_once: bool,
}

impl Request {
    pub(crate) fn own(own: f64) -> Self {
        Self { own, ..Self::default() }
    }

    fn total(&self) -> f64 {
        let durations = self.calls.iter().map(|call| call.2);
        self.own + if self.at_once { durations.fold(0.0, f64::max) } else { durations.sum() }
    }
}

/// An endpoint: its requests by minute, counted from where the recent window
/// begins, and what its service deployed.
pub(crate) struct Scenario<'a> {
    pub(crate) seed: u64,
    pub(crate) earlier_hours: i64,
    pub(crate) recent_minutes: i64,
    pub(crate) per_minute: &'a dyn Fn(i64) -> u64,
    pub(crate) weight: f64,
    pub(crate) deploys: Vec<(i64, &'static str)>,
    pub(crate) request: &'a dyn Fn(&mut Draws, i64) -> Request,
}

/// Ten requests a minute, a day before and an hour of late.
pub(crate) fn scenario<'a>(request: &'a dyn Fn(&mut Draws, i64) -> Request) -> Scenario<'a> {
    Scenario {
        seed: 1,
        earlier_hours: 24,
        recent_minutes: 60,
        per_minute: &|_| 10,
        weight: 1.0,
        deploys: Vec::new(),
        request,
    }
}

impl Scenario<'_> {
    pub(crate) fn history(&self) -> EndpointHistory {
        let mut draws = Draws(self.seed);
        let earlier = self.window(&mut draws, -60 * self.earlier_hours, 0, 60, 60);
        let recent = self.window(&mut draws, 0, self.recent_minutes, 1, 5);
        let deploy = |(minute, release): &(i64, &str)| Deploy {
            project: "default".to_owned(),
            service: "shop".to_owned(),
            release: (*release).to_owned(),
            environment: String::new(),
            at: BASE.plus(minute * NANOS_PER_MINUTE),
            source: DeploySource::Seen,
        };
        EndpointHistory {
            endpoint: Endpoint {
                project: Arc::from("default"),
                service: Arc::from("shop"),
                kind: EndpointKind::Http,
                name: Arc::from("GET /orders"),
            },
            sdk: Sdk { name: String::new(), version: String::new(), language: Language::Python },
            earlier,
            recent,
            deploys: self.deploys.iter().map(deploy).collect(),
            example: Some(Example { trace_id: TraceId([7; 16]), entry_span: SpanId([7; 8]) }),
        }
    }

    fn window(
        &self,
        draws: &mut Draws,
        from: i64,
        to: i64,
        requests_width: i64,
        trees_width: i64,
    ) -> HistoryWindow {
        let mut requests: BTreeMap<i64, RequestStretch> = BTreeMap::new();
        let mut trees: BTreeMap<i64, TreeStretch> = BTreeMap::new();
        for minute in from..to {
            for _ in 0..(self.per_minute)(minute) {
                let request = (self.request)(draws, minute);
                let stretch = requests.entry(minute.div_euclid(requests_width)).or_default();
                let nanos = (request.total() * 1e6) as i64;
                stretch.samples += 1;
                stretch.requests += self.weight;
                stretch.wall_ns += (nanos as f64 * self.weight) as i64;
                stretch.sketch.add(nanos, self.weight);
                let tree = trees.entry(minute.div_euclid(trees_width)).or_default();
                add(&mut tree.tree, &request, self.weight);
            }
        }
        let place = |bucket: i64, width: i64| {
            let width_ns = width * NANOS_PER_MINUTE;
            (BASE.plus(bucket * width_ns), width_ns)
        };
        for (bucket, stretch) in &mut requests {
            (stretch.start, stretch.width_ns) = place(*bucket, requests_width);
        }
        for (bucket, stretch) in &mut trees {
            (stretch.start, stretch.width_ns) = place(*bucket, trees_width);
        }
        HistoryWindow {
            requests: requests.into_values().collect(),
            trees: trees.into_values().collect(),
        }
    }
}

fn add(tree: &mut CallTree, request: &Request, weight: f64) {
    let unit = (weight * WEIGHT_UNIT as f64) as i64;
    let nanos = |ms: f64| (ms * 1e6 * weight) as i64;
    let root =
        tree.roots.entry(Arc::from("GET /orders")).or_insert_with(|| CallNode::new(Class::Own));
    root.count += unit;
    root.requests += unit;
    root.total_ns += nanos(request.total());
    root.self_ns += nanos(request.own);
    for (name, class, ms) in &request.calls {
        let node = root.children.entry(Arc::from(*name)).or_insert_with(|| CallNode::new(*class));
        node.count += unit;
        node.requests = (node.requests + unit).min(root.requests);
        node.total_ns += nanos(*ms);
        node.self_ns += nanos(*ms);
    }
}

/// What is found.
pub(crate) fn found(scenario: &Scenario<'_>) -> Vec<Finding> {
    let given = scenario.history();
    let findings = history(&given, &Thresholds::default());
    assert!(findings.is_empty() || has_moved(&given, &Thresholds::default()));
    findings
}

/// Compares the findings of a scenario with what is expected: a line each, its
/// cause in words, and its facts.
pub(crate) fn check_history(scenario: &Scenario<'_>, expected: Expect) {
    let lines = found(scenario).iter().map(draw).collect::<String>();
    expected.assert_eq(&lines);
}

fn draw(finding: &Finding) -> String {
    assert!(!finding.fixes.is_empty(), "{} has no fix", finding.cause.code);
    assert!(!finding.cause.text.contains(['{', '}']), "{}", finding.cause.text);
    let facts = finding.cause.facts.iter();
    let facts = facts.map(|(figure, meaning)| format!("  {figure} {meaning}\n"));
    format!(
        "{}: {}, {:.0} requests, {:.1}% lost, {} ({})\n  {}\n{}",
        finding.detector,
        finding.subject,
        finding.requests,
        finding.share_of_wall() * 100.0,
        finding.cause.code,
        finding.cause.confidence.slug(),
        finding.cause.text,
        facts.collect::<String>()
    )
}
