//! Real SDKs at the doors, as far as this machine has them. How many clients
//! there are makes no difference to upstream.

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

#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn is_there(program: &str, arguments: &[&str]) -> bool {
    let there =
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("not run with the SDK: {program} {arguments:?} fails on this machine");
    }
    there
}

/// An environment with nothing of the machine's own but the path.
fn clean(program: &str, host: &Host) -> Command {
    let mut command = Command::new(program);
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
        command.env("PYENV_ROOT", std::path::Path::new(&home).join(".pyenv"));
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

fn check(output: &Output, lines: &str, host: &Host) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text.trim(), [lines; 5].join("\n"), "{output:?}");
    assert_eq!(host.fetches(), 1, "{:?}", host.asked());
}

#[test]
fn boto3() {
    if !is_there("python3", &["-c", "import boto3"]) {
        return;
    }
    for (door, method) in [
        (through_container as fn(&mut Command, &Host), "container-role"),
        (through_imds, "iam-role"),
        (through_process, "custom-process"),
    ] {
        let host = Host::start().ready();
        let mut command = clean("python3", &host);
        door(&mut command, &host);
        let output = command.args(["-c", PYTHON]).output().expect("it starts");
        check(&output, &format!("{method} {KEY_ID}"), &host);
    }
}

/// Debian's Ruby SDK knows no FULL_URI and ignores the port of a metadata
/// endpoint, so the process door is the one for it.
#[test]
fn ruby() {
    if !is_there("ruby", &["-e", "require 'aws-sdk-core'"]) {
        return;
    }
    let host = Host::start().ready();
    let mut command = clean("ruby", &host);
    through_process(&mut command, &host);
    let output = command.args(["-e", RUBY]).output().expect("it starts");
    check(&output, &format!("Aws::ProcessCredentials {KEY_ID}"), &host);
}

#[test]
fn aws_cli() {
    if !is_there("aws", &["--version"]) {
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
