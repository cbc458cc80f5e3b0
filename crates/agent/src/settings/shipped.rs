//! Checks of what the package brings: the configuration is right as it is and
//! with everything that is commented out in it, and the sockets that systemd
//! opens are its doors, no more and no fewer.

use std::collections::BTreeSet;

use super::{Settings, raw};

const FILE: &str = include_str!("../../packaging/agent.toml");
const SOCKET: &str = include_str!("../../packaging/hotspan-agent.socket");
const IMDS_SOCKET: &str = include_str!("../../packaging/hotspan-agent-imds.socket");
const SERVICE: &str = include_str!("../../packaging/hotspan-agent.service");
const USERS: &str = include_str!("../../packaging/sysusers.conf");
const FOLDERS: &str = include_str!("../../packaging/tmpfiles.conf");

/// The configuration with its examples in force.
fn whole() -> String {
    let is_example = |line: &str| {
        let rest = line.strip_prefix("# ").unwrap_or_default();
        rest.starts_with('[') || rest.split_once(" = ").is_some_and(|(key, _)| is_key(key))
    };
    let lines = FILE.lines().map(|line| if is_example(line) { &line[2..] } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// What the file says, on a machine where nobody has made the user yet.
fn settings(text: &str) -> Settings {
    let lines = text.lines().filter(|line| !line.starts_with("user = "));
    Settings::parse(&lines.collect::<Vec<_>>().join("\n")).expect("valid")
}

/// Where the doors are. Metrics are asked for by a program that asks again.
fn doors(settings: &Settings) -> BTreeSet<String> {
    let container = settings.container.iter().flat_map(|door| &door.listen);
    let imds = settings.imds.iter().flat_map(|door| &door.listen);
    let process = settings.process.iter().map(|door| door.socket.display().to_string());
    container.chain(imds).map(ToString::to_string).chain(process).collect()
}

fn opened(units: &[&str]) -> BTreeSet<String> {
    let lines = units.iter().flat_map(|unit| unit.lines());
    lines.filter_map(|line| line.strip_prefix("ListenStream=")).map(str::to_owned).collect()
}

#[test]
fn the_sockets_are_the_doors() {
    for (text, units) in [(FILE, &[SOCKET][..]), (&whole(), &[SOCKET, IMDS_SOCKET])] {
        let settings = settings(text);
        assert_eq!(doors(&settings), opened(units), "{text}");
    }
}

#[test]
fn as_it_is_nobody_but_root_is_given_anything() {
    let as_it_is = settings(FILE);
    assert!(as_it_is.imds.is_none() && as_it_is.report.is_none());
    assert!(as_it_is.container.expect("the door").consumers.is_empty());
    assert!(as_it_is.process.expect("the door").allow.is_empty());
    let settings = settings(&whole());
    let given = [settings.imds.is_some(), settings.metrics.is_some(), settings.audit.is_some()];
    assert_eq!((given, settings.report.is_some()), ([true; 3], true), "the examples are looked at");
    assert_eq!(settings.container.expect("the door").consumers.len(), 1);
    assert_eq!(settings.process.expect("the door").allow.len(), 1);
}

#[test]
fn what_is_written_to_is_there_and_open_to_the_service() {
    let settings = settings(&whole());
    let token = settings.container.expect("the door").consumers.remove(0).token_file;
    let audit = settings.audit.expect("the log");
    let parent = |path: &std::path::Path| path.parent().expect("a folder").to_owned();
    for folder in [parent(&token), parent(&audit), settings.state_dir] {
        let folder = folder.display();
        assert!(FOLDERS.contains(&format!("\nd {folder} ")), "{folder} in tmpfiles.conf");
        let line = SERVICE.lines().find(|line| line.starts_with("ReadWritePaths="));
        assert!(line.expect("the line").contains(&format!("-{folder}")), "{folder} in the service");
    }
}

#[test]
fn the_agent_becomes_a_user_that_the_package_makes() {
    let file: raw::File = toml::from_str(FILE).expect("valid");
    let user = file.user.expect("a user").into_inner();
    assert!(USERS.contains(&format!("\nu {user} ")), "{user} in sysusers.conf");
}
