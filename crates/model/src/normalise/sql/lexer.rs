//! SQL as a run of tokens that together are the whole input. Knows quotes,
//! comments, numbers and parameters of the common dialects and nothing of grammar.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space and comments.
    Space,
    /// A value written out.
    Literal,
    /// A place where a value is bound.
    Parameter,
    /// A keyword or a bare name.
    Word,
    /// A name in quotes, backticks or brackets.
    Quoted,
    /// Anything else, one character a token.
    Symbol,
}

/// A piece of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

/// What double quotes mean, which the dialects disagree about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotes {
    /// They hold names (the standard, PostgreSQL).
    Name,
    /// They hold text (MySQL).
    Text,
    /// The place decides: text after a comparison and in `VALUES`, else a name.
    Guess,
}

const KEYWORDS: &[&str] = &[
    "all",
    "and",
    "as",
    "asc",
    "begin",
    "between",
    "by",
    "case",
    "commit",
    "create",
    "cross",
    "delete",
    "desc",
    "distinct",
    "drop",
    "else",
    "end",
    "except",
    "exists",
    "for",
    "from",
    "full",
    "group",
    "having",
    "in",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "join",
    "left",
    "like",
    "limit",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "returning",
    "right",
    "select",
    "set",
    "then",
    "union",
    "update",
    "using",
    "values",
    "when",
    "where",
    "with",
];

/// True for words that are keywords in every dialect.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

/// True when `text` directly after a `?` would read as something else.
pub(super) fn joins_parameter(text: &str) -> bool {
    text.starts_with(is_word_char)
}

/// The tokens of `sql`, in order and without gaps.
pub(super) fn tokens(sql: &str, quotes: Quotes) -> impl Iterator<Item = Token<'_>> {
    let mut lexer = Lexer {
        rest: sql,
        quotes,
        expects_value: false,
        after_operand: false,
        in_values: false,
        after_dot: false,
    };
    std::iter::from_fn(move || lexer.next_token())
}

struct Lexer<'a> {
    rest: &'a str,
    quotes: Quotes,
    /// The token before asks for a value: a comparison, `LIKE`, or an opening.
    expects_value: bool,
    /// The token before is something to subtract from: a name, a bracket that
    /// closes, a parameter.
    after_operand: bool,
    in_values: bool,
    after_dot: bool,
}

impl<'a> Lexer<'a> {
    fn next_token(&mut self) -> Option<Token<'a>> {
        let first = self.rest.chars().next()?;
        let (kind, len) = self.measure(first);
        let (text, rest) = self.rest.split_at(len);
        self.rest = rest;
        self.remember(kind, text);
        Some(Token { kind, text })
    }

    fn measure(&self, first: char) -> (Kind, usize) {
        let rest = self.rest;
        // Most tokens are words, and only before a quote can a letter be more.
        if matches!(rest.as_bytes(), [b'a'..=b'z' | b'A'..=b'Z' | b'_', second, ..] if *second != b'\'')
        {
            return (Kind::Word, word_len(rest));
        }
        if let Some(len) = space_len(rest) {
            return (Kind::Space, len);
        }
        if let Some(len) = literal_len(rest) {
            return (Kind::Literal, len);
        }
        if let Some(len) = self.signed_number_len() {
            return (Kind::Literal, len);
        }
        if let Some(len) = parameter_len(rest) {
            return (Kind::Parameter, len);
        }
        match first {
            '"' => self.double_quoted(),
            '`' => (Kind::Quoted, quoted_len(rest, '`', false)),
            '[' if bracketed_name_len(rest).is_some() => {
                (Kind::Quoted, bracketed_name_len(rest).unwrap_or(1))
            }
            ':' if rest.starts_with("::") => (Kind::Symbol, 2),
            '#' => (Kind::Symbol, rest.len() - rest.trim_start_matches('#').len()),
            _ if is_word_char(first) || first == '@' => (Kind::Word, word_len(rest).max(1)),
            _ => (Kind::Symbol, first.len_utf8()),
        }
    }

    fn double_quoted(&self) -> (Kind, usize) {
        let len = quoted_len(self.rest, '"', self.quotes == Quotes::Text);
        // `"a".1` is no name with a part after it but a value beside a number.
        let after = &self.rest[len..];
        let before_dot = after.starts_with('.') && number_len(after).is_none();
        let text = match self.quotes {
            Quotes::Name => false,
            Quotes::Text => true,
            Quotes::Guess => {
                (self.expects_value || self.in_values) && !before_dot && !self.after_dot
            }
        };
        (if text { Kind::Literal } else { Kind::Quoted }, len)
    }

    /// A sign belongs to the number unless it stands behind an operand: in
    /// `a-1` it subtracts. In `1-2` there are two values either way, and
    /// OpenTelemetry makes it `??`.
    fn signed_number_len(&self) -> Option<usize> {
        let digits = self.rest.strip_prefix(['-', '+'])?;
        let number = number_len(digits)?;
        (!self.after_operand).then_some(number + 1)
    }

    fn remember(&mut self, kind: Kind, text: &str) {
        if kind == Kind::Space {
            return;
        }
        self.after_dot = text == ".";
        self.after_operand = match kind {
            Kind::Word => !is_keyword(text),
            Kind::Quoted | Kind::Parameter => true,
            _ => matches!(text, ")" | "]" | "}"),
        };
        let is = |word: &str| kind == Kind::Word && text.eq_ignore_ascii_case(word);
        self.expects_value =
            match kind {
                Kind::Symbol => matches!(text, "=" | "<" | ">" | "~"),
                Kind::Word => ["like", "ilike", "rlike", "regexp", "between"].into_iter().any(is),
                _ => false,
            } || (kind == Kind::Symbol && matches!(text, "(" | ",") && self.in_values);
        if is("values") {
            self.in_values = true;
        } else if is("on") || is("returning") || text == ";" {
            self.in_values = false;
        }
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn word_len(text: &str) -> usize {
    let marks = text.len() - text.trim_start_matches('@').len();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    let word = &text.as_bytes()[marks..];
    let len = marks + word.iter().position(|byte| !plain(byte)).unwrap_or(word.len());
    // Letters of other scripts go on behind that.
    let rest = &text[len..];
    len + rest.find(|c| !is_word_char(c)).unwrap_or(rest.len())
}

fn space_len(text: &str) -> Option<usize> {
    let white = text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len());
    if white > 0 {
        return Some(white);
    }
    let to_line_end = || text.find('\n').unwrap_or(text.len());
    // `#` starts a comment in MySQL but is an operator (`#>`, `a # 1`) in PostgreSQL;
    // `#?` is what masking makes of the latter.
    let hash_comment = text.starts_with('#') && {
        let after = text.trim_start_matches('#');
        after.starts_with("--") || !after.starts_with(|c| is_word_char(c) || ">-=?".contains(c))
    };
    if text.starts_with("--") || hash_comment {
        return Some(to_line_end());
    }
    text.starts_with("/*")
        .then(|| text[2..].find("*/").map_or(text.len(), |end| end + "/**/".len()))
}

