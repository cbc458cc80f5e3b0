//! Where a token is meant to be fetched in each request: logins, identity
//! providers, tokens of other users.

use serde::Deserialize;

/// What such places are called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logins {
    endpoint_words: Vec<String>,
    exchange_words: Vec<String>,
}

impl Logins {
    /// True for the name of an endpoint that somebody logs in at, or that hands
    /// out tokens itself.
    pub fn is_login(&self, endpoint: &str) -> bool {
        has_word(endpoint, &self.endpoint_words)
    }

    /// True for the name of a span under which another user's token is fetched.
    pub fn is_exchange(&self, span: &str) -> bool {
        has_word(span, &self.exchange_words)
    }
}

/// True when a word of `name`, or two that stand together, are among `wanted`.
fn has_word(name: &str, wanted: &[String]) -> bool {
    let words = words(name);
    let known = |word: &str| wanted.iter().any(|each| each == word);
    words.iter().any(|word| known(word))
        || words.windows(2).any(|pair| known(&format!("{}{}", pair[0], pair[1])))
}

/// `POST /sign-in` and `SignInController#create` as words in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut open, mut lower_before) = (false, false);
    for letter in name.chars() {
        let begins = letter.is_uppercase() && lower_before;
        lower_before = letter.is_lowercase();
        if !letter.is_alphanumeric() {
            open = false;
            continue;
        }
        if !open || begins {
            words.push(String::new());
        }
        open = true;
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words
}
