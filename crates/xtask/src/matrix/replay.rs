//! SDKs that cannot be installed here: the requests that their sources make,
//! sent as they are. Printed as what it is, not as a trial of the SDK.

use super::host::{Host, Plan};
use super::sdks::{Door, Installed};

const LIST: &str = "latest/meta-data/iam/security-credentials";

/// What a version sends: method and path, then its headers. `SESSION` is the
/// answer to the `PUT`, `TOKEN` the consumer's.
struct Replay {
    sdk: &'static str,
    door: Door,
    requests: &'static [(&'static str, &'static str)],
}

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds: 21600";
const SESSION: &str = "x-aws-ec2-metadata-token: SESSION";

const REPLAYS: [Replay; 7] = [
    Replay {
        sdk: "Ruby 3.211",
        door: Door::Container,
        requests: &[(
            "GET /credentials",
            "Accept: */*\r\nAccept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\n\
             User-Agent: aws-sdk-ruby3/3.211.0\r\nAuthorization: TOKEN",
        )],
    },
    Replay {
        sdk: "Ruby 3.211",
        door: Door::Imds,
        requests: &[
            ("PUT /latest/api/token", TTL),
            ("GET /LIST/", SESSION),
            ("GET /LIST/app-role", SESSION),
        ],
    },
    Replay {
        sdk: "PHP 3",
        door: Door::Container,
        requests: &[("GET /credentials", "User-Agent: aws-sdk-php/3\r\nAuthorization: TOKEN")],
    },
    Replay {
        sdk: "PHP 3",
        door: Door::Imds,
        requests: &[
            ("PUT /latest/api/token", TTL),
            ("GET /LIST/", SESSION),
            ("GET /LIST/app-role", SESSION),
        ],
    },
    Replay {
        sdk: ".NET v4",
        door: Door::Imds,
        requests: &[
            ("PUT /latest/api/token", TTL),
            ("GET /latest/meta-data/iam/info", SESSION),
            ("GET /LIST/", SESSION),
            ("GET /LIST/app-role", SESSION),
        ],
    },
    // It joins an endpoint that ends with a slash to paths that begin with one.
    Replay {
        sdk: "C++",
        door: Door::Imds,
        requests: &[
            ("PUT //latest/api/token", TTL),
            ("GET //LIST", SESSION),
            ("GET //LIST/app-role", SESSION),
            ("GET //latest/meta-data/placement/availability-zone", SESSION),
        ],
    },
    // It asks whether there is a service before it asks for anything.
    Replay {
        sdk: "Go v1",
        door: Door::Imds,
        requests: &[
            ("PUT /latest/api/token", TTL),
            ("GET /latest/meta-data/instance-id", SESSION),
            ("GET /LIST/", SESSION),
            ("GET /LIST/app-role", SESSION),
        ],
    },
];

/// Prints a line each and returns what is not as it should be.
pub(super) fn run(installed: &Installed) -> anyhow::Result<Vec<String>> {
    let binary = installed.binaries.join("hotspan-agent");
    let plan = Plan { binary: &binary, has_agent: true, life: "6h", port_80: None };
    let host = Host::start(&plan)?;
    let mut wrong = Vec::new();
    for replay in &REPLAYS {
        let refused = refusal(&host, replay)?;
        let answered = if refused.is_none() { "answered" } else { "refused" };
        let door = replay.door.name();
        println!("{:<20} {door:<10} not run with the SDK, its requests are {answered}", replay.sdk);
        wrong.extend(refused.map(|why| format!("{}, {door}, replayed: {why}", replay.sdk)));
    }
    Ok(wrong)
}

/// Why a sequence of requests does not end with credentials.
fn refusal(host: &Host, replay: &Replay) -> anyhow::Result<Option<String>> {
    let mut session = String::new();
    let mut had_credentials = false;
    for (asked, headers) in replay.requests {
        let asked = asked.replace("LIST", LIST);
        let headers = headers.replace("SESSION", &session);
        let request = format!("{asked} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}");
        let (status, body) = host.ask(replay.door, &request)?;
        if status != 200 {
            return Ok(Some(format!("{status} to {asked}")));
        }
        if asked.starts_with("PUT") {
            session.clone_from(&body);
        }
        had_credentials |= body.contains("\"SecretAccessKey\"");
    }
    Ok((!had_credentials).then(|| "no credentials".to_owned()))
}
