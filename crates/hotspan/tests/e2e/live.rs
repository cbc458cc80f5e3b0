//! Real SDKs in small apps (`tests/live`) that upload to a local S3 with
//! credentials from the emulated metadata service, and report to the real
//! server.
//!
//! Addresses differ on purpose: the Sentry SDK for Ruby makes no span for a
//! request whose host, port aside, is that of its DSN. So the server is
//! `localhost`, the metadata service 127.0.0.2 and S3 127.0.0.3.

pub(crate) mod process;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::incident::{check, number};
use crate::server::{Outcome, Server, binary, list};
use process::{Process, bare, missing, succeeds, tell};

/// Requests an app is sent in each phase, and uploads in each request.
const REQUESTS: u32 = 4;
const UPLOADS: u32 = 10;
/// What the metadata service takes for an answer: on a fast machine, lookups
/// that cost nothing would be nothing to find.
const LATENCY: &str = "3ms";
/// With a lost token every upload takes a second or two.
const SLOW_UPLOADS: u32 = 3;

/// An app and what its SDK is known to do.
struct App {
    name: &'static str,
    language: &'static str,
    /// The mode in which each upload looks up credentials.
    wasteful: &'static str,
    /// The modes in which credentials are shared.
    frugal: &'static [&'static str],
    /// What its uploads are called.
    endpoint: &'static str,
    /// The cause that the wasteful mode has.
    cause: &'static str,
    /// Where the emulator listens. aws-sdk-core 3.168 ignores the port of the
    /// endpoint it is told, so Ruby needs port 80.
    imds: &'static str,
    script: &'static str,
}

const APPS: [App; 5] = [
    App {
        name: "ruby_sentry",
        language: "ruby",
        wasteful: "b",
        frugal: &["a"],
        endpoint: "UploadsController#create",
        cause: "new_provider_per_use",
        imds: "127.0.0.2:80",
        script: "ruby/app.rb",
    },
    App {
        name: "python_sentry",
        language: "python",
        wasteful: "c",
        frugal: &["a", "b"],
        endpoint: "/up",
        cause: "new_provider_or_refresh",
        imds: "127.0.0.2:0",
        script: "python/sentry_app.py",
    },
    App {
        name: "python_otel",
        language: "python",
        wasteful: "c",
        frugal: &["a", "b"],
        endpoint: "GET /up",
        cause: "new_provider_or_refresh",
        imds: "127.0.0.2:0",
        script: "python/otel_app.py",
    },
    App {
        name: "node_sentry",
        language: "javascript",
        wasteful: "b",
        frugal: &["a"],
        endpoint: "GET /up",
        cause: "new_provider_or_refresh",
        imds: "127.0.0.2:0",
        script: "node/sentry_app.js",
    },
    App {
        name: "node_otel",
        language: "javascript",
        wasteful: "b",
        frugal: &["a"],
        endpoint: "GET /up",
        cause: "new_provider_or_refresh",
        imds: "127.0.0.2:0",
        script: "node/otel_app.js",
    },
];

/// One trial an app.
pub(crate) fn trials() -> Vec<Trial> {
    APPS.iter()
        .map(|app| {
            let name = format!("live::{}", app.name);
            let reason = app.reason_to_ignore();
            if let Some(reason) = &reason {
                tell(&name, reason);
            }
            Trial::test(name, || app.run()).with_ignored_flag(reason.is_some())
        })
        .collect()
}

impl App {
    fn run(&self) -> Outcome {
        let s3 = s3()?;
        self.client_per_record(&s3)?;
        self.shared_client(&s3)?;
        self.token_answer_lost(&s3)
    }

