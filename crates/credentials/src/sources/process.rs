//! A program that prints credentials, as `credential_process` of AWS profiles.
//! Through it comes what no other source does, such as SSO: the AWS CLI prints
//! any profile with `aws configure export-credentials`.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::credentials::Held;
use crate::document;
use crate::schedule::{Outcome, Report};
use crate::trust::{REMEDY, distrust};

/// Longer output is no credentials.
const OUTPUT_BYTES_MAX: u64 = 64 * 1_024;

/// Runs one program.
#[derive(Debug)]
pub struct ProcessSource {
    /// What the role is called at our own doors.
    pub role: String,
    /// The program, by its whole path; no shell is involved.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
}

impl ProcessSource {
    pub(crate) async fn fetch(&self) -> Report {
        let outcome = match self.output().await {
            Ok(output) => match document::process(&output) {
                Ok(credentials) => {
                    Outcome::Found(Arc::new(Held { role: self.role.clone(), credentials }))
                }
                Err(error) => Outcome::Failed(error.to_string()),
            },
            Err(why) => Outcome::Failed(why),
        };
        Report { outcome, date: None }
    }

    /// What it prints. What it says on standard error may hold anything, so
    /// only its exit status is told.
    async fn output(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        // It was looked at when the configuration was read, and may have been
        // made writable since.
        if let Some(weakness) = distrust(&self.program) {
            return Err(format!("{} {weakness}; {REMEDY}", self.program.display()));
        }
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("the program cannot be started: {}", error.kind()))?;
        let mut output = Zeroizing::new(Vec::with_capacity(4 * 1_024));
        if let Some(stdout) = child.stdout.take() {
            stdout
                .take(OUTPUT_BYTES_MAX)
                .read_to_end(&mut output)
                .await
                .map_err(|error| format!("its output cannot be read: {}", error.kind()))?;
        }
        let status = child.wait().await.map_err(|error| error.kind().to_string())?;
        if status.success() { Ok(output) } else { Err(format!("the program failed: {status}")) }
    }
}
