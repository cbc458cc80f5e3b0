//! The SDKs that are tried, how each is started, and which doors each can use.
//! `docs/agent.md` says the same, and the matrix fails when it does not.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use crate::step;

/// A way into the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Container,
    Imds,
    Process,
}

pub(super) const DOORS: [Door; 3] = [Door::Container, Door::Imds, Door::Process];

impl Door {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Imds => "imds",
            Self::Process => "process",
        }
    }
}

/// Whether an SDK can use a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    Yes,
    /// It ignores the port of an endpoint.
    OnPort80,
    /// Why not.
    No(&'static str),
}

impl Support {
    /// As the documentation words it.
    fn words(self) -> String {
        match self {
            Self::Yes => "yes".to_owned(),
            Self::OnPort80 => "on port 80 only".to_owned(),
            Self::No(why) => format!("no: {why}"),
        }
    }
}

/// How its program is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Ruby,
    Python,
    Node,
    Go,
    Java,
    Rust,
    /// A process each time, so that there is no client to share.
    Cli,
}

pub(super) struct Sdk {
    pub(super) name: &'static str,
    pub(super) start: Start,
    /// Whether the metadata endpoint ends with a slash.
    pub(super) slash: bool,
    /// In the order of [`DOORS`].
    doors: [Support; 3],
    /// The doors to recommend, of which outages are tried.
    pub(super) best: &'static [Door],
}

const ALL: [Support; 3] = [Support::Yes; 3];

pub(super) const SDKS: [Sdk; 7] = [
    Sdk {
        name: "Ruby before 3.171",
        start: Start::Ruby,
        slash: true,
        doors: [
            Support::No("it knows no `FULL_URI`; use process"),
            Support::OnPort80,
            Support::Yes,
        ],
        best: &[Door::Process],
    },
    Sdk {
        name: "Python (boto3)",
        start: Start::Python,
        slash: true,
        doors: ALL,
        best: &[Door::Container, Door::Imds],
    },
    Sdk {
        name: "JavaScript v3",
        start: Start::Node,
        slash: true,
        doors: ALL,
        best: &[Door::Container, Door::Imds],
    },
    Sdk { name: "AWS CLI", start: Start::Cli, slash: true, doors: ALL, best: &[] },
    Sdk { name: "Rust", start: Start::Rust, slash: true, doors: ALL, best: &[Door::Container] },
    Sdk { name: "Go v2", start: Start::Go, slash: true, doors: ALL, best: &[Door::Container] },
    Sdk { name: "Java v2", start: Start::Java, slash: false, doors: ALL, best: &[Door::Container] },
];

impl Sdk {
    pub(super) fn support(&self, door: Door) -> Support {
        let at = DOORS.iter().position(|one| *one == door).unwrap_or_default();
        self.doors[at]
    }

    /// Its line in `docs/agent.md`.
    pub(super) fn documented(&self) -> String {
        let [container, imds, process] = self.doors.map(Support::words);
        format!("| {} | {container} | {imds} | {process} |", self.name)
    }
}

/// Where what was installed is.
pub(super) struct Installed {
    /// `crates/agent/tests/sdks`.
    pub(super) programs: PathBuf,
    /// The folder of the built binaries.
    pub(super) binaries: PathBuf,
    pub(super) venv: Option<PathBuf>,
    pub(super) node: Option<PathBuf>,
    pub(super) go: Option<PathBuf>,
    pub(super) java: Option<PathBuf>,
}

impl Installed {
    /// Why an SDK cannot be tried here.
    pub(super) fn lack(&self, start: Start) -> Option<String> {
        let mut check = match start {
            Start::Ruby => with("ruby", ["-e", "require 'aws-sdk-core'"]),
            Start::Python => {
                let venv = self.venv.clone().unwrap_or_default();
                with(venv.join("bin/python3"), ["-c", "import boto3"])
            }
            Start::Node => with("node", ["--version"]),
            Start::Java => with("java", ["-version"]),
            Start::Cli => with("aws", ["--version"]),
            Start::Go | Start::Rust => Command::new("true"),
        };
        match self.program(start) {
            Err(why) => Some(why),
            Ok(_) if step::succeeds(&mut check) => None,
            Ok(_) => Some(format!("{check:?} fails")),
        }
    }

    /// The program of an SDK, or why there is none here.
    pub(super) fn program(&self, start: Start) -> Result<Command, String> {
        let source = |name| self.programs.join(name);
        let mut command = match start {
            Start::Ruby => with("ruby", [source("app.rb")]),
            Start::Python => {
                let venv = self.venv.as_ref().ok_or("boto3 is not installed")?;
                with(venv.join("bin/python3"), [source("app.py")])
            }
            Start::Node => {
                let node = self.node.as_ref().ok_or("its packages are not installed")?;
                let mut command = with("node", [source("app.cjs")]);
                command.current_dir(node);
                command
            }
            Start::Go => Command::new(self.go.as_ref().ok_or("it was not built")?),
            Start::Java => {
                let java = self.java.as_ref().ok_or("it was not built")?;
                let path = format!("{0}/classes:{0}/dependency/*", java.join("target").display());
                with("java", ["-cp", &path, "App"])
            }
            Start::Rust => {
                let program = self.binaries.join("examples/sdk");
                if !program.is_file() {
                    return Err(format!("{} was not built", program.display()));
                }
                Command::new(program)
            }
            Start::Cli => with("aws", ["configure", "list"]),
        };
        command.env_clear().env("AWS_REGION", "eu-central-1");
        for name in ["PATH", "PYENV_ROOT", "PYENV_VERSION"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        // Without it pyenv looks for its versions in a home that is not its own.
        if let (None, Some(home)) = (std::env::var_os("PYENV_ROOT"), std::env::var_os("HOME")) {
            command.env("PYENV_ROOT", PathBuf::from(home).join(".pyenv"));
        }
        Ok(command)
    }
}

fn with(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}