    /// A lookup for each upload is one issue with the right cause and remedy,
    /// and counts what the metadata service counted.
    fn client_per_record(&self, s3: &Process) -> Outcome {
        let stage = Stage::set(self, s3, self.wasteful, &[])?;
        stage.send(REQUESTS, UPLOADS)?;
        let issue = stage.only_issue(REQUESTS)?;
        check(issue["class"] == "credential_lookup", "a credential lookup", &issue)?;
        check(issue["endpoint"] == self.endpoint, self.endpoint, &issue)?;
        check(issue["cause"]["code"] == self.cause, self.cause, &issue)?;
        check(issue["fix"][0]["language"] == self.language, self.language, &issue)?;
        let lookups = number(&issue, "lookups_per_request")?;
        check(lookups == f64::from(UPLOADS), "a lookup for each upload", &issue)?;
        let share = number(&issue, "share_of_wall")?;
        check(share > 0.0 && share < 1.0, "a share of the time", &issue)?;
        stage.check_request_log()
    }

    /// A shared client looks up once in the life of the process: no issue.
    fn shared_client(&self, s3: &Process) -> Outcome {
        for mode in self.frugal {
            let stage = Stage::set(self, s3, mode, &[])?;
            stage.send(REQUESTS, UPLOADS)?;
            stage.wait_requests(REQUESTS)?;
            let issues = stage.server.get("/api/v1/issues")?;
            check(list(&issues, "issues").is_empty(), "no issue", &issues)?;
        }
        Ok(())
    }

    /// As behind a hop limit of 1: the answer to the token request never comes.
    fn token_answer_lost(&self, s3: &Process) -> Outcome {
        let stage = Stage::set(self, s3, self.wasteful, &["--fault", "token=swallow"])?;
        stage.send(1, SLOW_UPLOADS)?;
        let issue = stage.only_issue(1)?;
        check(issue["cause"]["code"] == "token_response_lost", "the lost token", &issue)?;
        // No SDK waits less than a second for it, however busy the machine is.
        let lost_ms = number(&issue, "time_lost_ms")?;
        check(lost_ms >= f64::from(SLOW_UPLOADS) * 900.0, "the time-outs count as lost", &issue)
    }

    fn reason_to_ignore(&self) -> Option<String> {
        if std::env::var_os("HOTSPAN_TEST_QUICK").is_some() {
            return Some("HOTSPAN_TEST_QUICK is set".to_owned());
        }
        if let Err(error) = TcpListener::bind(self.imds) {
            return Some(format!("{} cannot be bound: {error}", self.imds));
        }
        missing(&binary("hotspan-agent")).or_else(|| missing(&moto())).or_else(|| {
            match self.language {
                "ruby" => ruby_lacks_gems(),
                "javascript" => missing(&node_modules().join("@sentry/node")),
                _ => None,
            }
        })
    }

    /// The command that starts the app, without its settings.
    fn command(&self) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live").join(self.script);
        let program = match self.language {
            "ruby" => PathBuf::from("ruby"),
            "javascript" => PathBuf::from("node"),
            _ => venv().join("bin/python"),
        };
        let mut command = bare(&program);
        command.arg(script).env("NODE_PATH", node_modules()).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// Everything that runs in one phase.
struct Stage {
    app: Process,
    mode: &'static str,
    request_log: PathBuf,
    server: Server,
    _emulator: Process,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn set(app: &App, s3: &Process, mode: &'static str, faults: &[&str]) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let request_log = folder.path().join("imds.jsonl");
        let server = Server::serve(&folder.path().join("data"))?;
        let mut command = Command::new(binary("hotspan-agent"));
        command.args(["imds", "--listen", app.imds, "--latency", LATENCY, "--log"]);
        command.arg(&request_log).args(faults);
        let emulator = Process::start(&format!("{}-imds", app.name), "imds ", &mut command)?;
        let (_, port) = server.ui_authority().rsplit_once(':').ok_or("the UI has no port")?;
        let mut command = app.command();
        command
            .env("APP_ROOT", folder.path())
            .env("HOME", folder.path())
            .env("S3_ENDPOINT", s3.url())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", emulator.url())
            .env("SENTRY_DSN", format!("http://public@localhost:{port}/1"))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", server.otlp_http())
            .env("OTEL_SERVICE_NAME", "live-uploads")
            .env("OTEL_BSP_SCHEDULE_DELAY", "200");
        let app = Process::start(&format!("{}-app-{mode}", app.name), "ready ", &mut command)?;
        Ok(Self { app, mode, request_log, server, _emulator: emulator, _folder: folder })
    }

