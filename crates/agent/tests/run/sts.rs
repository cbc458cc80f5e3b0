//! Roles that come from STS: what the agent asks it, what it makes of the
//! answers, and that nothing inherited has a say in it.

use std::os::unix::fs::PermissionsExt;

use crate::host::{KEY_ID, SECRETS, upstream};

mod bench;
mod fake;

use bench::{Bench, WEB_TOKEN};
use fake::{AHEAD_SECONDS, EXPIRATION_SERVED, FakeSts, ISSUED, Mood};

const PROFILE: &str =
    "source = \"profile\"\nconfig_file = \"FOLDER/config\"\nsts_endpoint = \"STS\"\n";
const STATIC: &str = "source = \"static\"\ncredentials_file = \"FOLDER/credentials\"\nregion = \"eu-central-1\"\nsts_endpoint = \"STS\"\n";
const WEB: &str = "source = \"web-identity\"\nrole_arn = \"arn:aws:iam::123456789012:role/app\"\ntoken_file = \"FOLDER/token\"\nregion = \"eu-central-1\"\nsts_endpoint = \"STS\"\n";
const ASSUME: &str = "[role.assume]\nrole_arn = \"arn:aws:iam::123456789012:role/top\"\n";

/// Each request in a line: action, role, session, seconds, external id, tags,
/// and who signed it for which region.
fn told(sts: &FakeSts) -> Vec<String> {
    let line = |asked: &fake::Asked| {
        let signer = asked.headers.get("authorization").map_or("nobody", |header| {
            header
                .split("Credential=")
                .nth(1)
                .and_then(|rest| rest.split("/sts/").next())
                .unwrap_or("?")
        });
        // Without the day, which is the test's.
        let mut signer: Vec<_> = signer.split('/').collect();
        if signer.len() == 3 {
            signer.remove(1);
        }
        let role = asked.get("RoleArn").rsplit('/').next().unwrap_or_default().to_owned();
        let tag = |n: u8| {
            asked.get(&format!("Tags.member.{n}.Key")).to_owned()
                + asked.get(&format!("Tags.member.{n}.Value"))
        };
        format!(
            "{} {role} {} {} {}|{}{}|{}",
            asked.get("Action"),
            asked.get("RoleSessionName"),
            asked.get("DurationSeconds"),
            asked.get("ExternalId"),
            tag(1),
            tag(2),
            signer.join("/"),
        )
    };
    sts.asked().iter().map(line).collect()
}

#[test]
fn what_sts_is_told() {
    for (lines, expected) in [
        (
            format!("{PROFILE}profile = \"one\"\nregion = \"eu-central-1\"\n"),
            &["AssumeRole one first 7200 ||AKIALASTING000000001/eu-central-1"][..],
        ),
        // The region is the profile's own, the second role is asked for with the first.
        (
            format!("{PROFILE}profile = \"two\"\n"),
            &[
                "AssumeRole one first 7200 ||AKIALASTING000000001/eu-west-1",
                "AssumeRole two hotspan-agent 3600 x/1||ASIAISSUED0000000001/eu-west-1",
            ],
        ),
        (
            format!("{PROFILE}profile = \"web\"\nregion = \"eu-central-1\"\n"),
            &["AssumeRoleWithWebIdentity web hotspan-agent 3600 ||nobody"],
        ),
        (
            format!("{PROFILE}profile = \"program\"\nregion = \"eu-central-1\"\n{ASSUME}"),
            &["AssumeRole top hotspan-agent 3600 ||ASIAPROGRAM00000AB12/eu-central-1"],
        ),
        (
            format!("{WEB}session_name = \"me\"\n"),
            &["AssumeRoleWithWebIdentity app me 3600 ||nobody"],
        ),
        (
            format!("{WEB}{ASSUME}"),
            &[
                "AssumeRoleWithWebIdentity app hotspan-agent 3600 ||nobody",
                "AssumeRole top hotspan-agent 3600 ||ASIAISSUED0000000001/eu-central-1",
            ],
        ),
        (
            format!(
                "{STATIC}{ASSUME}session_name = \"me@host\"\nduration = \"15m\"\nallow_short = true\nexternal_id = \"a:b/c\"\ntags = {{ team = \"payments + more\", \"Größe\" = \"1\" }}\n"
            ),
            &[
                "AssumeRole top me@host 900 a:b/c|Größe1teampayments + more|AKIALASTING000000001/eu-central-1",
            ],
        ),
        (
            format!("{STATIC}{ASSUME}duration = \"12h\"\n"),
            &["AssumeRole top hotspan-agent 43200 ||AKIALASTING000000001/eu-central-1"],
        ),
    ] {
        let bench = Bench::new();
        bench.configure(&lines);
        let output = bench.dry_run();
        assert_eq!(told(&bench.sts), expected, "{lines}: {output:?}");
        let last = format!("role app: credentials …{:04}", expected.len());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains(&last), "{lines}: {said}");
        for asked in bench.sts.asked() {
            let is_web = asked.get("Action") == "AssumeRoleWithWebIdentity";
            let token = if is_web { WEB_TOKEN } else { "" };
            assert_eq!(asked.get("WebIdentityToken"), token, "{lines}");
        }
        bench.is_silent(&output);
    }
}

