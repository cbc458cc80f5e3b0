//! The instance metadata service and the container credentials endpoint, as a
//! server speaks them: which requests there are ([`route`]), who may make them
//! ([`token`]), what the answers look like byte for byte ([`answer`],
//! [`documents`], [`credentials`]), how they can go wrong on purpose
//! ([`fault`]), and the socket ([`server`]).
//!
//! Everything but [`server`] is a pure function of the request and the time.
//! Every request made is told to an observer as a [`record::Record`], which
//! never holds a token or a secret.
//!
//! What must not live here: where credentials come from (a
//! [`credentials::CredentialSource`] says that), settings, files.

pub mod answer;
pub mod civil;
pub mod credentials;
pub mod documents;
pub mod fault;
pub mod record;
pub mod route;
pub mod secret;
pub mod server;
pub mod service;
pub mod token;
pub mod trace;
