//! From what is written to what is meant: each value, and whether they fit
//! together. Collects every problem rather than stopping at the first.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use hotspan_credentials::plain_http::Endpoint;
use hotspan_credentials::sources::instance::is_role;
use toml::Spanned;

use super::{
    AllowSettings, ConsumerSettings, ContainerSettings, ImdsSettings, Problem, ProcessSettings,
    Settings, raw,
};

mod assume;
mod caller;
pub(super) mod report;
mod role;
mod sources;

const STATE_DIR: &str = "/var/lib/hotspan-agent";
const CONTAINER_LISTEN: [&str; 2] = ["127.0.0.1:9911", "[::1]:9911"];
const IMDS_LISTEN: [&str; 2] = ["127.0.0.1:9912", "[::1]:9912"];
/// Where clients look when they are told nothing else.
pub(crate) const SOCKET: &str = "/run/hotspan-agent/agent.sock";

/// A text, its problems so far, and the addresses that are taken.
pub(super) struct Checker<'a> {
    text: &'a str,
    problems: Vec<Problem>,
    doors: Vec<SocketAddr>,
}

pub(super) fn check(text: &str, raw: raw::File) -> Result<Settings, Vec<Problem>> {
    let mut checker = Checker { text, problems: Vec::new(), doors: Vec::new() };
    let names: Vec<String> = raw.role.iter().map(|role| role.name.get_ref().clone()).collect();
    let user = raw.user.and_then(|user| checker.account(&user));
    let container = raw.container.map(|raw| checker.container(raw, &names));
    let imds = raw.imds.map(|raw| checker.imds(raw, &names));
    let process = raw.process.map(|raw| checker.process(raw, &names));
    let metrics = raw.metrics.and_then(|raw| checker.address(&raw.listen, raw.listen.get_ref()));
    let report = raw.report.and_then(|raw| checker.report(raw));
    let mut roles = BTreeMap::new();
    for raw in raw.role {
        checker.add_role(raw, &mut roles);
    }
    if !checker.problems.is_empty() {
        return Err(checker.problems);
    }
    Ok(Settings {
        user,
        state_dir: raw.state_dir.unwrap_or_else(|| PathBuf::from(STATE_DIR)),
        roles,
        container,
        imds,
        process,
        metrics,
        audit: raw.audit.map(|raw| raw.file),
        report,
    })
}

