//! `POST /issues/{id}/state`: the buttons of an issue's page. Answers with the
//! way back to the page, so that reloading it does nothing again.

use axum::Form;
use axum::extract::Path;
use axum::extract::rejection::FormRejection;
use axum::http::HeaderMap;
use axum::response::Redirect;
use hotspan_store::Acted;
use serde::Deserialize;

use super::view::words::status_word;
use super::visit::{PageError, Visit};
use crate::action::{Wish, act};

/// The fields of the forms. Window and theme come back with the page.
#[derive(Debug, Deserialize)]
pub(crate) struct Fields {
    state: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    window: String,
    #[serde(default)]
    theme: String,
}

pub(crate) async fn change(
    Path(id): Path<String>,
    visit: Visit,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Redirect, PageError> {
    let unclear =
        |why: &str| visit.unclear("That did not work", &format!("Nothing has changed: {why}."));
    let Ok(Form(fields)) = fields else {
        return Err(unclear("the form is not the one of this page; open the page again"));
    };
    let missing = || visit.missing("No such issue", "No issue of this server has this number.");
    let number: i64 = id.parse().map_err(|_| missing())?;
    let dated = fields.until == "date" && !fields.date.is_empty();
    let until = if dated { fields.date } else { fields.until };
    let wish = Wish { state: fields.state, release: fields.release, until };
    match act(&visit.state, &headers, number, &wish).await {
        Ok(Acted::Done) => {
            let page = visit.frame.link(&format!("/issues/{number}"));
            let page = page.with("window", fields.window).with("theme", fields.theme);
            Ok(Redirect::to(&page.to_string()))
        }
        Ok(Acted::NoSuchIssue) => Err(missing()),
        Ok(Acted::NotFrom(status)) => Err(unclear(&format!(
            "the issue is {} meanwhile; open the page again",
            status_word(status)
        ))),
        Err(error) => Err(unclear(error.message())),
    }
}