#[test]
fn a_profile_with_a_program_needs_no_sts() {
    let bench = Bench::new();
    bench.configure(&format!("{PROFILE}profile = \"program\"\n"));
    let output = bench.dry_run();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("role app: credentials …AB12"), "{output:?}");
    assert_eq!(told(&bench.sts), Vec::<String>::new());
    bench.is_silent(&output);
}

#[test]
fn the_end_is_served_as_it_is_and_the_last_good_go_on() {
    let bench = Bench::new();
    let service = upstream("127.0.0.1:0", &bench.file("upstream.jsonl"), &[]);
    bench.configure(&format!(
        "source = \"instance\"\nendpoint = \"http://{}\"\nregion = \"eu-central-1\"\nsts_endpoint = \"STS\"\n{ASSUME}",
        service.address("imds")
    ));
    let agent = bench.start();
    bench.wait_for("good", |role| role["standing"] == "good");
    assert_eq!(
        told(&bench.sts),
        [format!("AssumeRole top hotspan-agent 3600 ||{KEY_ID}/eu-central-1")]
    );
    let asked = bench.sts.asked();
    let token = asked[0].headers.get("x-amz-security-token").map(String::as_str);
    assert!(token.is_some_and(|token| token.starts_with(SECRETS[1])), "the instance's session");
    let before = credentials(&bench);
    assert_eq!(before["Expiration"], EXPIRATION_SERVED);
    assert_eq!(before["AccountId"], "210987654321");
    assert_eq!(before["SecretAccessKey"], ISSUED[0]);
    let skew = bench.status()["clock_skew_seconds"].as_i64().expect("a skew");
    assert!((skew + AHEAD_SECONDS).abs() < 600, "told by its Date: {skew}");
    assert!(signed(&asked[0]) < in_an_hour(), "signed by the machine's clock");

    bench.sts.set(Mood::Refuses(403, "AccessDenied"));
    bench.command(&["refresh"]);
    bench.wait_for("refused", |role| role["standing"] == "failing");
    let reason = bench.status()["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("AccessDenied (status 403)"), "{reason}");
    assert_eq!(credentials(&bench), before, "unchanged");
    let asked = bench.sts.asked();
    assert!(signed(&asked[1]) > in_an_hour(), "signed by the clock of STS, once it is known");
    drop(agent);
    bench.is_silent(&bench.command(&["status", "--json"]));
}

/// The moment that a request is signed for.
fn signed(asked: &fake::Asked) -> String {
    asked.headers["x-amz-date"].clone()
}

/// In the form of that moment.
fn in_an_hour() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = since.expect("after 1970").as_secs().cast_signed();
    hotspan_imds::civil::UnixSeconds(now + 3_600).rfc3339().replace(['-', ':'], "")
}

