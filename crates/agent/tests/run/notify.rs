//! What the agent tells a service manager that waits for its word.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::host::write_private;

const CONFIGURATION: &str =
    "[[role]]\nname = \"app\"\nsource = \"instance\"\nendpoint = \"http://127.0.0.1:9\"\n";

#[test]
fn a_service_manager_is_told_when_the_agent_is_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, path) = (folder.path().join("agent.toml"), folder.path().join("notify"));
    write_private(&file, CONFIGURATION);
    let socket = UnixDatagram::bind(&path).expect("to bind");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("to set");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
    command.args(["run", "--config"]).arg(&file).env("NOTIFY_SOCKET", &path);
    let mut agent = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let told = || {
        let mut message = [0; 256];
        let length = socket.recv(&mut message).expect("a message");
        String::from_utf8(message[..length].to_vec()).expect("text")
    };
    let signal = |name: &str| {
        let sent = Command::new("kill").args(["-s", name, &agent.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    };

    assert_eq!(told(), "READY=1\n");
    // Read anew or refused: it is done either way.
    for text in [CONFIGURATION, "colour = 1\n"] {
        write_private(&file, text);
        signal("HUP");
        let message = told();
        assert!(message.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{message}");
        assert_eq!(told(), "READY=1\n", "{text}");
    }
    signal("TERM");
    assert_eq!(told(), "STOPPING=1\n");
    assert!(agent.wait().expect("it ends").success());
}
