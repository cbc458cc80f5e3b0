//! How many files and connections this process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. Many systems start a process at
/// 1,024 because of programs that use `select`; this one has a file open for
/// each connection and, in `hotspan sql`, for each span file.
pub(crate) fn allow_many() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where the system refuses, the old limit stands and is named when it is met.
    let _ = setrlimit(Resource::Nofile, limit);
}