/// Whoever takes the instance's role away means what came through it too.
#[test]
fn the_base_is_gone() {
    let bench = Bench::new();
    let log = bench.file("upstream.jsonl");
    let service = upstream("127.0.0.1:0", &log, &[]);
    let address = service.address("imds").to_owned();
    bench.configure(&format!(
        "source = \"instance\"\nendpoint = \"http://{address}\"\nregion = \"eu-central-1\"\nsts_endpoint = \"STS\"\n{ASSUME}"
    ));
    let _agent = bench.start();
    bench.wait_for("good", |role| role["standing"] == "good");
    drop(service);
    let _service = upstream(&address, &log, &["--fault", "list=404"]);
    bench.command(&["refresh"]);
    bench.wait_for("missing", |role| role["standing"] == "missing");
    let reason = bench.status()["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("the base of the role: role list: status 404"), "{reason}");
    assert!(bench.command(&["credentials"]).status.success(), "once is not enough");
    assert_eq!(bench.sts.asked().len(), 1, "STS was not asked in vain");
}

fn credentials(bench: &Bench) -> serde_json::Value {
    let output = bench.command(&["credentials", "--role", "app"]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn what_sts_does_not_give() {
    for (mood, told) in [
        (
            Mood::Refuses(403, "AccessDenied"),
            "STS refused: AccessDenied (status 403); the role's trust",
        ),
        (Mood::Refuses(403, "ExpiredToken"), "STS refused: ExpiredToken (status 403)"),
        (Mood::Refuses(400, "InvalidIdentityToken"), "InvalidIdentityToken (status 400)"),
        (Mood::Refuses(400, "Throttling"), "STS refused: Throttling (status 400)"),
        (Mood::Refuses(503, ""), "status 503"),
        (Mood::Nonsense, "STS answered nonsense (status 200)"),
        (Mood::Endless, "STS answered without Expiration"),
    ] {
        let bench = Bench::new();
        bench.configure(WEB);
        bench.sts.set(mood.clone());
        let output = bench.dry_run();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(7), "{mood:?}: {output:?}");
        assert!(said.contains(told), "{mood:?}: {said}");
        // Once, whatever it was: when again is for the schedule to say.
        assert_eq!(bench.sts.asked().len(), 1, "{mood:?}");
        bench.is_silent(&output);
    }
}

#[test]
fn a_way_to_sts_that_is_not_there() {
    for (lines, told) in [
        // TLS is set up, and nobody is there.
        ("sts_endpoint = \"https://127.0.0.1:1\"\n", "no connection to STS"),
        ("sts_proxy = \"http://127.0.0.1:1\"\n", "no connection to STS"),
    ] {
        let bench = Bench::new();
        bench.configure(&WEB.replace("sts_endpoint = \"STS\"\n", lines));
        let output = bench.dry_run();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(7) && said.contains(told), "{lines}: {output:?}");
    }
}

/// A proxy is told a name and no more, and only where the configuration says so.
#[test]
fn a_proxy_carries_tls_only() {
    let bench = Bench::new();
    bench.configure(&format!("{WEB}sts_proxy = \"http://127.0.0.1:1\"\n"));
    let output = bench.dry_run();
    assert!(output.status.success(), "what is on this machine needs none: {output:?}");

    let (address, heard) = listener();
    let lines = format!("sts_proxy = \"http://{address}\"\n");
    bench.configure(&WEB.replace("sts_endpoint = \"STS\"\n", &lines));
    assert_eq!(bench.dry_run().status.code(), Some(7));
    let heard = heard.join().expect("heard");
    let heard = String::from_utf8_lossy(&heard);
    assert!(heard.starts_with("CONNECT sts.eu-central-1.amazonaws.com:443 "), "{heard}");

    // Straight, though the environment names proxies.
    let (address, heard) = listener();
    bench.configure(&WEB.replace("STS", &format!("https://{address}")));
    assert_eq!(bench.dry_run().status.code(), Some(7));
    let hello_of_tls = 0x16;
    assert_eq!(heard.join().expect("heard").first(), Some(&hello_of_tls));
}

/// Hears what the first caller says first, and hangs up.
fn listener() -> (std::net::SocketAddr, std::thread::JoinHandle<Vec<u8>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let hears = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        let mut head = vec![0; 1_024];
        let length = std::io::Read::read(&mut stream, &mut head).expect("a request");
        head.truncate(length);
        head
    });
    (address, hears)
}