    fn send(&self, requests: u32, uploads: u32) -> Outcome {
        let url = format!("{}/up?n={uploads}&mode={}", self.app.url(), self.mode);
        for _ in 0..requests {
            let text = ureq::get(&url).call()?.body_mut().read_to_string()?;
            check(text == uploads.to_string(), "the uploads succeed", &Value::String(text))?;
        }
        Ok(())
    }

    /// The issue, once it counts all requests; an error when there are others.
    fn only_issue(&self, requests: u32) -> Result<Value, Failed> {
        self.wait_requests(requests)?;
        let all = |issue: &Value| issue["requests_affected"].as_f64() == Some(f64::from(requests));
        let issue = self.server.wait_issue(all)?;
        let issues = self.server.get("/api/v1/issues")?;
        check(list(&issues, "issues").len() == 1, "one issue", &issues)?;
        Ok(issue)
    }

    /// Waits until that many requests are analysed.
    fn wait_requests(&self, requests: u32) -> Outcome {
        self.server.wait("/api/v1/endpoints", |document| {
            let rows = list(document, "endpoints").iter();
            let seen: f64 = rows.filter_map(|row| row["requests"].as_f64()).sum();
            (seen >= f64::from(requests)).then_some(())
        })
    }

    /// The metadata service saw as many lookups, each tied to a trace.
    fn check_request_log(&self) -> Outcome {
        let text = std::fs::read_to_string(&self.request_log)?;
        let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let lookups = lines
            .iter()
            .filter(|line| line["path"].as_str().is_some_and(|path| path.ends_with("-role")))
            .count();
        let expected = usize::try_from(REQUESTS * UPLOADS)?;
        check(lookups == expected, "the service's own count", &lookups.into())?;
        let untied = lines.iter().find(|line| line["trace_id"].is_null());
        check(untied.is_none(), "a trace for every call", &untied.cloned().unwrap_or_default())
    }
}

/// The S3 side, with the bucket that the apps upload to. It takes seconds to
/// start, so trials that run at the same time share it.
fn s3() -> Result<Arc<Process>, Failed> {
    static SHARED: Mutex<Weak<Process>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = shared.upgrade() {
        return Ok(running);
    }
    let mut command = bare(&moto());
    command.args(["-H", "127.0.0.3", "-p", "0"]).env("PYTHONUNBUFFERED", "1");
    let s3 = Arc::new(Process::start("s3", "Running on ", &mut command)?);
    ureq::put(format!("{}/lab", s3.url())).send_empty()?;
    *shared = Arc::downgrade(&s3);
    Ok(s3)
}

/// Parts installed by `cargo xtask test`, wherever it said; else where it puts them.
fn live_part(variable: &str, folder: &str) -> PathBuf {
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/live").join(folder);
    std::env::var_os(variable).map_or_else(usual, PathBuf::from)
}

fn venv() -> PathBuf {
    live_part("HOTSPAN_LIVE_VENV", "venv")
}

fn moto() -> PathBuf {
    venv().join("bin/moto_server")
}

fn node_modules() -> PathBuf {
    live_part("HOTSPAN_LIVE_NODE", "node").join("node_modules")
}

fn ruby_lacks_gems() -> Option<String> {
    let gems = "%w[railties aws-sdk-s3 sentry-ruby sentry-rails].each { |name| gem name }";
    let found = succeeds(Command::new("ruby").args(["-e", gems]));
    let packages = "ruby-railties, ruby-aws-sdk-s3, ruby-sentry-ruby, ruby-sentry-rails and puma";
    (!found).then(|| format!("ruby or one of Debian's {packages} is missing"))
}
