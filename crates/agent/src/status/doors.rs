//! The doors there are: what to set at an SDK to use each, and which SDKs cannot
//! and where they go instead. `docs/agent.md` and the matrix of SDKs say the same.

use serde::{Deserialize, Serialize};

use crate::settings::{ContainerSettings, ImdsSettings, ProcessSettings, Settings};

/// A door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DoorStatus {
    /// `container`, `imds` or `process`.
    pub(crate) door: String,
    /// Lines for the environment or the profile of an application.
    pub(crate) set: Vec<String>,
    /// Who cannot use it, and what they use.
    pub(crate) not_for: Vec<String>,
}

/// Those that the settings open.
pub(crate) fn of(settings: &Settings) -> Vec<DoorStatus> {
    let container = settings.container.as_ref().map(container);
    let imds = settings.imds.as_ref().map(imds);
    let process = settings.process.as_ref().map(process);
    [container, imds, process].into_iter().flatten().collect()
}

fn container(door: &ContainerSettings) -> DoorStatus {
    let addresses = door.listen.first().into_iter();
    let endpoint =
        addresses.map(|at| format!("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://{at}/credentials"));
    let tokens = door.consumers.iter().map(|consumer| {
        let file = consumer.token_file.display();
        format!("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={file} (consumer {})", consumer.name)
    });
    DoorStatus {
        door: "container".to_owned(),
        set: endpoint.chain(tokens).collect(),
        not_for: vec!["Ruby before 3.171 knows no FULL_URI: use the process door".to_owned()],
    }
}

fn imds(door: &ImdsSettings) -> DoorStatus {
    let mut set = Vec::new();
    let mut not_for = Vec::new();
    if let Some(at) = door.listen.first() {
        set.push(format!("AWS_EC2_METADATA_SERVICE_ENDPOINT=http://{at}/"));
        set.push("without the slash at the end for Java and C++".to_owned());
        if at.port() != 80 {
            let says = "Ruby before 3.191.5 ignores the port: use the process door, or port 80";
            not_for.push(says.to_owned());
        }
    }
    DoorStatus { door: "imds".to_owned(), set, not_for }
}

fn process(door: &ProcessSettings) -> DoorStatus {
    let socket = door.socket.display();
    DoorStatus {
        door: "process".to_owned(),
        set: vec![format!(
            "credential_process = hotspan-agent credentials --socket {socket} --role ROLE (in a profile)"
        )],
        not_for: Vec::new(),
    }
}

/// For people.
pub(super) fn table(doors: &[DoorStatus], mut line: impl FnMut(String)) {
    if doors.is_empty() {
        return;
    }
    line(String::new());
    line(format!("{:<10} SET UP", "DOOR"));
    for DoorStatus { door, set, not_for } in doors {
        let said =
            set.iter().cloned().chain(not_for.iter().map(|who| format!("not for all: {who}")));
        for (at, said) in said.enumerate() {
            let name = if at == 0 { door.as_str() } else { "" };
            line(format!("{name:<10} {said}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn what_to_set() {
        let text = "[[role]]\nname = \"app\"\nsource = \"instance\"\n\
                    [container]\n[[container.consumer]]\nname = \"web\"\nrole = \"app\"\n\
                    token_file = \"/run/hotspan-agent/web.token\"\n\
                    [imds]\nrole = \"app\"\n[process]\n";
        let settings = Settings::parse(text).expect("valid");
        let mut said = String::new();
        table(&of(&settings), |line| {
            said.push_str(&line);
            said.push('\n');
        });
        expect![[r#"

            DOOR       SET UP
            container  AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:9911/credentials
                       AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/run/hotspan-agent/web.token (consumer web)
                       not for all: Ruby before 3.171 knows no FULL_URI: use the process door
            imds       AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9912/
                       without the slash at the end for Java and C++
                       not for all: Ruby before 3.191.5 ignores the port: use the process door, or port 80
            process    credential_process = hotspan-agent credentials --socket /run/hotspan-agent/agent.sock --role ROLE (in a profile)
        "#]]
        .assert_eq(&said);
    }
}
