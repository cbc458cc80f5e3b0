//! A container credentials endpoint, as ECS and EKS have one.

use std::path::PathBuf;
use std::sync::Arc;

use http::{Method, StatusCode};
use zeroize::Zeroizing;

use crate::credentials::Held;
use crate::document;
use crate::plain_http::{Endpoint, send};
use crate::schedule::{Outcome, Report};

/// Asks one path of one endpoint.
#[derive(Debug)]
pub struct ContainerSource {
    /// What the role is called at our own doors; the endpoint tells no name.
    pub role: String,
    /// Where to ask.
    pub endpoint: Endpoint,
    /// Which path.
    pub path: String,
    /// The file with what goes into `Authorization`; read anew each time,
    /// because EKS replaces it.
    pub token_file: Option<PathBuf>,
}

impl ContainerSource {
    pub(crate) async fn fetch(&self) -> Report {
        let token = match self.token_file.as_ref().map(std::fs::read_to_string).transpose() {
            Ok(token) => token.map(Zeroizing::new),
            Err(error) => return failed(format!("token file: {}", error.kind())),
        };
        let header = token.as_ref().map(|token| ("authorization", token.trim()));
        match send(&self.endpoint, Method::GET, &self.path, header.as_slice()).await {
            Ok(reply) => Report { date: reply.date(), outcome: self.outcome(&reply) },
            Err(error) => failed(error.to_string()),
        }
    }

    fn outcome(&self, reply: &crate::plain_http::Reply) -> Outcome {
        match reply.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Outcome::Missing { of: None, how: "status 404".to_owned() };
            }
            status => return Outcome::Failed(format!("status {}", status.as_u16())),
        }
        match document::container(&reply.body) {
            Ok(credentials) => {
                Outcome::Found(Arc::new(Held { role: self.role.clone(), credentials }))
            }
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}

fn failed(why: String) -> Report {
    Report { outcome: Outcome::Failed(why), date: None }
}
