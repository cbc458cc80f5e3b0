//! A notation for traces that reads like a waterfall: tests write what happened,
//! not how an SDK spells it. This module holds the grammar; [`style`] spells
//! the spans the way each instrumentation does.
//!
//! ```text
//! # comment
//! trace 1 style=sentry sdk=sentry.ruby/5.3.0 service=shop
//! server POST /reports 0..3912
//!   internal process_action 10..3900
//!     repeat ×365 every 10.6
//!       PUT http://169.254.169.254/latest/api/token 20..21.24
//!       SELECT * FROM images WHERE id = 7 24+2 ×3 every 1
//!       client - 30+2000 !error
//! ```
//!
//! - Indentation is parenthood, two spaces a level.
//! - A line is `[kind] name time [modifiers]`. Times are milliseconds since the
//!   start of the trace: `10..20` from and to, `10+5` from and how long.
//! - Kinds: `server`, `client`, `internal`, `producer`, `consumer`, `aws` (an SDK
//!   operation `S3.PutObject`). Without one, `METHOD URL` is an HTTP request,
//!   SQL a statement, and anything else internal; the first line is a server.
//! - A name `-` is no name. `{n}` in a name is the turn of the repeat around it,
//!   beginning with 1.
//! - Modifiers: `×N every M` repeats the line and what is under it, `key=value`
//!   sets an attribute (`key="some text"` and `key='some "text"'` one with
//!   spaces, and one of digits that is text all the same; `\n` in it breaks the
//!   line; `key=["a"]` a list, which is JSON to us), `=503` the HTTP status, `!error`, `!ok`, `!timeout`
//!   (failed, no answer) the status; `orphan` gives a parent that never comes,
//!   `unsure` an entry hint that does not tell, `service=x` another service.
//! - `trace N` takes `style`, `sdk=name/version`, `lang`, `service`, `env`,
//!   `release`, `weight`, `at` (start in ms) and `×N every M` for more of them.

pub mod style;

use std::sync::Arc;

use hotspan_model::{
    Attributes, EntryHint, Resource, Scope, Span, SpanId, SpanKind, Status, TraceId, UnixNanos,
    Value,
};

use style::Style;

/// Where traces start unless `at` says otherwise: 2026-11-23T12:00:00Z.
pub const BASE: UnixNanos = UnixNanos(1_795_435_200_000_000_000);

/// The spans that `text` draws, in reading order. Panics with the line when
/// the text is not in the notation, since only tests write it.
pub fn parse(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.trim_start().is_empty() && !line.trim_start().starts_with('#'))
        .collect();
    let margin = lines.iter().map(|line| indent(line)).min().unwrap_or(0);
    let mut rest: Vec<&str> = lines.iter().map(|line| &line[margin..]).collect();
    if !rest.first().is_some_and(|line| line.starts_with("trace ")) {
        rest.insert(0, "trace 1");
    }
    let mut number = 0;
    for block in rest.chunk_by(|_, next| !next.starts_with("trace ")) {
        let header = Header::parse(block[0]);
        let nodes = nodes(&block[1..]);
        for copy in 0..header.copies {
            number += 1;
            let mut trace = Trace::new(&header, number, copy);
            nodes.iter().for_each(|node| trace.add(node, None, 0.0, 1));
            spans.append(&mut trace.spans);
        }
    }
    spans
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The `trace` line.
struct Header {
    style: Style,
    service: Arc<str>,
    resource: Arc<Resource>,
    weight: f64,
    at_ms: f64,
    copies: u32,
    every_ms: f64,
}

impl Header {
    fn parse(line: &str) -> Self {
        let mut header = Self {
            style: Style::Otel,
            service: Arc::from("shop"),
            resource: Arc::default(),
            weight: 1.0,
            at_ms: 0.0,
            copies: 1,
            every_ms: 0.0,
        };
        let mut resource = Attributes::new();
        let words: Vec<&str> = line.split_whitespace().skip(2).collect();
        let (words, repeat) = take_repeat(&words);
        (header.copies, header.every_ms) = repeat.unwrap_or((1, 0.0));
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or_else(|| bad(line));
            match key {
                "style" => header.style = Style::parse(value).unwrap_or_else(|| bad(line)),
                "service" => header.service = Arc::from(value),
                "weight" => header.weight = number(value, line),
                "at" => header.at_ms = number(value, line),
                "lang" => resource.set("telemetry.sdk.language", value),
                "env" => resource.set("deployment.environment.name", value),
                "release" => resource.set("service.version", value),
                "sdk" => {
                    let (name, version) = value.split_once('/').unwrap_or((value, ""));
                    resource.set("telemetry.sdk.name", name);
                    resource.set("telemetry.sdk.version", version);
                }
                _ => bad(line),
            }
        }
        resource.set("service.name", header.service.as_ref());
        header.resource = Arc::new(Resource { attributes: resource });
        header
    }
}

