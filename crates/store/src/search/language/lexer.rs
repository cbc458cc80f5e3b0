//! The text piece by piece: blanks, signs, words, quoted texts. What a piece
//! means is for the parser to say.

use super::fault::FilterError;
use super::syntax::Pattern;

/// A place in the text, moving forward.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

/// A piece of text that may hold wildcards, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) pattern: Pattern,
    pub(super) is_quoted: bool,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Signs that compare, longest first.
const OPERATORS: [&str; 8] = ["=~", "!~", "!=", ">=", "<=", ">", "<", "="];

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Steps over `sign` if it stands here.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let is_here = self.rest().starts_with(sign);
        if is_here {
            self.at += sign.len();
        }
        is_here
    }

    /// Steps over `word` if it stands here as a word of its own.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let ends = |next: Option<char>| {
            next.is_none_or(|next| next.is_whitespace() || "(){}!".contains(next))
        };
        let is_here =
            self.rest().strip_prefix(word).is_some_and(|after| ends(after.chars().next()));
        if is_here {
            self.at += word.len();
        }
        is_here
    }

    /// A sign that compares, if one stands here.
    pub(super) fn take_operator(&mut self) -> Option<&'static str> {
        let operator = OPERATORS.into_iter().find(|operator| self.rest().starts_with(operator))?;
        self.at += operator.len();
        Some(operator)
    }

    /// The letters of a key: up to a blank, a bracket, a quote or a sign.
    /// With `colons`, a colon is a letter.
    pub(super) fn take_key(&mut self, colons: bool) -> &'a str {
        let rest = self.rest();
        let ends = |letter: char| {
            letter.is_whitespace()
                || "(){}[]\"=!<>,&|*\\".contains(letter)
                || (letter == ':' && !colons)
        };
        let end = rest.find(ends).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// A value: quoted, or letters up to a blank or a closing bracket.
    pub(super) fn take_piece(&mut self, in_list: bool) -> Result<Piece, FilterError> {
        let from = self.at;
        let is_quoted = self.peek() == Some('"');
        let pattern = if is_quoted { self.quoted()? } else { self.bare(in_list) };
        Ok(Piece { pattern, is_quoted, from, to: self.at })
    }

    /// Between quotes: `\"` and `\\` stand for themselves, `\*` for a star
    /// that is no wildcard, `\n`, `\r` and `\t` for blanks.
    fn quoted(&mut self) -> Result<Pattern, FilterError> {
        let from = self.at;
        let mut pieces = Pieces::default();
        let mut letters = self.rest().char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at = from + at + 1;
                    return Ok(pieces.pattern());
                }
                '\\' => match letters.next() {
                    Some((_, 'n')) => pieces.push('\n'),
                    Some((_, 'r')) => pieces.push('\r'),
                    Some((_, 't')) => pieces.push('\t'),
                    Some((_, letter)) => pieces.push(letter),
                    None => break,
                },
                '*' => pieces.star(),
                letter => pieces.push(letter),
            }
        }
        Err(FilterError::new(self.text, from, from + 1, "a closing quote after it")
            .hint("write \\\" for a quote within the text"))
    }

    /// Without quotes: a backslash takes the next letter as it is.
    fn bare(&mut self, in_list: bool) -> Pattern {
        let mut pieces = Pieces::default();
        let rest = self.rest();
        let mut open = 0u32;
        let mut letters = rest.char_indices().peekable();
        let mut end = rest.len();
        while let Some((at, letter)) = letters.next() {
            let next = letters.peek().map(|(_, next)| *next);
            let is_joint = matches!((letter, next), ('&', Some('&')) | ('|', Some('|')));
            let is_end = match letter {
                ')' | '}' | ']' => open == 0,
                ',' => in_list,
                _ => letter.is_whitespace() || is_joint,
            };
            if is_end {
                end = at;
                break;
            }
            match letter {
                '(' | '{' | '[' => open += 1,
                ')' | '}' | ']' => open -= 1,
                _ => {}
            }
            match (letter, next) {
                ('\\', Some(next)) => {
                    letters.next();
                    pieces.push(next);
                }
                ('*', _) => pieces.star(),
                _ => pieces.push(letter),
            }
        }
        self.at += end;
        pieces.pattern()
    }
}

/// Pieces of a pattern while it is read.
#[derive(Debug, Default)]
struct Pieces {
    done: Vec<String>,
    current: String,
}

impl Pieces {
    fn push(&mut self, letter: char) {
        self.current.push(letter);
    }

    fn star(&mut self) {
        self.done.push(std::mem::take(&mut self.current));
    }

    fn pattern(mut self) -> Pattern {
        self.done.push(self.current);
        Pattern::of_pieces(self.done)
    }
}
