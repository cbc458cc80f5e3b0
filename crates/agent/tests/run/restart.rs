//! What outlasts the agent's end, and what a new configuration changes.

use crate::host::{Host, write_private};

const LIST: &str = "/latest/meta-data/iam/security-credentials/";

#[test]
fn tokens_and_sessions_outlast_a_crash() {
    let mut host = Host::start().ready();
    let (token, session) = (host.token(), host.session());
    host.crash_agent();
    let host = host.ready();
    assert_eq!(host.token(), token);
    assert_eq!(host.container().status, 200);
    assert_eq!(host.metadata(LIST, &session).status, 200);
    assert!(host.command(&["credentials"]).status.success(), "the socket is taken over");
}

#[test]
fn a_crash_while_upstream_is_down() {
    let mut host = Host::start().ready();
    let session = host.session();
    host.upstream = None;
    host.crash_agent();
    assert_eq!(host.metadata(LIST, &session).status, 503);
    host.replace_upstream(&[]);
    let host = host.ready();
    assert_eq!(host.metadata(LIST, &session).status, 200);
}

#[test]
fn a_new_configuration_is_put_in_force_or_refused_whole() {
    let host = Host::start().ready();
    let file = host.file("agent.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    let folder = host.folder.path().display();
    let more = format!(
        "{text}\n[[container.consumer]]\nname = \"batch\"\nrole = \"app\"\ntoken_file = \"{folder}/batch.token\"\n"
    );

    for (wrong, said) in [
        (format!("colour = 1\n{text}"), "unknown field `colour`"),
        (
            text.replace("role = \"app\"\ndeny", "role = \"gone\"\ndeny"),
            "role \"gone\" is not one of the roles",
        ),
        (text.replacen("127.0.0.1:0", "127.0.0.1:9", 1), "changes with a restart only"),
        (more.replace("batch.token", "nowhere/batch.token"), "cannot be made"),
    ] {
        write_private(&file, &wrong);
        host.agent.signal("HUP");
        host_log_says(&host, said);
        assert_eq!(host.container().status, 200, "{said}");
    }

    write_private(&file, &more);
    host.agent.signal("HUP");
    host_log_says(&host, "the configuration was read anew");
    let token = std::fs::read_to_string(host.file("batch.token")).expect("made");
    let request = format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}");
    assert_eq!(host.raw("container", &request).status, 200);
    assert_eq!(host.container().status, 200, "the others go on");
    assert_eq!(host.fetches(), 1, "so does the role");

    write_private(&file, &text);
    std::fs::remove_file(host.file("web.token")).expect("there");
    host.agent.signal("HUP");
    host.wait_for_log("the configuration was read anew", 2);
    assert_eq!(host.raw("container", &request).status, 401, "no longer a consumer");
    assert_eq!(host.container().status, 200, "with the new token");
}

fn host_log_says(host: &Host, text: &str) {
    host.wait_for_log(text, 1);
}
