//! What a filter means once it is read: terms, and how they are joined. No
//! text is parsed here and nothing is looked up.

use hotspan_model::{SpanId, SpanKind, Status, TraceId, UnixNanos};

/// A filter of spans. [`super::parse`] makes one; its `Display` reads back as
/// the same filter.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanFilter {
    /// Every part holds; no part at all is every span.
    And(Vec<SpanFilter>),
    /// At least one part holds.
    Or(Vec<SpanFilter>),
    /// The part does not hold.
    Not(Box<SpanFilter>),
    /// One condition.
    Term(Term),
}

impl SpanFilter {
    /// Every span.
    pub const ALL: Self = Self::And(Vec::new());
}

/// One condition on a span.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// The name has this in it, whatever the case of its letters.
    NameHas(Pattern),
    /// A text is one of these.
    Text(TextField, Vec<Pattern>),
    /// The role is one of these.
    Kind(Vec<SpanKind>),
    /// The outcome is one of these.
    Status(Vec<Status>),
    /// A number compares.
    Number(NumberField, Comparison, i64),
    /// The start compares.
    Start(Comparison, UnixNanos),
    /// The trace is one of these.
    Trace(Vec<TraceId>),
    /// The id is one of these.
    Span(Vec<SpanId>),
    /// The parent is one of these.
    Parent(Vec<SpanId>),
    /// Something optional is there.
    Has(Optional),
    /// It is known to be an entry span.
    Entry,
    /// An attribute.
    Attribute(AttributeTerm),
}

/// A condition on an attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeTerm {
    /// Whose.
    pub place: Place,
    /// Its full name.
    pub key: String,
    /// What is asked of it.
    pub test: AttributeTest,
}

/// What is asked of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeTest {
    /// It is there.
    Present,
    /// Its value, as text, is one of these.
    OneOf(Vec<Pattern>),
    /// Its value is a number, or the text of one, and compares.
    Compare(Comparison, f64),
}

/// Whose attributes are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The span's or its resource's.
    Either,
    /// The span's own.
    Span,
    /// Those of what made the span.
    Resource,
}

/// Texts that every span has, or may have, besides its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextField {
    /// The project that received it.
    Project,
    /// The service it is of.
    Service,
    /// Its name.
    Name,
    /// The message beside its status.
    StatusMessage,
    /// The deployment environment.
    Environment,
    /// The service's version.
    Release,
    /// The instrumentation that made it.
    Scope,
}

impl TextField {
    /// Every field.
    pub const ALL: [Self; 7] = [
        Self::Project,
        Self::Service,
        Self::Name,
        Self::StatusMessage,
        Self::Environment,
        Self::Release,
        Self::Scope,
    ];

    /// The field's name in a filter.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Service => "service",
            Self::Name => "name",
            Self::StatusMessage => "status.message",
            Self::Environment => "environment",
            Self::Release => "release",
            Self::Scope => "scope",
        }
    }
}

/// Numbers besides attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberField {
    /// Nanoseconds from start to end.
    Duration,
    /// The HTTP status that was answered.
    HttpStatus,
}

impl NumberField {
    /// The field's name in a filter.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::HttpStatus => "http.status_code",
        }
    }
}

/// What a span may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optional {
    /// A deployment environment.
    Environment,
    /// A version of the service.
    Release,
    /// An HTTP status.
    HttpStatus,
    /// A parent; a root has none.
    Parent,
    /// A message beside its status.
    StatusMessage,
}

impl Optional {
    /// Everything optional.
    pub const ALL: [Self; 5] =
        [Self::Environment, Self::Release, Self::HttpStatus, Self::Parent, Self::StatusMessage];

    /// The name after `has:`.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Release => "release",
            Self::HttpStatus => "http.status_code",
            Self::Parent => "parent",
            Self::StatusMessage => "status.message",
        }
    }
}

/// How a number stands to the one given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

impl Comparison {
    /// The sign; empty for equality, which needs none after a colon.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }

    /// True when `left` stands so to `right`; never for what is not a number.
    pub fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}

/// Text with wildcards: pieces between which anything may stand. One piece is
/// the whole text; `*a*` is `["", "a", ""]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<String>,
}

impl Pattern {
    /// Exactly this text.
    pub fn exact(text: impl Into<String>) -> Self {
        Self { pieces: vec![text.into()] }
    }

    /// Pieces with anything between them; wildcards side by side are one.
    pub(super) fn of_pieces(pieces: Vec<String>) -> Self {
        let last = pieces.len().saturating_sub(1);
        let mut at = 0;
        let mut kept = pieces;
        kept.retain(|piece| {
            let inner = at > 0 && at < last;
            at += 1;
            !(inner && piece.is_empty())
        });
        if kept.is_empty() {
            kept.push(String::new());
        }
        Self { pieces: kept }
    }

    /// The text, when there is no wildcard.
    pub fn as_exact(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [text] => Some(text),
            _ => None,
        }
    }

    /// Pieces between wildcards: at least one.
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// True when `text` fits.
    pub fn fits(&self, text: &str) -> bool {
        let [first, inner @ .., last] = self.pieces.as_slice() else {
            return self.as_exact() == Some(text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for piece in inner {
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.len() >= last.len() && rest.ends_with(last.as_str())
    }
}
