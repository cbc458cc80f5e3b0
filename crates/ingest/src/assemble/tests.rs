//! Assembly under a clock that stands still: tables of what comes when, and
//! properties that hold for anything that comes.

use std::collections::BTreeMap;
use std::fmt::Write;

use expect_test::{Expect, expect};
use hotspan_model::{Attributes, Door, EntryHint, Resource, Scope, Span, SpanId, SpanKind, Status};
use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;

fn limits() -> Limits {
    Limits {
        quiet_ns: 3 * SECOND,
        reopen_ns: 60 * SECOND,
        age_max_ns: 300 * SECOND,
        trace_spans_max: 5,
        spans_max: 12,
    }
}

fn seconds(text: &str) -> UnixNanos {
    UnixNanos((text.parse::<f64>().expect("seconds") * SECOND as f64) as i64)
}

/// `root*` is an entry span from 0 to 1 s, `x` a call in it, `y@7` a call at 7 s,
/// `told~` something that an agent tells.
fn span(trace: &str, token: &str) -> Span {
    let (name, start) = token.split_once('@').unwrap_or((token, "0.5"));
    let entry = name.ends_with('*');
    let mut span_id = [0; 8];
    span_id.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    let start = if entry && !token.contains('@') { UnixNanos(0) } else { seconds(start) };
    Span {
        trace_id: TraceId([trace.as_bytes()[0]; 16]),
        span_id: SpanId(span_id),
        parent: (!entry).then_some(SpanId(*b"root*\0\0\0")),
        name: name.to_owned(),
        kind: if entry { SpanKind::Server } else { SpanKind::Internal },
        start,
        end: start.plus(if entry { SECOND } else { SECOND / 10 }),
        status: Status::Unset,
        status_message: String::new(),
        attributes: Attributes::default(),
        events: Vec::new(),
        links: Vec::new(),
        flags: 0,
        trace_state: String::new(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        resource: Arc::new(Resource::default()),
        scope: Arc::new(Scope {
            name: if name.ends_with('~') { "hotspan.credentials" } else { "" }.to_owned(),
            ..Scope::default()
        }),
        service: Arc::from("shop"),
        weight: 1.0,
        entry: if entry { EntryHint::Yes } else { EntryHint::No },
        door: Door::Otlp,
    }
}

fn batch(spans: Vec<Span>) -> Batch {
    let hashes = hotspan_wire::content_hashes(&spans);
    let asked = spans.iter().map(hotspan_analysis::asked).collect();
    Batch { project: Arc::from("default"), received_at: UnixNanos(0), spans, hashes, asked }
}

/// Runs a table: a line is a time in seconds, then either `poll` or a trace
/// and the spans of it that come in one frame.
fn check(table: &str, expected: Expect) {
    let mut assembler = Assembler::new(limits(), WalPosition(0));
    let mut said = String::new();
    for (index, line) in table.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let now = seconds(words[0]);
        write!(said, "{line} → ").expect("writes to a string");
        if words[1] == "poll" {
            let closed = assembler.poll(now, 100);
            said.push_str(&closed.iter().map(closed_text).collect::<Vec<_>>().join(", "));
            write!(
                said,
                " | waiting {} held {} covered {}",
                assembler.waiting_traces(),
                assembler.held_traces(),
                assembler.covered().0
            )
            .expect("writes to a string");
        } else {
            let spans = words[2..].iter().map(|token| span(words[1], token)).collect();
            let position = WalPosition(index as u64 + 1);
            said.push_str(&offered_text(assembler.offer(now, position, &batch(spans))));
        }
        said.push('\n');
    }
    expected.assert_eq(&said);
}

fn closed_text(closed: &Closed) -> String {
    let names: Vec<&str> = closed.spans.iter().map(|span| &*span.name).collect();
    format!("{}[{}]", char::from(closed.trace_id.0[0]), names.join(" "))
}