fn literal_len(text: &str) -> Option<usize> {
    let prefix = match text.as_bytes() {
        [b'\'', ..] => 0,
        [b'e' | b'E' | b'n' | b'N' | b'x' | b'X' | b'b' | b'B', b'\'', ..] => 1,
        [b'$', ..] => return dollar_quoted_len(text),
        _ => return number_len(text),
    };
    Some(prefix + quoted_len(&text[prefix..], '\'', true))
}

/// The length of quoted text, both quotes included; to the end when it never
/// closes. A doubled quote stands for itself.
fn quoted_len(text: &str, quote: char, backslash_escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslash_escapes {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return at + 1,
            }
        }
    }
    text.len()
}

fn dollar_quoted_len(text: &str) -> Option<usize> {
    let tag_end = text[1..].find('$')? + 2;
    let tag = &text[..tag_end];
    let name = &tag[1..tag_end - 1];
    if name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_word_char) {
        return None;
    }
    let body = text[tag_end..].find(tag);
    Some(body.map_or(text.len(), |end| tag_end + end + tag_end))
}

/// Digits that stand alone: `2024_orders` is a name, `0xFF` and `1.5e-3` numbers.
fn number_len(text: &str) -> Option<usize> {
    let point = usize::from(text.starts_with('.'));
    if !text[point..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let mut end = text.find(|c: char| !part(c)).unwrap_or(text.len());
    let signed_exponent = text[..end].ends_with(['e', 'E']) && text[end..].starts_with(['-', '+']);
    if signed_exponent {
        let digits = &text[end + 1..];
        end += 1 + digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    }
    let number = &text[..end];
    let hex = number.starts_with("0x") || number.starts_with("0X");
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+');
    (hex || number.bytes().all(plain)).then_some(end)
}

/// `?`, `?1`, `$1`, `:name`, `@name`, `%s`, `%(name)s`.
fn parameter_len(text: &str) -> Option<usize> {
    let run = |from: usize| {
        let rest = &text[from..];
        from + rest.find(|c| !is_word_char(c)).unwrap_or(rest.len())
    };
    match text.as_bytes() {
        [b'?', ..] => {
            Some(text[1..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |n| n + 1))
        }
        [b'$', b'0'..=b'9', ..] => Some(run(1)),
        [b':', b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9', ..] => Some(run(1)),
        [b'@', b'a'..=b'z' | b'A'..=b'Z' | b'_', ..] => Some(run(1)),
        [b'%', b's', ..] => Some(2),
        // Up to the next bracket only: `%(%(%(…` must not be read over and over.
        [b'%', b'(', ..] => {
            let end = text[2..].find(['(', ')'])? + 2;
            text[end..].starts_with(")s").then_some(end + 2)
        }
        _ => None,
    }
}

/// `[Order Details]`: SQL Server's quotes. `ARRAY[1]` is not one.
fn bracketed_name_len(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('[')?;
    let len = inner.find(|c: char| !is_word_char(c) && c != ' ')?;
    let fits = inner[len..].starts_with(']') && inner.starts_with(char::is_alphabetic);
    fits.then_some(len + 2)
}
