//! The address of a page: a path and parameters, so that links change one
//! thing and keep the rest.

use std::fmt::Write;

/// A path with query parameters, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Address {
    path: String,
    params: Vec<(String, String)>,
}

impl Address {
    /// An address without parameters.
    #[cfg(test)]
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), params: Vec::new() }
    }

    /// The address of a request: its path and decoded parameters.
    pub(crate) fn of(path: &str, params: &[(String, String)]) -> Self {
        Self { path: path.to_owned(), params: params.to_vec() }
    }

    /// The same with `key` set; an empty value takes it out.
    #[must_use]
    pub(crate) fn with(&self, key: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        let mut address = self.clone();
        let place = address.params.iter().position(|(name, _)| name == key);
        match (place, value.is_empty()) {
            (Some(place), true) => drop(address.params.remove(place)),
            (Some(place), false) => address.params[place].1 = value,
            (None, true) => {}
            (None, false) => address.params.push((key.to_owned(), value)),
        }
        address
    }

    /// The same path and only the parameters named here.
    #[must_use]
    pub(crate) fn keeping(&self, path: &str, keys: &[&str]) -> Self {
        let params = self.params.iter().filter(|(name, _)| keys.contains(&name.as_str()));
        Self { path: path.to_owned(), params: params.cloned().collect() }
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.params.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Parameters, for hidden fields of a form.
    pub(crate) fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)?;
        let mut separator = '?';
        for (name, value) in &self.params {
            f.write_char(separator)?;
            encode(f, name)?;
            f.write_char('=')?;
            encode(f, value)?;
            separator = '&';
        }
        Ok(())
    }
}

/// Everything but the unreserved characters of RFC 3986 and the comma, which
/// separates the items of a list in one value.
fn encode(f: &mut std::fmt::Formatter<'_>, text: &str) -> std::fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b',' => {
                f.write_char(char::from(byte))?;
            }
            _ => write!(f, "%{byte:02X}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_change_one_thing() {
        let here =
            Address::of("/", &[("q".into(), "a&b=c é".into()), ("sort".into(), "p95".into())]);
        assert_eq!(here.to_string(), "/?q=a%26b%3Dc%20%C3%A9&sort=p95");
        assert_eq!(here.with("sort", "p50").with("q", "").to_string(), "/?sort=p50");
        assert_eq!(here.keeping("/issues", &["sort"]).to_string(), "/issues?sort=p95");
        assert_eq!(Address::new("/x").with("window", "1h").get("window"), Some("1h"));
    }
}
