//! Who may see the pages, and what browsers may do with them.
//!
//! [`host`] keeps other sites' pages out, [`headers`] keeps other sites'
//! scripts and frames out, [`login`] keeps strangers out where the server is
//! reachable from elsewhere, and [`metrics_token`] lets Prometheus in without
//! one. Project keys belong to the doors, not here.

pub(crate) mod attempts;
pub(crate) mod headers;
pub(crate) mod host;
pub(crate) mod login;
mod login_page;
pub(crate) mod metrics_token;
pub(crate) mod pace;
pub(crate) mod panic;
mod password;
mod session;

pub use metrics_token::{METRICS_TOKEN_CHARS_MIN, MetricsToken, MetricsTokenError};
pub use password::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PasswordError, hash_password};
