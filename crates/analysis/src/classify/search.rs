//! Requests to search engines: method and path, in which the index stays and
//! ids of documents go.

use hotspan_model::normalise::key::key_template;
use hotspan_model::normalise::url;

use super::database::collection;
use crate::conventions::{Key, ToldSpan};

/// Parts of a path behind which the id of a document stands.
const BEFORE_ID: [&str; 7] =
    ["_create", "_doc", "_explain", "_source", "_termvectors", "_update", "_percolate"];

/// `POST /products/_search`; without a URL `search products`.
pub(super) fn operation(span: &ToldSpan<'_>) -> String {
    let attributes = &span.attributes;
    let method =
        attributes.first_str(&[Key::HttpRequestMethod, Key::HttpMethod, Key::ElasticsearchMethod]);
    let url = attributes.first_str(&[
        Key::UrlFull,
        Key::HttpUrl,
        Key::ElasticsearchUrl,
        Key::UrlPath,
        Key::HttpTarget,
    ]);
    // Python's older instrumentation has the path in the name, Sentry's the method too.
    let named = span.name.split_once('/').map(|(before, _)| &span.name[before.len()..]);
    let verb = attributes.first_str(&[Key::DbOperationName, Key::DbOperation]);
    match (url.or(named), verb, collection(span)) {
        (Some(url), _, _) => {
            let path = url::parse(url).map_or(url, |parts| parts.path);
            let named = span.name.split(' ').next().filter(|word| is_method(word));
            let method = method.or(named).unwrap_or_default();
            format!("{method} {}", path_template(path)).trim_start().to_owned()
        }
        (None, Some(verb), Some(index)) => format!("{verb} {}", key_template(index)),
        (None, Some(verb), None) => verb.to_owned(),
        _ => span.name.clone(),
    }
}

fn is_method(word: &str) -> bool {
    (3..=7).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn path_template(path: &str) -> String {
    let path = path.split(['?', '#', ' ']).next().unwrap_or_default();
    let mut template = String::with_capacity(path.len());
    let mut id_next = false;
    for (index, part) in path.split('/').enumerate() {
        if index > 0 {
            template.push('/');
        }
        if id_next && !part.is_empty() {
            template.push_str("{id}");
        } else {
            template.push_str(&key_template(part));
        }
        id_next = BEFORE_ID.contains(&part);
    }
    template
}
