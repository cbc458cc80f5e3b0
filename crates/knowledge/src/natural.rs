//! Calls that repeat, take long or are large by their nature: paging, connection
//! state, health checks, files, waits. That they do says nothing about the
//! service that makes them.

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
    /// First words of statements that take long.
    long_statements: Vec<String>,
    /// Words within statements that wait.
    waiting_words: Vec<String>,
    /// Beginnings of media types of files and streams.
    file_types: Vec<String>,
    /// Ends of the names of files.
    file_endings: Vec<String>,
    /// Parts of paths behind which files are.
    file_paths: Vec<String>,
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

    /// True for the operation template of a statement that takes long by its
    /// nature.
    pub fn is_long_statement(&self, operation: &str) -> bool {
        let verb = operation.split([' ', ';']).next().unwrap_or_default();
        self.long_statements.iter().any(|known| known.eq_ignore_ascii_case(verb))
    }

    /// True for a word of a statement that makes it wait.
    pub fn is_waiting_word(&self, word: &str) -> bool {
        self.waiting_words.iter().any(|known| known.eq_ignore_ascii_case(word))
    }

    /// True for a media type (`image/png`) of files and streams.
    pub fn is_file_type(&self, media_type: &str) -> bool {
        let media_type = media_type.trim().to_ascii_lowercase();
        self.file_types.iter().any(|known| media_type.starts_with(known.as_str()))
    }

    /// True for a request template such as `GET /files/{id}` to such a host
    /// that moves a file or is a stream.
    pub fn is_file_request(&self, host: &str, operation: &str) -> bool {
        let (_, path) = operation.split_once(' ').unwrap_or(("", operation));
        let path = path.split('?').next().unwrap_or_default().to_ascii_lowercase();
        self.file_hosts.iter().any(|pattern| pattern.matches(host))
            || self.file_endings.iter().any(|end| path.ends_with(end.as_str()))
            || path.split('/').any(|part| self.file_paths.iter().any(|known| known == part))
    }
}
