//! A folder with what roles are made of, an STS, and an agent whose environment
//! would lead any SDK astray.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use hotspan_testkit::leak::{leaks, leaks_below};

use super::fake::{FakeSts, ISSUED};
use crate::host::{Process, SECRETS, copy_program, write_private};

const LASTING_SECRET: &str = "keys-without-an-end/secret+0001";
pub(super) const WEB_TOKEN: &str = "eyJhbGciOiJub25lIn0.web-identity.token";
const PROGRAM_SECRET: &str = "printed-by-a-program/secret+key";
const PROGRAM_TOKEN: &str = "printed-session-token-of-a-program";
const ARN: &str = "arn:aws:iam::123456789012:role";
/// Long enough for a slow machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(90);

/// Everything that would lead an SDK astray. The proxies and endpoints lead to
/// a port where nobody listens.
const INHERITED: [(&str, &str); 24] = [
    ("AWS_ACCESS_KEY_ID", "AKIAINHERITED0000000"),
    ("AWS_SECRET_ACCESS_KEY", "inherited"),
    ("AWS_SESSION_TOKEN", "inherited"),
    ("AWS_PROFILE", "inherited"),
    ("AWS_REGION", "mars-north-1"),
    ("AWS_DEFAULT_REGION", "mars-north-1"),
    ("AWS_CONFIG_FILE", "/nowhere/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1"),
    ("AWS_STS_REGIONAL_ENDPOINTS", "legacy"),
    ("AWS_USE_FIPS_ENDPOINT", "true"),
    ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
    ("AWS_ROLE_ARN", "arn:aws:iam::999999999999:role/inherited"),
    ("AWS_ROLE_SESSION_NAME", "inherited"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/nowhere"),
    ("HTTP_PROXY", "http://127.0.0.1:1"),
    ("http_proxy", "http://127.0.0.1:1"),
    ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ("ALL_PROXY", "http://127.0.0.1:1"),
];

/// A folder with what roles are made of, and an STS.
pub(super) struct Bench {
    folder: tempfile::TempDir,
    pub(super) sts: FakeSts,
}

impl Bench {
    pub(super) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().expect("a folder"), sts: FakeSts::start() };
        write_private(&bench.file("token"), WEB_TOKEN);
        let keys = format!(
            "aws_access_key_id = AKIALASTING000000001\naws_secret_access_key = {LASTING_SECRET}\n"
        );
        write_private(&bench.file("credentials"), &format!("[default]\n{keys}"));
        bench.program();
        write_private(
            &bench.file("config"),
            &format!(
                "[profile base]\n{keys}
[profile one]\nrole_arn = {ARN}/one\nsource_profile = base\nrole_session_name = first\nduration_seconds = 7200\nendpoint_url = http://127.0.0.1:1
[profile two]\nrole_arn = {ARN}/two\nsource_profile = one\nexternal_id = x/1\nregion = eu-west-1
[profile web]\nrole_arn = {ARN}/web\nweb_identity_token_file = {token}
[profile program]\ncredential_process = {program} 'two words'\n",
                token = bench.file("token").display(),
                program = bench.file("program").display(),
            ),
        );
        bench
    }

    /// By another process, as `copy_program` says.
    fn program(&self) {
        let script = format!(
            "#!/bin/sh\ntest -z \"$AWS_REGION$HOME\" && test \"$1\" = 'two words' && echo '{{\"Version\":1,\"AccessKeyId\":\"ASIAPROGRAM00000AB12\",\"SecretAccessKey\":\"{PROGRAM_SECRET}\",\"SessionToken\":\"{PROGRAM_TOKEN}\",\"Expiration\":\"2099-01-01T00:00:00Z\"}}'\n"
        );
        write_private(&self.file("script"), &script);
        copy_program(&self.file("script"), &self.file("program"));
        std::fs::set_permissions(self.file("program"), PermissionsExt::from_mode(0o700))
            .expect("to set");
    }

    pub(super) fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// A role called `app` with these lines; what they name is put in.
    pub(super) fn configure(&self, lines: &str) {
        let folder = self.folder.path().display().to_string();
        let lines = lines.replace("FOLDER", &folder).replace("STS", &self.sts.endpoint());
        let text = format!(
            "[process]\nsocket = \"{folder}/agent.sock\"\n[audit]\nfile = \"{folder}/audit.jsonl\"\n[[role]]\nname = \"app\"\n{lines}"
        );
        write_private(&self.file("agent.toml"), &text);
    }

    pub(super) fn agent(&self, verb: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
        command.args(verb).arg("--config").arg(self.file("agent.toml"));
        command.env("HOTSPAN_LOG", "trace").env_remove("HOME").envs(INHERITED);
        command
    }

    pub(super) fn dry_run(&self) -> Output {
        self.agent(&["run", "--dry-run"]).output().expect("it starts")
    }

    pub(super) fn start(&self) -> Process {
        let log = std::fs::File::create(self.file("agent.log")).expect("the log");
        let mut command = self.agent(&["run"]);
        command.stderr(log);
        Process::start(command)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
        command.args(arguments).arg("--socket").arg(self.file("agent.sock"));
        command.env_remove("HOTSPAN_LOG").output().expect("the binary starts")
    }

    pub(super) fn status(&self) -> serde_json::Value {
        let output = self.command(&["status", "--json"]);
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("JSON")["roles"][0]
            .clone()
    }

    pub(super) fn wait_for(&self, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.status()) {
            assert!(begun.elapsed() < PATIENCE, "{what}: {}", self.status());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// No secret is in any file but those that are there to hold it.
    pub(super) fn is_silent(&self, output: &Output) {
        let secrets = [
            LASTING_SECRET,
            WEB_TOKEN,
            PROGRAM_SECRET,
            PROGRAM_TOKEN,
            ISSUED[0],
            ISSUED[1],
            SECRETS[0],
            SECRETS[1],
        ];
        for (place, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            assert_eq!(leaks(text, &secrets), Vec::<String>::new(), "{place}");
            let text = String::from_utf8_lossy(text);
            assert!(!text.contains("aws_s"), "the SDK logs what it likes: {text}");
        }
        for file in ["credentials", "config", "token", "script", "program"] {
            std::fs::remove_file(self.file(file)).expect("to remove");
        }
        assert_eq!(leaks_below(self.folder.path(), &secrets), Vec::<String>::new());
    }
}