/// One line and what is under it.
struct Node<'a> {
    line: &'a str,
    kind: Option<&'a str>,
    name: String,
    start_ms: f64,
    end_ms: f64,
    repeat: Option<(u32, f64)>,
    modifiers: Vec<&'a str>,
    children: Vec<Node<'a>>,
}

const KINDS: [&str; 6] = ["server", "client", "internal", "producer", "consumer", "aws"];

fn nodes<'a>(lines: &[&'a str]) -> Vec<Node<'a>> {
    let mut nodes: Vec<Node<'a>> = Vec::new();
    let Some(first) = lines.first() else {
        return nodes;
    };
    let level = indent(first);
    for group in lines.chunk_by(|_, next| indent(next) > level) {
        let mut node = node(group[0].trim());
        node.children = self::nodes(&group[1..]);
        nodes.push(node);
    }
    nodes
}

fn node(line: &str) -> Node<'_> {
    let words = quoted_words(line);
    if words[0] == "repeat" {
        let repeat = take_repeat(&words[1..]).1;
        return Node {
            line,
            kind: Some("repeat"),
            name: String::new(),
            start_ms: 0.0,
            end_ms: 0.0,
            repeat,
            modifiers: Vec::new(),
            children: Vec::new(),
        };
    }
    let (kind, words) = match KINDS.contains(&words[0]) {
        true => (Some(words[0]), &words[1..]),
        false => (None, &words[..]),
    };
    let place = words.iter().position(|word| time(word).is_some()).unwrap_or_else(|| bad(line));
    let (start_ms, end_ms) = time(words[place]).unwrap_or_else(|| bad(line));
    let (modifiers, repeat) = take_repeat(&words[place + 1..]);
    let name = words[..place].join(" ");
    Node {
        line,
        kind,
        name: if name == "-" { String::new() } else { name },
        start_ms,
        end_ms,
        repeat,
        modifiers,
        children: Vec::new(),
    }
}

/// The words of a line. White space within the quotes of `key="a b"` is part
/// of the word; other quotes, as statements have them, are characters.
fn quoted_words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let quoted = rest[..end].split_once('=').filter(|(key, value)| {
            let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            key.contains('.') && key.chars().all(named) && value.starts_with(['"', '\''])
        });
        let len = match quoted {
            Some((key, value)) => {
                let open = key.len() + 1;
                let close = rest[open + 1..].find(&value[..1]).unwrap_or_else(|| bad(line));
                open + 1 + close + 1
            }
            None => end,
        };
        words.push(&rest[..len]);
        rest = rest[len..].trim_start();
    }
    words
}

fn time(word: &str) -> Option<(f64, f64)> {
    if let Some((start, end)) = word.split_once("..") {
        return Some((start.parse().ok()?, end.parse().ok()?));
    }
    let (start, length) = word.split_once('+')?;
    let start: f64 = start.parse().ok()?;
    Some((start, start + length.parse::<f64>().ok()?))
}

/// Takes `×N every M` out of a line's words.
fn take_repeat<'a>(words: &[&'a str]) -> (Vec<&'a str>, Option<(u32, f64)>) {
    let Some(place) = words.iter().position(|word| word.starts_with('×')) else {
        return (words.to_vec(), None);
    };
    let line = words.join(" ");
    let count = words[place].trim_start_matches('×');
    let count = count.parse().unwrap_or_else(|_| bad(&line));
    let (every, used) = match words.get(place + 1) {
        Some(&"every") => (number(words.get(place + 2).unwrap_or(&""), &line), 3),
        _ => (0.0, 1),
    };
    let mut others = words.to_vec();
    others.drain(place..place + used);
    (others, Some((count, every)))
}

fn number(text: &str, line: &str) -> f64 {
    text.parse().unwrap_or_else(|_| bad(line))
}

fn bad<T>(line: &str) -> T {
    panic!("not in the trace notation: `{}`", line.trim())
}

/// One trace being built.
struct Trace<'a> {
    header: &'a Header,
    trace_id: TraceId,
    start_ms: f64,
    spans: Vec<Span>,
}

