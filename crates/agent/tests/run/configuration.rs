//! What is wrong is refused at the start, with the reason, the remedy, and an
//! exit code that says what kind of thing it is.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::host::{Host, copy_program, upstream, write_private};

const ROLE: &str = "[[role]]\nname = \"app\"\nsource = \"instance\"\n";

fn agent(verb: &[&str], file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
    command.args(verb).arg("--config").arg(file).stdin(Stdio::null());
    command.output().expect("it starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_file_that_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agent.toml");
    for (text, told) in [
        ("colour = 1\n".to_owned(), ":1: unknown field `colour`"),
        (format!("{ROLE}[imds]\nrole = 5\n"), ":5: invalid type"),
        (
            format!("{ROLE}[imds]\nlisten = [\"0.0.0.0:80\"]\nrole = \"app\"\n"),
            ":5: 0.0.0.0:80 can be reached by other machines; use 127.0.0.1",
        ),
        (format!("{ROLE}[imds\n"), ":4: "),
        ("[[role]]\nname = \"app\"\nsource = \"sso\"\n".to_owned(), "export-credentials"),
    ] {
        write_private(&file, &text);
        for verb in [&["check-config"][..], &["run"], &["run", "--dry-run"]] {
            let output = agent(verb, &file);
            assert_eq!(output.status.code(), Some(3), "{text}: {output:?}");
            assert!(said(&output).contains(told), "{text}: {}", said(&output));
        }
    }
    write_private(&file, ROLE);
    assert!(agent(&["check-config"], &file).status.success());
}

#[test]
fn a_file_that_others_can_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agent.toml");
    let program = folder.path().join("credentials");
    write_private(&program, "#!/bin/sh\n");
    let process = format!(
        "[[role]]\nname = \"app\"\nsource = \"process\"\ncommand = [\"{}\"]\n",
        program.display()
    );
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("to set");
    };
    for (text, folder_mode, file_mode, program_mode, is_valid) in [
        (ROLE, 0o700, 0o600, 0o700, true),
        (ROLE, 0o700, 0o620, 0o700, false),
        (ROLE, 0o700, 0o602, 0o700, false),
        (ROLE, 0o770, 0o600, 0o700, false),
        (ROLE, 0o707, 0o600, 0o700, false),
        // Nobody can replace what is another's in such a folder.
        (ROLE, 0o1777, 0o600, 0o700, true),
        (&process, 0o700, 0o600, 0o700, true),
        (&process, 0o700, 0o600, 0o772, false),
        (&process, 0o777, 0o600, 0o700, false),
    ] {
        write_private(&file, text);
        set(&file, file_mode);
        set(&program, program_mode);
        set(folder.path(), folder_mode);
        let output = agent(&["check-config"], &file);
        let expected = if is_valid { Some(0) } else { Some(3) };
        let modes = format!("{folder_mode:o} {file_mode:o} {program_mode:o}");
        assert_eq!(output.status.code(), expected, "{modes}: {output:?}");
        assert_eq!(said(&output).contains("can be written by others"), !is_valid);
    }
}

#[test]
fn what_cannot_be_had() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agent.toml");
    let place = folder.path().display();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    std::fs::write(folder.path().join("open.token"), "0123456789abcdefghijklmnop")
        .expect("to write");
    std::fs::write(folder.path().join("plain"), "").expect("to write");
    let consumer = "[container]\nlisten = [\"127.0.0.1:0\"]\n[[container.consumer]]\nname = \"web\"\nrole = \"app\"\n";
    for (text, told) in [
        (format!("{ROLE}[metrics]\nlisten = \"127.0.0.1:{port}\"\n"), "name one that is free"),
        (format!("{ROLE}{consumer}token_file = \"{place}/open.token\"\n"), "chmod it to 600"),
        (
            format!("{ROLE}{consumer}token_file = \"{place}/nowhere/web.token\"\n"),
            "make its folder",
        ),
        (format!("{ROLE}[process]\nsocket = \"{place}/plain\"\n"), "cannot be bound"),
        (format!("{ROLE}[audit]\nfile = \"{place}/nowhere/audit\"\n"), "cannot be opened"),
    ] {
        write_private(&file, &text);
        let output = agent(&["run"], &file);
        assert_eq!(output.status.code(), Some(4), "{text}: {output:?}");
        assert!(said(&output).contains(told), "{text}: {}", said(&output));
    }
}

#[test]
fn two_agents_at_one_socket() {
    let host = Host::start();
    let file = host.file("second.toml");
    let socket = host.file("agent.sock");
    write_private(&file, &format!("{ROLE}[process]\nsocket = \"{}\"\n", socket.display()));
    assert_eq!(agent(&["run"], &file).status.code(), Some(4));
    let host = host.ready();
    assert!(host.command(&["credentials"]).status.success(), "the first goes on");
}

