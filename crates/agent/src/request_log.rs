//! The request log: one JSON object a line. Holds what a [`Record`] holds,
//! which is never a token or a secret.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use hotspan_imds::record::Record;

/// Where the lines go.
pub(crate) struct RequestLog(Option<Mutex<Box<dyn Write + Send>>>);

impl RequestLog {
    /// Opens a file to append to, readable by its owner only; `-` is standard
    /// output, `None` keeps no log.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let writer: Option<Box<dyn Write + Send>> = match path {
            None => None,
            Some(path) if path == Path::new("-") => Some(Box::new(io::stdout())),
            Some(path) => {
                let mut options = OpenOptions::new();
                options.create(true).append(true).mode(0o600);
                Some(Box::new(options.open(path)?))
            }
        };
        Ok(Self(writer.map(Mutex::new)))
    }

    /// Writes a line. A full disk must not stop the service, so it only says
    /// that the line is lost.
    pub(crate) fn write(&self, record: &Record) {
        tracing::trace!(?record, "request");
        let Some(writer) = &self.0 else { return };
        let Ok(mut line) = serde_json::to_vec(record) else {
            return;
        };
        line.push(b'\n');
        // Whoever panicked while writing left at worst half a line.
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writer.write_all(&line).and_then(|()| writer.flush()) {
            tracing::warn!(%error, "request log: line lost");
        }
    }
}