impl<'a> Trace<'a> {
    fn new(header: &'a Header, number: u64, copy: u32) -> Self {
        let mut bytes = [0xaa; 16];
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        Self {
            header,
            trace_id: TraceId(bytes),
            start_ms: header.at_ms + f64::from(copy) * header.every_ms,
            spans: Vec::new(),
        }
    }

    /// Adds a node, its repeats and everything under it, `shift_ms` later, in a
    /// turn of what is around it.
    fn add(
        &mut self,
        node: &Node<'_>,
        parent: Option<(SpanId, Arc<str>)>,
        shift_ms: f64,
        around: u32,
    ) {
        let (count, every_ms) = node.repeat.unwrap_or((1, 0.0));
        for turn in 0..count {
            let shift_ms = shift_ms + f64::from(turn) * every_ms;
            let turn = if node.repeat.is_some() { turn + 1 } else { around };
            let here = match node.kind {
                Some("repeat") => parent.clone(),
                _ => Some(self.push(node, parent.as_ref(), shift_ms, turn)),
            };
            for child in &node.children {
                self.add(child, here.clone(), shift_ms, turn);
            }
        }
    }

    fn push(
        &mut self,
        node: &Node<'_>,
        parent: Option<&(SpanId, Arc<str>)>,
        shift_ms: f64,
        turn: u32,
    ) -> (SpanId, Arc<str>) {
        let span_id = SpanId((self.spans.len() as u64 + 1).to_be_bytes());
        let at = |ms: f64| BASE.plus(((self.start_ms + shift_ms + ms) * 1e6).round() as i64);
        let mut span = Span {
            trace_id: self.trace_id,
            span_id,
            parent: parent.map(|(id, _)| *id),
            name: node.name.replace("{n}", &turn.to_string()),
            kind: SpanKind::Internal,
            start: at(node.start_ms),
            end: at(node.end_ms),
            status: Status::Unset,
            status_message: String::new(),
            attributes: Attributes::new(),
            events: Vec::new(),
            links: Vec::new(),
            flags: 0,
            trace_state: String::new(),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            resource: Arc::clone(&self.header.resource),
            scope: Arc::new(Scope::default()),
            service: parent.map_or_else(
                || Arc::clone(&self.header.service),
                |(_, service)| Arc::clone(service),
            ),
            weight: self.header.weight,
            entry: EntryHint::No,
            door: self.header.style.door(),
        };
        let kind = node.kind.or(parent.is_none().then_some("server"));
        self.header.style.spell(&mut span, kind);
        for modifier in &node.modifiers {
            modify(&mut span, modifier, self.header.style, node.line);
        }
        let remote = parent.is_some_and(|(_, service)| *service != span.service);
        let server = matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
        if parent.is_none() || (server && self.header.style.is_otel()) || (server && remote) {
            span.entry = EntryHint::Yes;
        }
        if node.modifiers.contains(&"orphan") {
            span.entry = EntryHint::No;
        }
        if node.modifiers.contains(&"unsure") {
            span.entry = EntryHint::Unknown;
        }
        let service = Arc::clone(&span.service);
        self.spans.push(span);
        (span_id, service)
    }
}

fn modify(span: &mut Span, modifier: &str, style: Style, line: &str) {
    match modifier {
        "!ok" => span.status = Status::Ok,
        "!error" => span.status = Status::Error,
        "!timeout" => {
            span.status = Status::Error;
            style.set_http_status(span, None);
        }
        "orphan" => span.parent = Some(SpanId([0xff; 8])),
        "unsure" => {}
        _ => match modifier.split_once('=') {
            Some(("", code)) => {
                let code = number(code, line) as i64;
                style.set_http_status(span, Some(code));
                if code >= 400 && span.kind == SpanKind::Client {
                    span.status = Status::Error;
                }
            }
            Some(("service", service)) => span.service = Arc::from(service),
            Some((key, value)) => span.attributes.set(key, attribute(value)),
            None => bad(line),
        },
    }
}

fn attribute(value: &str) -> Value {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(text) = quote.and_then(|quote| value[1..].strip_suffix(quote)) {
        return Value::from(text.replace("\\n", "\n"));
    }
    match value.parse::<i64>() {
        Ok(whole) => Value::Int(whole),
        Err(_) if value == "true" || value == "false" => Value::Bool(value == "true"),
        Err(_) if value.starts_with('[') => Value::Json(value.to_owned()),
        Err(_) => Value::from(value),
    }
}

#[cfg(test)]
mod tests;
