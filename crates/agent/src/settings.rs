//! The agent's settings: one TOML file, read whole or refused whole, with the
//! line, the reason and the remedy of everything that is wrong in it. Reads
//! files; opens no socket.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotspan_credentials::assume::Assume;
use hotspan_credentials::plain_http::Endpoint;
use hotspan_credentials::sources::profile::Files;
use hotspan_credentials::sts::Place;
use hotspan_credentials::trust;

mod check;
mod raw;
#[cfg(test)]
mod shipped;

pub(crate) use check::report::key_in;
pub(crate) use check::{SOCKET, is_own_machine};
pub(crate) use trust::distrust;

/// Everything the agent is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Who the agent becomes when root starts it.
    pub(crate) user: Option<Account>,
    /// Where keys live that must outlast a restart.
    pub(crate) state_dir: PathBuf,
    /// The roles, by the name they have here.
    pub(crate) roles: BTreeMap<String, RoleSettings>,
    /// The container door.
    pub(crate) container: Option<ContainerSettings>,
    /// The door that looks like the instance metadata service.
    pub(crate) imds: Option<ImdsSettings>,
    /// The door for `credential_process`.
    pub(crate) process: Option<ProcessSettings>,
    /// Where metrics are told.
    pub(crate) metrics: Option<SocketAddr>,
    /// Where it is written down who got what.
    pub(crate) audit: Option<PathBuf>,
    /// Which server is told who asked.
    pub(crate) report: Option<ReportSettings>,
}

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// A role: where its credentials come from, and the role on top of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleSettings {
    pub(crate) source: SourceSettings,
    pub(crate) assume: Option<Assume>,
    /// Whom to ask for it, and for what a source has from there.
    pub(crate) sts: Place,
}

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceSettings {
    /// The instance metadata service.
    Instance {
        /// Where it is.
        endpoint: Endpoint,
    },
    /// A container credentials endpoint.
    Container {
        /// Where it is.
        endpoint: Endpoint,
        /// The path to ask for.
        path: String,
        /// What goes into `Authorization`.
        token_file: Option<PathBuf>,
    },
    /// A program that prints credentials.
    Process {
        /// The program and its arguments.
        command: Vec<String>,
        /// Its whole environment.
        environment: BTreeMap<String, String>,
    },
    /// A profile of AWS's files.
    Profile {
        files: Files,
        profile: String,
        /// The whole environment of a program that it names.
        environment: BTreeMap<String, String>,
    },
    /// A token of an identity provider.
    WebIdentity {
        token_file: PathBuf,
        /// The role that it is good for.
        assume: Assume,
    },
    /// Keys, which are good for assuming a role only.
    Static { credentials_file: PathBuf, profile: String },
}

/// The container door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerSettings {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) consumers: Vec<ConsumerSettings>,
}

/// Someone who asks at the container door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsumerSettings {
    pub(crate) name: String,
    pub(crate) role: String,
    /// The file that its SDK takes its token from; made if it is not there.
    pub(crate) token_file: PathBuf,
    /// Whose the file becomes; the agent's own when not given.
    pub(crate) uid: Option<u32>,
    /// Who may use the token; whoever has it, when not given.
    pub(crate) allow: Option<Vec<CallerRule>>,
}

/// Callers at a TCP door: those that are of the user and in the cgroup, as far
/// as they are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallerRule {
    pub(crate) uid: Option<u32>,
    /// A cgroup and all below it.
    pub(crate) cgroup: Option<String>,
}

/// The door that looks like the instance metadata service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImdsSettings {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) role: String,
    /// Whether requests without a token are answered.
    pub(crate) v1: bool,
    /// Whether the path exists that tells the account too.
    pub(crate) extended: bool,
    /// The IP time-to-live of answers; the system's own when not given.
    pub(crate) hop_limit: Option<u32>,
    /// Paths that are not passed through, without slashes at the ends.
    pub(crate) deny: Vec<String>,
    /// Who gets the role; all who ask, when not given.
    pub(crate) allow: Option<Vec<CallerRule>>,
}

/// The door for `credential_process`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessSettings {
    pub(crate) socket: PathBuf,
    /// The first that fits decides.
    pub(crate) allow: Vec<AllowSettings>,
}

/// Who gets a role at the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowSettings {
    pub(crate) uid: Option<u32>,
    /// A cgroup and all below it.
    pub(crate) cgroup: Option<String>,
    pub(crate) role: String,
}

