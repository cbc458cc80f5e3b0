//! The server under test: started, spoken to, killed and started again.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take before a trial gives up. Generous, because the
/// machine may be busy; nothing is asserted about speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A trial's result: any error fails it with its text.
pub(crate) type Outcome = Result<(), libtest_mimic::Failed>;

/// The path of one of the product's binaries.
pub(crate) fn binary(name: &str) -> PathBuf {
    if name == "hotspan" {
        return PathBuf::from(env!("CARGO_BIN_EXE_hotspan"));
    }
    let beside = Path::new(env!("CARGO_BIN_EXE_hotspan")).with_file_name(name);
    match std::env::var_os("HOTSPAN_BIN_DIR") {
        Some(folder) => PathBuf::from(folder).join(name),
        None => beside,
    }
}

/// Where a trial leaves screenshots and logs for a person to look at.
pub(crate) fn artefacts() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../e2e");
    std::fs::create_dir_all(&folder).expect("create target/e2e");
    folder
}

/// A running `hotspan`.
pub(crate) struct Server {
    child: Child,
    ui: String,
    otlp_http: String,
    /// Keeps the pipe open: a server whose standard output is closed would fail to print.
    _lines: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// Starts `hotspan serve` on free ports over `data_dir` and waits for `ready`.
    pub(crate) fn serve(data_dir: &Path) -> Result<Self, libtest_mimic::Failed> {
        let mut command = Command::new(binary("hotspan"));
        command.arg("serve").arg("--data-dir").arg(data_dir);
        command.args(["--listen", "127.0.0.1:0"]);
        Self::start(command)
    }

    /// Starts `hotspan demo` on free ports and waits for `ready`.
    pub(crate) fn demo() -> Result<Self, libtest_mimic::Failed> {
        let mut command = Command::new(binary("hotspan"));
        command.args(["demo", "--listen", "127.0.0.1:0"]);
        Self::start(command)
    }

    /// Starts a prepared command; adds free OTLP ports.
    pub(crate) fn start(mut command: Command) -> Result<Self, libtest_mimic::Failed> {
        command.args(["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"]);
        command.stdout(Stdio::piped()).stderr(Stdio::inherit()).env("HOTSPAN_LOG", "warn");
        let mut child = command.spawn().map_err(|error| format!("start {command:?}: {error}"))?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let (mut ui, mut otlp_http) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 {
                return Err(format!("server ended before it was ready: {:?}", child.wait()?).into());
            }
            match line.trim().split_once(' ') {
                Some(("ui", address)) => ui = address.to_owned(),
                Some(("otlp-http", address)) => otlp_http = address.to_owned(),
                None if line.trim() == "ready" => break,
                _ => {}
            }
        }
        if ui.is_empty() || otlp_http.is_empty() {
            return Err("the server did not print where it listens".into());
        }
        Ok(Self { child, ui, otlp_http, _lines: lines })
    }

    /// The address of a page or API path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.ui)
    }

    /// Process id, for signals.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `host:port` of the UI, for DSNs.
    pub(crate) fn ui_authority(&self) -> &str {
        self.ui.trim_start_matches("http://").trim_end_matches('/')
    }

    /// The OTLP/HTTP base address.
    pub(crate) fn otlp_http(&self) -> &str {
        &self.otlp_http
    }

    /// Posts a body and gives back the status.
    pub(crate) fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<u16, ureq::Error> {
        post(url, headers, body)
    }

    /// Posts OTLP protobuf spans; an error when they are not acknowledged.
    pub(crate) fn post_otlp(&self, body: &[u8]) -> Result<(), String> {
        let headers = [("Content-Type".to_owned(), "application/x-protobuf".to_owned())];
        match post(&format!("{}/v1/traces", self.otlp_http), &headers, body) {
            Ok(200) => Ok(()),
            Ok(status) => Err(format!("/v1/traces answered {status}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A page or JSON text.
    pub(crate) fn get_text(&self, path: &str) -> Result<String, libtest_mimic::Failed> {
        let mut response = agent().get(self.url(path)).call()?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string()?;
        if status == 200 { Ok(text) } else { Err(format!("GET {path}: {status}: {text}").into()) }
    }

    /// A JSON document of the API.
    pub(crate) fn get(&self, path: &str) -> Result<Value, libtest_mimic::Failed> {
        Ok(serde_json::from_str(&self.get_text(path)?)?)
    }

    /// Asks again and again until `wanted` finds what it looks for.
    pub(crate) fn wait<T>(
        &self,
        path: &str,
        mut wanted: impl FnMut(&Value) -> Option<T>,
    ) -> Result<T, libtest_mimic::Failed> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let document = self.get(path)?;
            if let Some(found) = wanted(&document) {
                return Ok(found);
            }
            if Instant::now() > deadline {
                return Err(
                    format!("{path} never showed what was expected; last: {document:#}").into()
                );
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The first issue of a detector, once there is one.
    pub(crate) fn wait_issue(
        &self,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, libtest_mimic::Failed> {
        self.wait("/api/v1/issues", |document| {
            list(document, "issues").iter().find(|issue| wanted(issue)).cloned()
        })
    }

    /// Ends the process at once, as a crash would.
    pub(crate) fn kill_nine(mut self) {
        self.child.kill().expect("send SIGKILL");
        self.child.wait().expect("collect the child");
    }

    /// Asks the process to end and gives back its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("run kill");
        self.child.wait().expect("collect the child").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended children make these fail, which is fine here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into()
}

fn post(url: &str, headers: &[(String, String)], body: &[u8]) -> Result<u16, ureq::Error> {
    let mut request = agent().post(url);
    for (name, value) in headers {
        request = request.header(name.as_str(), value.as_str());
    }
    Ok(request.send(body)?.status().as_u16())
}

/// The list under `key`, or the document itself when it is a list.
pub(crate) fn list<'a>(document: &'a Value, key: &str) -> &'a [Value] {
    document
        .as_array()
        .or_else(|| document.get(key).and_then(Value::as_array))
        .map_or(&[], Vec::as_slice)
}

/// Nanoseconds since the epoch, for fresh traces.
pub(crate) fn now_ns() -> i64 {
    let elapsed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("the clock is past 1970");
    i64::try_from(elapsed.as_nanos()).expect("the clock is before 2262")
}
