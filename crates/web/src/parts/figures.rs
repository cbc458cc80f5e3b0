//! The few large numbers at the top of a page.

use hotspan_model::Class;
use maud::{Markup, html};

/// One large number with what it says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figure {
    /// The number.
    pub(crate) value: String,
    /// What it says, in a few words.
    pub(crate) says: String,
    /// A longer explanation to point at.
    pub(crate) hint: String,
    /// The class whose colour it has.
    pub(crate) class: Option<Class>,
}

impl Figure {
    /// A number in the colour of text.
    pub(crate) fn new(value: impl Into<String>, says: impl Into<String>) -> Self {
        Self { value: value.into(), says: says.into(), ..Self::default() }
    }

    /// The same in the colour of a class.
    #[must_use]
    pub(crate) fn of(self, class: Class) -> Self {
        Self { class: Some(class), ..self }
    }

    /// The same with an explanation to point at.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

/// Numbers side by side.
pub(crate) fn figures(figures: &[Figure]) -> Markup {
    html! {
        dl.figures {
            @for figure in figures {
                div title=[(!figure.hint.is_empty()).then_some(&figure.hint)] {
                    dt { (figure.says) }
                    dd class=[figure.class.map(|class| format!("t-{}", class.slug()))] { (figure.value) }
                }
            }
        }
    }
}