/// Who is told who asked, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportSettings {
    /// Without a slash at the end.
    pub(crate) server: String,
    pub(crate) every: Duration,
    /// Where the project's key is, for a server that wants one.
    pub(crate) key_file: Option<PathBuf>,
    /// What this host is called; what the machine calls itself when not given.
    pub(crate) host: Option<String>,
}

/// Something that is wrong in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Counted from one; none when it is about the whole file.
    pub(crate) line: Option<usize>,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) remedy: String,
}

/// Why a file is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) file: PathBuf,
    pub(crate) problems: Vec<Problem>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Problem { line, what, remedy }) in self.problems.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:", self.file.display())?;
            if let Some(line) = line {
                write!(f, "{line}:")?;
            }
            write!(f, " {what}; {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

impl Settings {
    /// Reads and checks the file at `path`.
    pub(crate) fn load(path: &Path) -> Result<Self, Refusal> {
        let refuse = |problems| Refusal { file: path.to_owned(), problems };
        let problem = |what: String, remedy: &str| {
            vec![Problem { line: None, what, remedy: remedy.to_owned() }]
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            let remedy = "give the file with --config and make it readable for the agent";
            refuse(problem(format!("cannot be read: {error}"), remedy))
        })?;
        if let Some(what) = trust::distrust(path) {
            let remedy = "whoever can write it decides who gets credentials; chmod go-w and chown it to root or the agent";
            return Err(refuse(problem(what, remedy)));
        }
        Self::parse(&text).map_err(refuse)
    }

    /// Checks a text.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let raw: raw::File = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| check::line_of(text, span.start));
            vec![Problem {
                line,
                what: error.message().to_owned(),
                remedy: "see docs/agent.md for the keys there are".to_owned(),
            }]
        })?;
        check::check(text, raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "[[role]]\nname = \"app\"\nsource = \"instance\"\n";

    #[test]
    fn a_small_file_is_enough() {
        let settings = Settings::parse(&format!(
            "{ROLE}[container]\n[[container.consumer]]\nname = \"web\"\nrole = \"app\"\ntoken_file = \"/run/hotspan-agent/web.token\"\n[imds]\nrole = \"app\"\n[process]\n"
        ))
        .expect("valid");
        let container = settings.container.expect("the door");
        assert_eq!(container.listen[0].to_string(), "127.0.0.1:9911");
        assert_eq!(container.listen[1].to_string(), "[::1]:9911");
        assert!(!settings.imds.expect("the door").v1);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_remedy() {
        for (text, line, what, remedy) in [
            ("colour = 1\n", 1, "unknown field `colour`", "docs/agent.md"),
            ("[imds]\nrole = 5\n", 2, "invalid type", "docs/agent.md"),
            ("\nuser = \"nobody-of-that-name\"\n", 2, "no user \"nobody-of", "useradd"),
            ("user = \"root\"\n", 1, "may do anything", "for the agent only"),
            ("[imds]\nrole = \"app\"\n[[imds.allow]]\n", 3, "neither uid nor cgroup", "say who"),
            (
                "[imds]\nrole = \"app\"\n[[imds.allow]]\ncgroup = \"web.service\"\n",
                4,
                "cgroup \"web.service\"",
                "/system.slice/web.service",
            ),
            (
                "[container]\n[[container.consumer]]\nname = \"web\"\nrole = \"app\"\ntoken_file = \"/run/a\"\nallow = [{ uid = 1 }, {}]\n",
                6,
                "neither uid nor cgroup",
                "say who",
            ),
            ("[imds]\nrole = \"app\"\n", 2, "role \"app\" is not", "[[role]]"),
            ("[[role]]\nname = \"a/b\"\nsource = \"instance\"\n", 2, "\"a/b\"", "1 to 64 letters"),
            ("[[role]]\nname = \"app\"\nsource = \"sso\"\n", 3, "\"sso\"", "export-credentials"),
            (
                "[[role]]\nname = \"app\"\nsource = \"instance\"\nendpoint = \"http://10.0.0.1\"\n",
                4,
                "10.0.0.1",
                "http://169.254.169.254",
            ),
            (
                "[[role]]\nname = \"app\"\nsource = \"instance\"\ncommand = [\"/bin/true\"]\n",
                4,
                "command",
                "remove it",
            ),
            ("[[role]]\nname = \"app\"\nsource = \"process\"\n", 3, "no command", "command = ["),
            (
                "[[role]]\nname = \"app\"\nsource = \"process\"\ncommand = [\"true\"]\n",
                4,
                "\"true\"",
                "whole path",
            ),
            (
                "[imds]\nlisten = [\"0.0.0.0:80\"]\nrole = \"app\"\n[[role]]\nname = \"app\"\nsource = \"instance\"\n",
                2,
                "0.0.0.0:80",
                "127.0.0.1",
            ),
            (
                "[metrics]\nlisten = \"127.0.0.1:9912\"\n[imds]\nrole = \"app\"\n[[role]]\nname = \"app\"\nsource = \"instance\"\n",
                2,
                "127.0.0.1:9912",
                "another port",
            ),
            (
                "[imds]\nrole = \"app\"\n[[role]]\nname = \"app\"\nsource = \"instance\"\nendpoint = \"http://127.0.0.1:9912\"\n",
                6,
                "own door",
                "where credentials come from",
            ),
            (
                "[imds]\nrole = \"app\"\nhop_limit = 65\n[[role]]\nname = \"app\"\nsource = \"instance\"\n",
                3,
                "hop_limit",
                "1 to 64",
            ),
            (
                "[imds]\nrole = \"app\"\n[[role]]\nname = \"app\"\nsource = \"instance\"\n[[role]]\nname = \"app\"\nsource = \"instance\"\n",
                7,
                "twice",
                "another name",
            ),
            (
                "[process]\n[[process.allow]]\nrole = \"app\"\n[[role]]\nname = \"app\"\nsource = \"instance\"\n",
                3,
                "neither uid nor cgroup",
                "say who",
            ),
            ("[report]\nserver = \"http://10.0.0.1:4318\"\n", 2, "anyone on the way", "https://"),
            (
                "[report]\nserver = \"http://hotspan.internal\"\n",
                2,
                "anyone on the way",
                "https://",
            ),
            (
                "[report]\nserver = \"ftp://127.0.0.1\"\n",
                2,
                "ftp://127.0.0.1",
                "http://127.0.0.1:4318",
            ),
            ("[report]\nserver = \"https://key@hotspan\"\n", 2, "a password in it", "key_file"),
            ("[report]\nserver = \"https://hotspan/?key=1\"\n", 2, "is not", "key_file"),
            (
                "[metrics]\nlisten = \"127.0.0.1:4318\"\n[report]\nserver = \"http://127.0.0.1:4318\"\n",
                4,
                "own door",
                "Hotspan",
            ),
            (
                "[report]\nserver = \"https://hotspan\"\nevery = \"9s\"\n",
                3,
                "every \"9s\"",
                "10s to 10m",
            ),
            (
                "[report]\nserver = \"https://hotspan\"\nevery = \"soon\"\n",
                3,
                "\"soon\"",
                "10s to 10m",
            ),
            (
                "[report]\nserver = \"https://hotspan\"\nkey_file = \"key\"\n",
                3,
                "key is not a whole path",
                "begin it with /",
            ),
            (
                "[report]\nserver = \"https://hotspan\"\nkey_file = \"/nowhere/key\"\n",
                3,
                "/nowhere/key cannot be used",
                "readable for the agent",
            ),
            ("[report]\nserver = \"https://hotspan\"\nhost = \"\"\n", 3, "host \"\"", "1 to 255"),
        ] {
            let problems = Settings::parse(text).expect_err(text);
            let found = problems.iter().any(|problem| {
                problem.line == Some(line)
                    && problem.what.contains(what)
                    && problem.remedy.contains(remedy)
            });
            assert!(found, "{text}: {problems:?}");
        }
    }

    #[test]
    fn whom_reports_may_go_to() {
        for (server, kept) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318"),
            ("http://[::1]:4318/", "http://[::1]:4318"),
            ("http://localhost:4318", "http://localhost:4318"),
            ("https://hotspan.example/otlp/", "https://hotspan.example/otlp"),
        ] {
            let text = format!("[report]\nserver = \"{server}\"\n");
            let report = Settings::parse(&text).expect(server).report.expect("there");
            assert_eq!((report.server.as_str(), report.every.as_secs()), (kept, 60));
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let text =
            "[[role]]\nname = \"a b\"\nsource = \"static\"\n[metrics]\nlisten = \"1.2.3.4:1\"\n";
        let problems = Settings::parse(text).expect_err("refused");
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
