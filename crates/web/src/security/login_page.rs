//! The login page: one form, which works without scripts.

use maud::{DOCTYPE, Markup, html};

use crate::assets;

/// What the page says besides the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// Nothing.
    None,
    /// The last try was wrong.
    Wrong,
    /// The next try must wait.
    Wait {
        /// How long.
        seconds: u64,
    },
}

/// The page; after the login the browser goes to `next`.
pub(super) fn login_page(next: &str, notice: Notice) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Log in · Hotspan" }
                link rel="stylesheet" href=(assets::url("style.css"));
            }
            body class="login" {
                main {
                    h1 { "Hotspan" }
                    @match notice {
                        Notice::None => {}
                        Notice::Wrong => {
                            p class="notice" role="alert" { "The name or the password is wrong." }
                        }
                        Notice::Wait { seconds } => {
                            p class="notice" role="alert" {
                                "Too many wrong tries. Try again in " (seconds) " s."
                            }
                        }
                    }
                    form method="post" action="/login" {
                        input type="hidden" name="next" value=(next);
                        label { "Name"
                            input name="user" autocomplete="username" required autofocus;
                        }
                        label { "Password"
                            input name="password" type="password"
                                autocomplete="current-password" required;
                        }
                        button type="submit" { "Log in" }
                    }
                    p class="hint" { "Users are made on the server: " code { "hotspan user add NAME" } }
                }
            }
        }
    }
}