impl Checker<'_> {
    fn container(&mut self, raw: raw::Container, roles: &[String]) -> ContainerSettings {
        let listen = self.listen(raw.listen, &CONTAINER_LISTEN);
        let mut consumers: Vec<ConsumerSettings> = Vec::new();
        for consumer in raw.consumer {
            self.known(&consumer.role, roles);
            self.whole_path(&consumer.token_file);
            let name = consumer.name.get_ref();
            if !is_role(name) {
                self.refuse(&consumer.name, format!("consumer name {name:?} cannot be used"), NAME);
            }
            for other in &consumers {
                if other.name == *name {
                    let what = format!("consumer {name:?} is there twice");
                    self.refuse(&consumer.name, what, "give it another name");
                }
                if other.token_file == *consumer.token_file.get_ref() {
                    let what = "two consumers have one token file".to_owned();
                    self.refuse(&consumer.token_file, what, "give each its own");
                }
            }
            consumers.push(ConsumerSettings {
                name: consumer.name.into_inner(),
                role: consumer.role.into_inner(),
                token_file: consumer.token_file.into_inner(),
                uid: consumer.uid,
                allow: self.callers(consumer.allow),
            });
        }
        ContainerSettings { listen, consumers }
    }

    fn imds(&mut self, raw: raw::Imds, roles: &[String]) -> ImdsSettings {
        let listen = self.listen(raw.listen, &IMDS_LISTEN);
        self.known(&raw.role, roles);
        if let Some(hops) = raw.hop_limit.as_ref().filter(|hops| !(1..=64).contains(hops.get_ref()))
        {
            let what = format!("hop_limit {} is out of range", hops.get_ref());
            self.refuse(hops, what, "use 1 to 64");
        }
        let trimmed = raw.deny.iter().map(|path| path.trim_matches('/').to_owned());
        ImdsSettings {
            listen,
            role: raw.role.into_inner(),
            v1: raw.v1,
            extended: raw.extended,
            hop_limit: raw.hop_limit.map(Spanned::into_inner),
            deny: trimmed.filter(|path| !path.is_empty()).collect(),
            allow: self.callers(raw.allow),
        }
    }

    fn process(&mut self, raw: raw::Process, roles: &[String]) -> ProcessSettings {
        let mut allow = Vec::new();
        for rule in raw.allow {
            self.known(&rule.role, roles);
            if rule.uid.is_none() && rule.cgroup.is_none() {
                let what = "the rule has neither uid nor cgroup".to_owned();
                self.refuse(&rule.role, what, "say who gets the role");
            }
            self.cgroup(rule.cgroup.as_ref());
            allow.push(AllowSettings {
                uid: rule.uid,
                cgroup: rule.cgroup.map(Spanned::into_inner),
                role: rule.role.into_inner(),
            });
        }
        ProcessSettings { socket: raw.socket.unwrap_or_else(|| PathBuf::from(SOCKET)), allow }
    }

    fn listen(&mut self, raw: Option<Spanned<Vec<String>>>, usual: &[&str]) -> Vec<SocketAddr> {
        let Some(raw) = raw else {
            let usual: Vec<_> = usual.iter().filter_map(|text| text.parse().ok()).collect();
            self.doors.extend(&usual);
            return usual;
        };
        let addresses: Vec<_> =
            raw.get_ref().iter().filter_map(|text| self.address(&raw, text)).collect();
        if raw.get_ref().is_empty() {
            self.refuse(
                &raw,
                "there is no address to listen on".to_owned(),
                "name one, or leave listen out",
            );
        }
        addresses
    }

    /// An address that only this machine reaches and no other door has.
    fn address<T>(&mut self, place: &Spanned<T>, text: &str) -> Option<SocketAddr> {
        let Ok(address) = text.parse::<SocketAddr>() else {
            let what = format!("{text:?} is not an address with a port");
            self.refuse(place, what, "write 127.0.0.1:9911 or [::1]:9911");
            return None;
        };
        if !is_own_machine(address.ip()) {
            let what = format!("{text} can be reached by other machines");
            self.refuse(
                place,
                what,
                "use 127.0.0.1, [::1] or a metadata address such as 169.254.169.254",
            );
            return None;
        }
        if address.port() != 0 && self.doors.contains(&address) {
            let what = format!("{text} is another door's address");
            self.refuse(place, what, "give this one another port");
            return None;
        }
        self.doors.push(address);
        Some(address)
    }

    /// Credentials that come from an own door would be asked for for ever.
    fn upstream(&mut self, raw: &Spanned<String>, remedy: &str) -> Option<Endpoint> {
        match raw.get_ref().parse::<Endpoint>() {
            Ok(endpoint) if self.doors.contains(&endpoint.address()) => {
                let what = format!("{} is an own door", endpoint.address());
                self.refuse(raw, what, "name the service where credentials come from");
                None
            }
            Ok(endpoint) => Some(endpoint),
            Err(error) => {
                self.refuse(raw, error.to_string(), remedy);
                None
            }
        }
    }

    fn known(&mut self, role: &Spanned<String>, roles: &[String]) {
        if !roles.contains(role.get_ref()) {
            let what = format!("role {:?} is not one of the roles", role.get_ref());
            self.refuse(role, what, "add it as [[role]] or name another");
        }
    }

    fn whole_path(&mut self, path: &Spanned<PathBuf>) {
        if !path.get_ref().is_absolute() {
            let what = format!("{} is not a whole path", path.get_ref().display());
            self.refuse(path, what, "begin it with /");
        }
    }

    fn distrusted(&mut self, place: &Spanned<Vec<String>>, path: &Path) {
        if let Some(what) = super::trust::distrust(path) {
            let what = format!("{} {what}", path.display());
            self.refuse(place, what, "whoever can write it decides what the agent runs; chmod go-w and chown it to root or the agent");
        }
    }

    fn refuse<T>(&mut self, place: &Spanned<T>, what: String, remedy: &str) {
        self.refuse_at(place.span().start, what, remedy);
    }

    fn refuse_at(&mut self, start: usize, what: String, remedy: &str) {
        let line = Some(line_of(self.text, start));
        self.problems.push(Problem { line, what, remedy: remedy.to_owned() });
    }
}

const NAME: &str = "use 1 to 64 letters, digits or any of +=,.@_-";

/// The line that holds the byte at `start`, counted from one.
pub(super) fn line_of(text: &str, start: usize) -> usize {
    text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1
}

/// Loopback, and the addresses of metadata services, which a machine gives
/// itself to serve them.
pub(crate) fn is_own_machine(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let metadata = [[169, 254, 169, 254], [169, 254, 170, 2], [169, 254, 170, 23]];
            v4.is_loopback() || metadata.contains(&v4.octets())
        }
        IpAddr::V6(v6) => {
            let metadata = [0xfd00, 0xec2, 0, 0, 0, 0, 0];
            let last = v6.segments()[7];
            v6.is_loopback() || (v6.segments()[..7] == metadata && matches!(last, 0x254 | 0x23))
        }
    }
}
