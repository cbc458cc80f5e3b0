//! Real SDKs at the doors, as far as this machine has them. How many clients
//! there are makes no difference to upstream.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output};

use crate::host::{Host, KEY_ID};

/// Five clients that share nothing, each with its own lookup.
const PYTHON: &str = "
import boto3.session
for _ in range(5):
    found = boto3.session.Session().get_credentials()
    print(found.method, found.get_frozen_credentials().access_key)
";
/// Ruby's chain, for each of five clients.
const RUBY: &str = "
require 'aws-sdk-core'
5.times do
  config = Struct.new(:profile, :region, :credentials, :instance_profile_credentials_retries, :instance_profile_credentials_timeout, :access_key_id, :secret_access_key, :session_token).new
  found = Aws::CredentialProviderChain.new(config).resolve
  puts \"#{found.class} #{found.credentials.access_key_id}\"
end
";

/// JavaScript's default chain, for each of five clients.
const NODE: &str = "
const { defaultProvider } = require('@aws-sdk/credential-provider-node');
(async () => {
  for (let i = 0; i < 5; i++) console.log((await defaultProvider()()).accessKeyId);
})();
";

/// Whether an SDK can be tried; says so if not.
#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn is_there(mut check: Command) -> bool {
    let is_quick = std::env::var_os("HOTSPAN_TEST_QUICK").is_some();
    let there = !is_quick && check.output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("not run with the SDK: {check:?} fails here, or a quick test was wanted");
    }
    there
}

/// The Python that has boto3: the one installed for tests, or the machine's.
fn python() -> OsString {
    match std::env::var_os("HOTSPAN_LIVE_VENV") {
        Some(venv) => Path::new(&venv).join("bin/python3").into(),
        None => "python3".into(),
    }
}

/// An environment with nothing of the machine's own but the path.
fn clean(program: impl Into<OsString>, host: &Host) -> Command {
    let mut command = Command::new(program.into());
    command.env_clear().env("HOME", host.folder.path()).env("AWS_REGION", "eu-central-1");
    for name in ["PATH", "PYENV_ROOT", "PYENV_VERSION"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // Without these pyenv looks for them in a home that is not its own.
    if std::env::var_os("PYENV_ROOT").is_none()
        && let Some(home) = std::env::var_os("HOME")
    {
        command.env("PYENV_ROOT", Path::new(&home).join(".pyenv"));
    }
    command
}

fn through_container(command: &mut Command, host: &Host) {
    let endpoint = format!("http://{}/credentials", host.agent.address("container"));
    command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint);
    command.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", host.file("web.token"));
}

fn through_imds(command: &mut Command, host: &Host) {
    let endpoint = format!("http://{}/", host.agent.address("imds"));
    command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint);
}

fn through_process(command: &mut Command, host: &Host) {
    let program = env!("CARGO_BIN_EXE_hotspan-agent");
    let socket = host.file("agent.sock");
    let line = format!("{program} credentials --socket {}", socket.display());
    let file = host.file("aws-config");
    std::fs::write(&file, format!("[profile agent]\ncredential_process = {line}\n"))
        .expect("to write");
    command.env("AWS_CONFIG_FILE", file).env("AWS_PROFILE", "agent");
}

fn check_five(output: &Output, lines: &str, host: &Host) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text.trim(), [lines; 5].join("\n"), "{output:?}");
    assert_eq!(host.fetches(), 1, "{:?}", host.asked());
}

#[test]
fn boto3() {
    let mut check = Command::new(python());
    check.args(["-c", "import boto3"]);
    if !is_there(check) {
        return;
    }
    for (door, method) in [
        (through_container as fn(&mut Command, &Host), "container-role"),
        (through_imds, "iam-role"),
        (through_process, "custom-process"),
    ] {
        let host = Host::start().ready();
        let mut command = clean(python(), &host);
        door(&mut command, &host);
        let output = command.args(["-c", PYTHON]).output().expect("it starts");
        check_five(&output, &format!("{method} {KEY_ID}"), &host);
    }
}

/// From where its packages were installed for tests.
#[test]
fn javascript() {
    let Some(folder) = std::env::var_os("HOTSPAN_LIVE_NODE") else { return };
    let node = |program: &mut Command| {
        program.current_dir(&folder);
    };
    let mut check = Command::new("node");
    node(check.args(["-e", "require('@aws-sdk/credential-provider-node')"]));
    if !is_there(check) {
        return;
    }
    for door in [through_container as fn(&mut Command, &Host), through_imds, through_process] {
        let host = Host::start().ready();
        let mut command = clean("node", &host);
        door(&mut command, &host);
        node(command.args(["-e", NODE]));
        check_five(&command.output().expect("it starts"), KEY_ID, &host);
    }
}

/// Debian's Ruby SDK knows no FULL_URI and ignores the port of a metadata
/// endpoint, so the process door is the one for it.
#[test]
fn ruby() {
    let mut check = Command::new("ruby");
    check.args(["-e", "require 'aws-sdk-core'"]);
    if !is_there(check) {
        return;
    }
    let host = Host::start().ready();
    let mut command = clean("ruby", &host);
    through_process(&mut command, &host);
    let output = command.args(["-e", RUBY]).output().expect("it starts");
    check_five(&output, &format!("Aws::ProcessCredentials {KEY_ID}"), &host);
}

#[test]
fn aws_cli() {
    let mut check = Command::new("aws");
    check.arg("--version");
    if !is_there(check) {
        return;
    }
    for door in [through_container as fn(&mut Command, &Host), through_imds, through_process] {
        let host = Host::start().ready();
        let mut command = clean("aws", &host);
        door(&mut command, &host);
        let output = command.args(["configure", "list"]).output().expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // It shows the end of a key.
        assert!(output.status.success() && text.contains("0000"), "{output:?}");
        assert_eq!(host.fetches(), 1, "{:?}", host.asked());
    }
}