fn offered_text(offered: Offered) -> String {
    let Offered { taken, duplicates, overflow, late, evicted, lost } = offered;
    let all = [
        (taken, "taken"),
        (duplicates, "duplicate"),
        (overflow, "beyond the limit"),
        (late, "late"),
        (evicted, "evicted"),
        (lost, "lost"),
    ];
    let some: Vec<String> = all
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    some.join(", ")
}

#[test]
fn closes_when_the_entry_span_is_in_and_it_is_quiet() {
    check(
        "0 a x
         2 a root*
         4 a y
         6.9 poll
         7 poll
         67 poll",
        expect![[r#"
            0 a x → 1 taken
            2 a root* → 1 taken
            4 a y → 1 taken
            6.9 poll →  | waiting 1 held 1 covered 0
            7 poll → a[root* x y] | waiting 0 held 1 covered 0
            67 poll →  | waiting 0 held 0 covered 3
        "#]],
    );
}

#[test]
fn what_agents_tell_is_no_request() {
    check(
        "0 a told~ told~
         0 b root* told~
         4 poll
         65 poll",
        expect![[r#"
            0 a told~ told~ → 
            0 b root* told~ → 2 taken
            4 poll → b[root* told~] | waiting 0 held 1 covered 1
            65 poll →  | waiting 0 held 0 covered 2
        "#]],
    );
}

#[test]
fn without_an_entry_span_it_waits_for_the_end_of_its_life() {
    check(
        "0 a x
         1 b root*
         299 poll
         300 poll",
        expect![[r#"
            0 a x → 1 taken
            1 b root* → 1 taken
            299 poll → b[root*] | waiting 0 held 1 covered 0
            300 poll → a[x] | waiting 0 held 0 covered 2
        "#]],
    );
}

#[test]
fn a_late_span_opens_it_again_and_another_request_is_not_late() {
    check(
        "0 a root*
         3 poll
         10 a x
         13 poll
         20 a again*@20 z@20.5
         23 poll
         83 poll
         90 a y
         390 poll",
        expect![[r#"
            0 a root* → 1 taken
            3 poll → a[root*] | waiting 0 held 1 covered 0
            10 a x → 1 taken, 1 late
            13 poll → a[root* x] | waiting 0 held 1 covered 0
            20 a again*@20 z@20.5 → 2 taken
            23 poll → a[root* x again* z] | waiting 0 held 1 covered 0
            83 poll →  | waiting 0 held 0 covered 5
            90 a y → 1 taken, 1 late
            390 poll → a[y] | waiting 0 held 0 covered 8
        "#]],
    );
}

#[test]
fn duplicates_are_known_as_long_as_the_trace_is_held() {
    check(
        "0 a root* x x
         1 a root* x
         4 poll
         10 a x
         13 poll
         64 poll
         70 a x",
        expect![[r#"
            0 a root* x x → 2 taken, 1 duplicate
            1 a root* x → 2 duplicate
            4 poll → a[root* x] | waiting 0 held 1 covered 0
            10 a x → 1 duplicate
            13 poll →  | waiting 0 held 1 covered 0
            64 poll →  | waiting 0 held 0 covered 4
            70 a x → 1 taken, 1 late
        "#]],
    );
}

#[test]
fn a_trace_at_its_limit_closes_at_once_and_takes_no_more() {
    check(
        "0 a s t u v
         1 a w
         1 poll
         2 a root*
         2 poll",
        expect![[r#"
            0 a s t u v → 4 taken
            1 a w → 1 taken
            1 poll → a[s t u v w] | waiting 0 held 1 covered 0
            2 a root* → 1 beyond the limit
            2 poll →  | waiting 0 held 1 covered 0
        "#]],
    );
}

#[test]
fn the_traces_opened_first_make_room() {
    check(
        "0 a root* s t
         0 poll
         3 poll
         4 b root* s t
         5 c s t u
         6 d root* s t u
         6 e root* s t u
         6 poll
         9 poll",
        expect![[r#"
            0 a root* s t → 3 taken
            0 poll →  | waiting 1 held 1 covered 0
            3 poll → a[root* s t] | waiting 0 held 1 covered 0
            4 b root* s t → 3 taken
            5 c s t u → 3 taken
            6 d root* s t u → 4 taken
            6 e root* s t u → 4 taken, 3 evicted
            6 poll → b[root* s t] | waiting 2 held 3 covered 4
            9 poll → d[root* s t u], e[root* s t u] | waiting 0 held 3 covered 4
        "#]],
    );
}

#[test]
fn a_long_trace_ends_with_its_life() {
    check(
        "0 a root*
         2 a v
         299 a x
         300 poll
         301 a y
         602 poll",
        expect![[r#"
            0 a root* → 1 taken
            2 a v → 1 taken
            299 a x → 1 taken
            300 poll → a[root* v x] | waiting 0 held 0 covered 3
            301 a y → 1 taken, 1 late
            602 poll → a[y] | waiting 0 held 0 covered 5
        "#]],
    );
}

/// What a book would hold: per entry span, how many spans the trace had and
/// those of the segment; fewer never replace more.
#[derive(Debug, Default)]
struct BookModel(BTreeMap<(TraceId, SpanId), (usize, Vec<SpanId>)>);

impl BookModel {
    fn book(&mut self, closed: &[Closed]) {
        for trace in closed {
            for segment in hotspan_analysis::segments(trace.trace_id, &trace.spans) {
                let ids: Vec<SpanId> = segment.spans.iter().map(|span| span.span_id).collect();
                let key = (trace.trace_id, segment.spans[segment.entry].span_id);
                let record = (trace.spans.len(), ids);
                let kept = self.0.entry(key).or_insert_with(|| record.clone());
                if record.0 >= kept.0 {
                    *kept = record;
                }
            }
        }
    }

    fn segments(&self) -> Vec<(&(TraceId, SpanId), &Vec<SpanId>)> {
        self.0.iter().map(|(key, (_, ids))| (key, ids)).collect()
    }
}

/// Frames of several traces: when each comes, and the spans in it.
type Frames = Vec<(i64, Vec<(&'static str, &'static str)>)>;

fn frames() -> impl Strategy<Value = Frames> {
    let tokens =
        prop::sample::select(vec!["root*", "p", "q", "r", "s", "t", "late@0.2", "again*@2"]);
    let token = (prop::sample::select(vec!["a", "b", "c"]), tokens);
    let pause = prop_oneof![6 => 0i64..3, 2 => 3i64..50, 1 => 50i64..90];
    let frame = (pause, prop::collection::vec(token, 1..6));
    prop::collection::vec(frame, 1..25).prop_map(|frames| {
        let mut now = 0;
        let at = |(pause, tokens)| {
            now += pause * SECOND;
            (now, tokens)
        };
        frames.into_iter().map(at).collect()
    })
}

fn batch_of(tokens: &[(&str, &str)]) -> Batch {
    batch(tokens.iter().map(|(trace, token)| span(trace, token)).collect())
}

/// Each span once, and none after its trace is gone: such a span finds another
/// trace after a restart than it would have found before, because the restart
/// brought more of it back.
fn in_time(frames: Frames) -> Frames {
    let mut seen = std::collections::BTreeSet::new();
    let mut heard = BTreeMap::new();
    let mut frames: Frames =
        frames.into_iter().take_while(|(now, _)| *now < 290 * SECOND).collect();
    for (now, tokens) in &mut frames {
        tokens.retain(|token| {
            let kept = *now - *heard.entry(token.0).or_insert(*now) < 60 * SECOND;
            kept && seen.insert(*token)
        });
        heard.extend(tokens.iter().map(|(trace, _)| (*trace, *now)));
    }
    frames
}

/// Feeds the frames after `from`, `to` of them in all, and books what closes
/// before each, and at the `end`; gives back how far the log is done with.
fn feed(
    frames: &Frames,
    from: WalPosition,
    to: usize,
    book: &mut BookModel,
    end: Option<i64>,
) -> WalPosition {
    let mut assembler = Assembler::new(roomy(), from);
    let mut covered = from;
    for (index, (now, tokens)) in frames.iter().enumerate().take(to).skip(from.0 as usize) {
        book.book(&assembler.poll(UnixNanos(*now), usize::MAX));
        covered = assembler.covered();
        assembler.offer(UnixNanos(*now), WalPosition(index as u64 + 1), &batch_of(tokens));
    }
    if let Some(end) = end {
        book.book(&assembler.poll(UnixNanos(end), usize::MAX));
        covered = assembler.covered();
    }
    covered
}

fn roomy() -> Limits {
    Limits { trace_spans_max: 1_000, spans_max: 100_000, ..limits() }
}

proptest! {
    #[test]
    fn every_span_is_analysed_or_counted(frames in frames(), tight in any::<bool>()) {
        let mut assembler = Assembler::new(if tight { limits() } else { roomy() }, WalPosition(0));
        let (mut sent, mut taken, mut counted, mut news) = (0, 0, 0, BTreeMap::new());
        let mut see = |closed: Vec<Closed>| {
            for trace in closed {
                for span in trace.spans.iter() {
                    *news.entry((trace.trace_id, span.span_id)).or_insert(0u64) += 1;
                }
            }
        };
        let mut distinct = BTreeMap::new();
        for (index, (now, tokens)) in frames.iter().enumerate() {
            let batch = batch_of(tokens);
            see(assembler.poll(UnixNanos(*now), usize::MAX));
            let offered = assembler.offer(UnixNanos(*now), WalPosition(index as u64 + 1), &batch);
            sent += batch.spans.len() as u64;
            taken += offered.taken;
            counted += offered.taken + offered.duplicates + offered.overflow;
            prop_assert_eq!(offered.lost, 0);
            for span in &batch.spans {
                distinct.insert((span.trace_id, span.span_id), ());
            }
        }
        prop_assert_eq!(sent, counted);
        see(assembler.poll(UnixNanos(i64::MAX), usize::MAX));
        prop_assert_eq!(assembler.held_spans(), 0);
        prop_assert_eq!(assembler.held_traces(), 0);
        prop_assert_eq!(assembler.waiting_traces(), 0);
        prop_assert_eq!(assembler.covered(), WalPosition(frames.len() as u64));
        prop_assert!(news.values().sum::<u64>() >= taken);
        if !tight {
            prop_assert_eq!(news.len(), distinct.len());
        }
    }

    #[test]
    fn a_crash_anywhere_changes_nothing(frames in frames().prop_map(in_time), at in 0.0..1.0f64) {
        let end = frames.last().map_or(0, |(now, _)| now + 1_000 * SECOND);
        let mut smooth = BookModel::default();
        feed(&frames, WalPosition(0), frames.len(), &mut smooth, Some(end));
        let mut crashed = BookModel::default();
        let crash = (at * frames.len() as f64) as usize;
        let covered = feed(&frames, WalPosition(0), crash, &mut crashed, None);
        feed(&frames, covered, frames.len(), &mut crashed, Some(end));
        prop_assert_eq!(smooth.segments(), crashed.segments());
    }

    #[test]
    fn the_order_of_arrival_does_not_show(
        order in Just(vec!["root*", "p", "q", "r", "s", "t"]).prop_shuffle(),
        sizes in prop::collection::vec(1usize..4, 6),
    ) {
        let together = |chunks: Vec<Vec<&str>>| {
            let mut assembler = Assembler::new(roomy(), WalPosition(0));
            for (index, chunk) in chunks.into_iter().enumerate() {
                let now = UnixNanos(index as i64 * 2 * SECOND);
                let spans = chunk.into_iter().map(|token| span("a", token)).collect();
                assembler.offer(now, WalPosition(index as u64 + 1), &batch(spans));
            }
            assembler.poll(UnixNanos(100 * SECOND), 10)
        };
        let mut rest = order.clone();
        let mut chunks = Vec::new();
        for size in sizes {
            let chunk: Vec<&str> = rest.drain(..size.min(rest.len())).collect();
            if !chunk.is_empty() {
                chunks.push(chunk);
            }
        }
        let mut sorted = order;
        sorted.sort_unstable();
        prop_assert_eq!(together(chunks), together(vec![sorted]));
    }
}
