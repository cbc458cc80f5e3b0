//! Fixes in tabs, one tab a language. Radio buttons make tabs that need no script.

use hotspan_model::{Fix, FixKind, Language};
use maud::{Markup, html};

/// The fixes behind one tab.
#[derive(Debug, PartialEq)]
struct Tab<'a> {
    label: &'static str,
    slug: &'static str,
    fixes: Vec<&'a Fix>,
}

fn tab_of(fix: &Fix) -> (&'static str, &'static str) {
    match (fix.kind, fix.language) {
        (FixKind::Broker, _) => ("No code change", "broker"),
        (FixKind::Configuration, Language::Unknown) => ("Settings", "settings"),
        (FixKind::Code, Language::Unknown) => ("Any language", "any"),
        (_, language) => (language.label(), language.slug()),
    }
}

/// Tabs in the order of their best fix.
fn tabs(fixes: &[Fix]) -> Vec<Tab<'_>> {
    let mut tabs: Vec<Tab<'_>> = Vec::new();
    for fix in fixes {
        let (label, slug) = tab_of(fix);
        match tabs.iter_mut().find(|tab| tab.slug == slug) {
            Some(tab) => tab.fixes.push(fix),
            None => tabs.push(Tab { label, slug, fixes: vec![fix] }),
        }
    }
    tabs
}

/// The tabs; `chosen` is the slug of `?fix=`.
pub(crate) fn fixes(fixes: &[Fix], chosen: Option<&str>) -> Markup {
    let tabs = tabs(fixes);
    let first = tabs.iter().position(|tab| Some(tab.slug) == chosen).unwrap_or(0);
    html! {
        div.tabs {
            @for (index, tab) in tabs.iter().enumerate() {
                input type="radio" name="fix" id={ "fix-" (tab.slug) } checked[index == first];
                label for={ "fix-" (tab.slug) } { (tab.label) }
            }
            @for tab in &tabs {
                section.tab { @for fix in &tab.fixes { (one(fix)) } }
            }
        }
    }
}

fn one(fix: &Fix) -> Markup {
    html! {
        article.fix {
            h3 { (fix.title) }
            @if !fix.snippet.is_empty() { (snippet(&fix.snippet)) }
            @if !fix.note.is_empty() { p.soft { (fix.note) } }
        }
    }
}

/// Text to copy, with a button where scripts run.
pub(crate) fn snippet(text: &str) -> Markup {
    html! {
        div.snippet {
            pre tabindex="0" { code { (text) } }
            button.copy type="button" hidden { "Copy" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(kind: FixKind, language: Language) -> Fix {
        Fix { kind, language, title: String::new(), snippet: String::new(), note: String::new() }
    }

    #[test]
    fn tabs_group_by_language_and_keep_the_order() {
        let fixes = [
            fix(FixKind::Code, Language::Ruby),
            fix(FixKind::Broker, Language::Unknown),
            fix(FixKind::Configuration, Language::Ruby),
            fix(FixKind::Configuration, Language::Unknown),
        ];
        let labels: Vec<(&str, usize)> =
            tabs(&fixes).iter().map(|tab| (tab.label, tab.fixes.len())).collect();
        assert_eq!(labels, [("Ruby", 2), ("No code change", 1), ("Settings", 1)]);
    }

    #[test]
    fn the_address_chooses_a_tab_and_nonsense_chooses_the_first() {
        let both = [fix(FixKind::Code, Language::Ruby), fix(FixKind::Code, Language::Python)];
        let checked = |chosen| {
            let drawn = fixes(&both, chosen).into_string();
            drawn
                .split("<input")
                .filter(|input| input.contains("checked"))
                .map(|input| input.contains("fix-python"))
                .collect::<Vec<_>>()
        };
        assert_eq!((checked(Some("python")), checked(Some("cobol"))), (vec![true], vec![false]));
    }
}
