//! Who is measured: a process that listens, and the request it is sent.

use std::rc::Rc;

use crate::process::Process;

/// A server and a request.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    /// What it is called in the table.
    pub(crate) name: &'static str,
    /// Host and port.
    pub(crate) address: String,
    /// With a slash at its begin.
    pub(crate) path: String,
    /// Names and values, besides `Host`.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) process: Rc<Process>,
}

impl Contender {
    /// The request as it is written.
    pub(crate) fn request(&self, is_kept: bool) -> String {
        let mut text = format!("GET {} HTTP/1.1\r\nHost: {}\r\n", self.path, self.address);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !is_kept {
            text.push_str("Connection: close\r\n");
        }
        text + "\r\n"
    }
}
