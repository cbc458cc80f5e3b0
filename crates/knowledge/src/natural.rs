//! Calls that repeat, take long or are large by their nature: paging, connection
//! state, health checks, files, waits. That they do says nothing about the
//! service that makes them.

use serde::Deserialize;

use crate::connections::words_of;
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
    /// Methods that write a file at an address of its own.
    methods: Vec<String>,
    /// First parts of paths of APIs.
    api_words: Vec<String>,
    /// Last parts of paths.
    paths: Vec<String>,
    /// Last parts of paths of lists that are no plurals.
    list_words: Vec<String>,
    /// Hosts that keep files.
    file_hosts: Vec<HostPattern>,
    /// Words in the names of such hosts, in lower case.
    file_host_words: Vec<String>,
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
        let writes_file = self.methods.iter().any(|known| known == method)
            && (!self.is_api(path) || self.is_store(host) || self.is_file_request(host, operation));
        writes_file
            || self.paths.iter().any(|known| known.eq_ignore_ascii_case(last))
            || self.file_hosts.iter().any(|pattern| pattern.matches(host))
    }

    /// True for a path template that an API has and a store of files has not: it
    /// begins with a version or a word such as `api`, or goes on with a word
    /// behind an id, `/orders/{id}/state`.
    fn is_api(&self, path: &str) -> bool {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let begins = parts.clone().next().is_some_and(|first| {
            is_version(first) || self.api_words.iter().any(|word| word.eq_ignore_ascii_case(first))
        });
        let mut after_id = parts.by_ref().skip_while(|part| !part.ends_with('}')).skip(1);
        begins || after_id.any(|part| part.bytes().all(|byte| byte.is_ascii_alphabetic()))
    }

    /// True for a host whose name says that it keeps files.
    fn is_store(&self, host: &str) -> bool {
        words_of(host).iter().any(|word| self.file_host_words.contains(word))
    }

    /// True for a request template whose last part is a list, which may be read
    /// page by page: `GET /reviews`, `GET /search`.
    pub fn is_list(&self, operation: &str) -> bool {
        const SINGULAR_ENDS: [&str; 3] = ["ss", "us", "is"];
        let path = operation.split_once(' ').map_or(operation, |(_, path)| path);
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let last = last.to_ascii_lowercase();
        let plural = last.ends_with('s') && !SINGULAR_ENDS.iter().any(|end| last.ends_with(end));
        plural || self.list_words.contains(&last)
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

/// `v1`, `V2`.
fn is_version(part: &str) -> bool {
    let number = part.strip_prefix(['v', 'V']).unwrap_or_default();
    (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}