#[test]
fn a_dry_run_says_whether_roles_can_be_fetched() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agent.toml");
    for (arguments, code, told) in [
        (&[][..], Some(0), "role app: credentials …0000"),
        (&["--fault", "list=503"], Some(7), "role app: role list: status 503"),
    ] {
        let service = upstream("127.0.0.1:0", &folder.path().join("log"), arguments);
        let endpoint = service.address("imds");
        let token_file = folder.path().join("web.token");
        write_private(
            &file,
            &format!(
                "{ROLE}endpoint = \"http://{endpoint}\"\n[container]\nlisten = [\"127.0.0.1:0\"]\n[[container.consumer]]\nname = \"web\"\nrole = \"app\"\ntoken_file = \"{}\"\n",
                token_file.display()
            ),
        );
        let output = agent(&["run", "--dry-run"], &file);
        assert_eq!(output.status.code(), code, "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(told), "{output:?}");
        assert!(!token_file.exists(), "no file is made");
    }
}

#[test]
fn credentials_of_a_container_endpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("upstream.token");
    write_private(&token, "token-of-upstream");
    let (file, log) = (folder.path().join("agent.toml"), folder.path().join("log"));
    let expects = ["--container-token-file", token.to_str().expect("text")];
    for (arguments, token_file, code, told) in [
        (&[][..], false, Some(0), "…0000"),
        (&expects, true, Some(0), "…0000"),
        (&expects, false, Some(7), "status 401"),
        (&["--fault", "credentials=503"], false, Some(7), "status 503"),
        (&["--fault", "credentials=garbage"], false, Some(7), "not the JSON"),
    ] {
        let service = upstream("127.0.0.1:0", &log, arguments);
        let token_line = format!("token_file = \"{}\"\n", token.display());
        let text = format!(
            "[[role]]\nname = \"app\"\nsource = \"container\"\nendpoint = \"http://{}\"\npath = \"/v2/credentials/1\"\n{}",
            service.address("imds"),
            if token_file { &token_line } else { "" }
        );
        write_private(&file, &text);
        let output = agent(&["run", "--dry-run"], &file);
        assert_eq!(output.status.code(), code, "{text}: {output:?}");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.contains(told), "{text}: {printed}");
        assert!(!said(&output).contains("token-of-upstream"), "{text}");
    }
}

#[test]
fn credentials_of_a_program() {
    let document = r#"{"Version":1,"AccessKeyId":"ASIAPROCESS0000AB12","SecretAccessKey":"process-secret-key","SessionToken":"process-session-token","Expiration":"2099-01-01T00:00:00+00:00"}"#;
    for (script, code, told) in [
        (
            format!("#!/bin/sh\necho '{document}'; echo process-session-token >&2\n"),
            Some(0),
            "…AB12",
        ),
        ("#!/bin/sh\necho process-secret-key; exit 3\n".to_owned(), Some(7), "exit status: 3"),
        ("#!/bin/sh\necho process-secret-key\n".to_owned(), Some(7), "not the JSON"),
        (
            format!(
                "#!/bin/sh\ntest -z \"$AWS_PROFILE\" && test \"$HOME\" = /tmp && echo '{document}'\n"
            ),
            Some(0),
            "…AB12",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("credentials");
        let text = folder.path().join("script");
        write_private(&text, &script);
        copy_program(&text, &program);
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).expect("to set");
        let file = folder.path().join("agent.toml");
        write_private(
            &file,
            &format!(
                "[[role]]\nname = \"app\"\nsource = \"process\"\ncommand = [\"{}\"]\nenvironment = {{ HOME = \"/tmp\", PATH = \"/usr/bin:/bin\" }}\n",
                program.display()
            ),
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
        command.args(["run", "--dry-run", "--config"]).arg(&file).env("HOTSPAN_LOG", "trace");
        let output = command.env("AWS_PROFILE", "inherited").output().expect("it starts");
        assert_eq!(output.status.code(), code, "{script}: {output:?}");
        let told_out = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told_out.contains(told), "{script}: {told_out}");
        for secret in ["process-secret-key", "process-session-token"] {
            assert!(!told_out.contains(secret) && !said(&output).contains(secret), "{script}");
        }
    }
}

#[test]
fn commands_without_an_agent() {
    for verb in ["credentials", "status", "refresh"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
        let output =
            command.args([verb, "--socket", "/nowhere/agent.sock"]).output().expect("it starts");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(5), 0), "{output:?}");
    }
}
