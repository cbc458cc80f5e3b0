//! Calls that repeat by their nature: paging, connection state, health checks,
//! files. Their repetition says nothing about the service that makes them.

use serde::Deserialize;

use crate::pattern::HostPattern;

/// What such calls look like.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Natural {
    /// Query parameters that say where in a longer result to go on: lower
    /// case, letters and digits only.
    pub paging_parameters: Vec<String>,
    /// First words of statements about the connection or an open result, in
    /// capitals.
    connection_statements: Vec<String>,
    /// Methods that write one thing at an address of its own.
    methods: Vec<String>,
    /// Last parts of paths.
    paths: Vec<String>,
    /// Hosts that keep files.
    file_hosts: Vec<HostPattern>,
    /// Operations of SDKs.
    operations: Vec<String>,
}

impl Natural {
    /// True for the operation template of a statement that names no table, or
    /// that is about the connection.
    pub fn is_statement(&self, operation: &str) -> bool {
        let mut words = operation.split([' ', ';']).filter(|word| !word.is_empty());
        let Some(verb) = words.next() else {
            return true;
        };
        let is_verb = |known: &String| known.eq_ignore_ascii_case(verb);
        let asks_nothing = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb);
        self.connection_statements.iter().any(is_verb) || (asks_nothing && words.next().is_none())
    }

    /// True for a request template such as `GET /healthz` to such a host.
    pub fn is_request(&self, host: &str, operation: &str) -> bool {
        let (method, path) = operation.split_once(' ').unwrap_or(("", operation));
        let path = path.split('?').next().unwrap_or_default();
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        self.methods.iter().any(|known| known == method)
            || self.paths.iter().any(|known| known.eq_ignore_ascii_case(last))
            || self.file_hosts.iter().any(|pattern| pattern.matches(host))
    }

    /// True for an SDK operation such as `S3.PutObject`.
    pub fn is_operation(&self, operation: &str) -> bool {
        self.operations.iter().any(|known| known == operation)
    }
}