#[test]
fn what_is_refused_when_the_configuration_is_read() {
    let instance = "source = \"instance\"\nregion = \"eu-central-1\"\n";
    let container = "source = \"container\"\nendpoint = \"http://127.0.0.1:1\"\npath = \"/x\"\nregion = \"eu-central-1\"\n";
    let door = "sts_endpoint = \"http://127.0.0.1:9912\"\n";
    for (lines, told) in [
        (
            format!("{PROFILE}profile = \"base\"\n"),
            "keys without an end are handed to nobody: every door has to tell one, and none is ever invented; add [role.assume]",
        ),
        (STATIC.to_owned(), "none is ever invented; add [role.assume]"),
        (format!("{PROFILE}profile = \"nobody\"\n"), "there is no profile \"nobody\""),
        (format!("{PROFILE}profile = \"one\"\n"), "which region's STS to ask; add region"),
        (format!("source = \"instance\"\n{ASSUME}"), "which region's STS to ask; add region"),
        (
            format!("{instance}{ASSUME}duration = \"2h\"\n"),
            ":11: a session of 120 minutes cannot be had with the instance's credentials",
        ),
        (
            format!("{container}{ASSUME}duration = \"61m\"\n"),
            "with a container endpoint's credentials",
        ),
        (format!("{WEB}{ASSUME}duration = \"2h\"\n"), "with credentials of a web identity"),
        (
            format!(
                "{PROFILE}profile = \"two\"\nregion = \"eu-central-1\"\n{ASSUME}duration = \"2h\"\n"
            ),
            "with the profile's credentials",
        ),
        (format!("{STATIC}{ASSUME}duration = \"13h\"\n"), "use 15m to 12h"),
        (format!("{STATIC}{ASSUME}duration = \"30m\"\n"), "say allow_short = true"),
        (format!("{STATIC}{ASSUME}duration = \"long\"\n"), "write duration = \"1h\""),
        (
            format!("{STATIC}[role.assume]\nrole_arn = \"arn:aws:iam::1:role/x\"\n"),
            ":12: \"arn:aws:iam::1:role/x\" is not the ARN of a role; write arn:aws:iam::123456789012:role/NAME",
        ),
        (format!("{STATIC}{ASSUME}session_name = \"a b\"\n"), "session_name"),
        (format!("{STATIC}{ASSUME}external_id = \"?\"\n"), "external_id cannot be used"),
        (
            format!("{STATIC}{ASSUME}tags = {{ \"aws:x\" = \"y\" }}\n"),
            "the tag \"aws:x\" cannot be used",
        ),
        (format!("{STATIC}{ASSUME}colour = \"red\"\n"), "unknown field `colour`"),
        (format!("{instance}role_arn = \"x\"\n"), "write it below [role.assume]"),
        ("source = \"instance\"\nregion = \"eu-central-1\"\n".to_owned(), "region means nothing"),
        (WEB.replace("STS", "http://10.0.0.1"), "http only on loopback"),
        (WEB.replace("eu-central-1", "EU"), "region \"EU\" is none"),
        (format!("{WEB}sts_proxy = \"http://u:p@proxy:1\"\n"), "without user, password"),
        (
            WEB.replace("sts_endpoint = \"STS\"\n", door) + "[imds]\nrole = \"app\"\n",
            "127.0.0.1:9912 is an own door",
        ),
        (WEB.replace("FOLDER/token", "token"), "not a whole path"),
        ("source = \"web-identity\"\n".to_owned(), "no role_arn or no token_file"),
        ("source = \"profile\"\n".to_owned(), "add profile"),
        (
            "source = \"profile\"\nprofile = \"p\"\n".to_owned(),
            "name config_file, credentials_file or both",
        ),
        ("source = \"static\"\n".to_owned(), "no credentials_file"),
    ] {
        let bench = Bench::new();
        bench.configure(&lines);
        let output = bench.agent(&["check-config"]).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{lines}: {said}");
        assert!(said.contains(told), "{lines}: {said}");
        bench.is_silent(&output);
    }
}

/// At the start, and again at a fetch: files change. Each waits for the least
/// time between two attempts, so all wait at once.
#[test]
fn files_that_others_can_write_or_read() {
    let keys = &format!("{STATIC}{ASSUME}");
    let program = &format!("{PROFILE}profile = \"program\"\n");
    std::thread::scope(|scope| {
        for (lines, file, mode, told) in [
            (keys, "credentials", 0o644, "can be read by others than its owner"),
            (keys, "credentials", 0o602, "can be read by others than its owner"),
            (program, "config", 0o620, "can be written by others"),
            (program, "program", 0o777, "can be written by others"),
        ] {
            scope.spawn(move || check_open_file(lines, file, mode, told));
        }
    });
}

fn check_open_file(lines: &str, file: &str, mode: u32, told: &str) {
    let bench = Bench::new();
    bench.configure(lines);
    let _agent = bench.start();
    bench.wait_for("good", |role| role["standing"] == "good");
    let mode: std::fs::Permissions = PermissionsExt::from_mode(mode);
    std::fs::set_permissions(bench.file(file), mode).expect("to set");
    let output = bench.agent(&["check-config"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(3), "{lines}: {output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains(told), "{lines}: {output:?}");
    bench.command(&["refresh"]);
    bench.wait_for("failing", |role| role["standing"] == "failing");
    let reason = bench.status()["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains(told), "{lines}: {reason}");
    assert!(bench.command(&["credentials"]).status.success(), "the last good go on");
}
