//! The other programs of a live trial: the emulated metadata service, the S3
//! side, the app. Each writes to a log file that is left for a person to read.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use crate::server::artefacts;

/// How long a program may take to start. The S3 side loads for a minute where
/// everything else is being built and tested at the same time.
const START_PATIENCE: Duration = Duration::from_secs(240);

/// A program that runs until it is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    url: String,
}

impl Process {
    /// Starts a command and waits until it has printed the URL it listens on
    /// after `mark`.
    pub(crate) fn start(name: &str, mark: &str, command: &mut Command) -> Result<Self, Failed> {
        let log = artefacts().join(format!("live-{name}.log"));
        let file = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().map_err(|error| format!("{name}: {command:?}: {error}"))?;
        // Dropped from here on, whatever happens.
        let mut process = Self { child, log, url: String::new() };
        process.url = process.wait_url(name, mark)?;
        Ok(process)
    }

    /// Where it listens, e.g. `http://127.0.0.3:5000`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Asks it to end, and gives back its exit code.
    pub(crate) fn terminate(mut self) -> Result<Option<i32>, Failed> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        Ok(self.child.wait()?.code())
    }

    fn wait_url(&mut self, name: &str, mark: &str) -> Result<String, Failed> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            // Read before the child is looked at: what it wrote last counts.
            let ended = self.child.try_wait()?;
            let written = std::fs::read_to_string(&self.log)?;
            if let Some(url) = written.lines().find_map(|line| url_after(line, mark)) {
                return Ok(url);
            }
            if ended.is_some() || Instant::now() > deadline {
                return Err(format!("{name} did not start ({ended:?}):\n{written}").into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A child that ended already makes these fail, which is fine here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn url_after(line: &str, mark: &str) -> Option<String> {
    let (_, after) = line.split_once(mark)?;
    after.trim().starts_with("http://").then(|| after.trim().to_owned())
}

/// Why a trial cannot run here, printed once for the person who runs it.
pub(crate) fn missing(what: &Path) -> Option<String> {
    (!what.exists()).then(|| format!("{} is not there; run `cargo xtask test`", what.display()))
}

/// True when a command runs and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A variable-free start, so that nobody's own AWS settings reach the app.
pub(crate) fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Tells the person who runs the tests why a trial is ignored.
pub(crate) fn tell(trial: &str, reason: &str) {
    // The harness prints names only; a closed standard output is no reason to fail.
    let _ = writeln!(std::io::stdout(), "ignored: {trial}: {reason}");
}
