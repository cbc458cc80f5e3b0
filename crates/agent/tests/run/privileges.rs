//! The agent's two halves: what the one that hears callers may still do, what
//! the helper does for it, and what it does for nobody.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::host::{Host, is_root, skipped, wait_until, write_private};

/// A user that every system has; the agent's own is there after installation.
const USER: (&str, u32) = ("daemon", 1);
const GOOD: &str = "0123456789abcdefghijklmnop";
/// CAP_CHOWN, CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE.
const HELPERS: u64 = 1 | 1 << 2 | 1 << 19;

/// A line of `/proc/PID/status`, of every thread of the process.
fn told(pid: u32, name: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let text = |task: &Path| std::fs::read_to_string(task.join("status")).unwrap_or_default();
    let texts = tasks.map(|task| text(&task.expect("a thread").path()));
    let line = |text: String| {
        let line = text.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
        line.map(|line| {
            line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
        })
    };
    texts.filter_map(line).collect()
}

fn helper_of(host: &Host) -> u32 {
    let pid = host.status()["helper"]["pid"].as_u64().expect("a helper");
    u32::try_from(pid).expect("a number")
}

fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // What nobody has waited for yet has ended all the same.
    !stat.is_empty() && !stat.contains(") Z")
}

fn add_consumer(host: &Host, name: &str, uid: u32) {
    let file = host.file("agent.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    let folder = host.folder.path().display();
    std::fs::write(
        &file,
        format!("{text}\n[[container.consumer]]\nname = \"{name}\"\nrole = \"app\"\nuid = {uid}\ntoken_file = \"{folder}/{name}.token\"\n"),
    )
    .expect("to write");
    host.agent.signal("HUP");
}

#[test]
fn who_hears_callers_has_no_rights() {
    if !is_root("giving up rights") {
        return;
    }
    for (top, uid) in [(String::new(), 0), (format!("user = \"{}\"", USER.0), USER.1)] {
        let host = Host::with_top(&top, "", "").ready();
        let (agent, helper) = (host.agent.child.id(), helper_of(&host));
        for (name, expected) in [
            ("CapEff", "0".repeat(16)),
            ("CapPrm", "0".repeat(16)),
            ("CapInh", "0".repeat(16)),
            ("CapAmb", "0".repeat(16)),
            ("CapBnd", "0".repeat(16)),
            ("NoNewPrivs", "1".to_owned()),
            ("Uid", format!("{uid} {uid} {uid} {uid}")),
        ] {
            let told = told(agent, name);
            assert!(told.len() > 1, "there are threads");
            assert!(told.iter().all(|value| *value == expected), "{top} {name}: {told:?}");
        }
        for (name, allowed) in [("CapEff", HELPERS), ("CapPrm", HELPERS), ("CapBnd", 0)] {
            let told = told(helper, name);
            let held = u64::from_str_radix(&told[0], 16).expect("a number");
            assert_eq!(held & !allowed, 0, "{top} {name} of the helper: {held:x}");
        }
        assert_eq!(told(helper, "NoNewPrivs"), ["1"], "{top}");

        let session = host.session();
        let list = "/latest/meta-data/iam/security-credentials/";
        assert_eq!(host.metadata(list, &session).status, 200, "{top}");
        assert_eq!(host.container().status, 200, "{top}");
        assert!(host.command(&["credentials"]).status.success(), "{top}");
        let token = host.file("web.token").metadata().expect("a token file");
        assert_eq!((token.uid(), token.mode() & 0o777), (uid, 0o600), "{top}");

        add_consumer(&host, "batch", 4_711);
        host.wait_for_log("the configuration was read anew", 1);
        let made = host.file("batch.token").metadata().expect("a token file");
        assert_eq!((made.uid(), made.mode() & 0o777), (4_711, 0o600), "{top}");
        let token = std::fs::read_to_string(host.file("batch.token")).expect("a token");
        let request = format!("GET /credentials HTTP/1.1\nHost: 127.0.0.1\nAuthorization: {token}");
        assert_eq!(host.raw("container", &request).status, 200, "{top}");
    }
}

#[test]
fn the_helper_ends_with_the_agent() {
    if !is_root("a helper") {
        return;
    }
    for signal in ["TERM", "KILL"] {
        let host = Host::start();
        let helper = helper_of(&host);
        for heard in ["HUP", "TERM", "INT"] {
            let sent = Command::new("kill").args(["-s", heard, &helper.to_string()]).status();
            assert!(sent.expect("kill").success());
        }
        assert!(host.command(&["status"]).status.success());
        assert!(runs(helper), "it ends with the other half, not before");
        host.agent.signal(signal);
        wait_until("the helper ends", || !runs(helper));
    }
}

#[test]
fn the_agent_goes_on_without_its_helper() {
    if !is_root("a helper") {
        return;
    }
    let host = Host::start().ready();
    let helper = helper_of(&host).to_string();
    assert_eq!(host.status()["helper"]["state"], "running");
    assert!(Command::new("kill").args(["-s", "KILL", &helper]).status().expect("kill").success());
    host.wait_for_log("the helper is gone", 1);
    assert_eq!(host.status()["helper"]["state"], "gone");
    let table = String::from_utf8(host.command(&["status"]).stdout).expect("text");
    assert!(table.contains("restart the agent"), "{table}");
    let metrics = host.raw("metrics", "GET /metrics HTTP/1.1\nHost: 127.0.0.1").body;
    assert!(metrics.contains("hotspan_agent_helper_running 0"), "{metrics}");
    add_consumer(&host, "batch", 4_711);
    host.wait_for_log("the configuration is not changed", 1);
    assert!(!host.file("batch.token").exists());
    assert_eq!(host.container().status, 200, "what is in force goes on");
}

#[test]
fn what_the_agents_user_cannot_read_is_told_at_the_start() {
    if !is_root("becoming another user") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let open = folder.path().join("open");
    let (file, tokens) = (folder.path().join("agent.toml"), folder.path().join("open/web.token"));
    std::fs::create_dir(&open).expect("to make");
    let text = format!(
        "user = \"{}\"\n[[role]]\nname = \"app\"\nsource = \"instance\"\n[container]\nlisten = [\"127.0.0.1:0\"]\n[[container.consumer]]\nname = \"web\"\nrole = \"app\"\nuid = 4711\ntoken_file = \"{}\"\n",
        USER.0,
        tokens.display()
    );
    write_private(&file, &text);
    for (file_mode, folder_mode, code, said) in [
        (0o600, 0o755, 3, "has to read the configuration"),
        (0o644, 0o777, 4, "could put their own token there"),
        (0o644, 0o1777, 4, "could put their own token there"),
    ] {
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("to set");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(file_mode)).expect("to set");
        std::fs::set_permissions(&open, PermissionsExt::from_mode(folder_mode)).expect("to set");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
        let output = command.args(["run", "--config"]).arg(&file).output().expect("it starts");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{file_mode:o} {folder_mode:o}: {text}");
        assert!(text.contains(said), "{file_mode:o} {folder_mode:o}: {text}");
    }
}

#[test]
fn the_capabilities_that_are_stated_suffice() {
    if !is_root("giving up rights") {
        return;
    }
    // As docs/agent.md and the service unit have them, but for low ports.
    let stated = "-all,+chown,+dac_read_search,+setgid,+setpcap,+setuid,+sys_ptrace";
    let set = |verb: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", stated, "--inh-caps", "-all"]).args(verb);
        command
    };
    if !set(&["true"]).status().is_ok_and(|status| status.success()) {
        skipped("setpriv is missing, or has not all of these to give");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (file, place) = (folder.path().join("agent.toml"), folder.path().display());
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("to set");
    let text = format!(
        "user = \"{}\"\nstate_dir = \"{place}/state\"\n[[role]]\nname = \"app\"\nsource = \"instance\"\nendpoint = \"http://127.0.0.1:9\"\n[imds]\nlisten = [\"127.0.0.1:0\"]\nrole = \"app\"\n[container]\nlisten = [\"127.0.0.1:0\"]\n[[container.consumer]]\nname = \"web\"\nrole = \"app\"\nuid = 4711\ntoken_file = \"{place}/web.token\"\n[audit]\nfile = \"{place}/audit.jsonl\"\n[process]\nsocket = \"{place}/agent.sock\"\n",
        USER.0
    );
    std::fs::write(&file, text).expect("to write");
    // Twice: what the first made, the second finds.
    for start in ["first", "second"] {
        let mut command = set(&[env!("CARGO_BIN_EXE_hotspan-agent"), "run", "--config"]);
        let mut child = command.arg(&file).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let is_ready = lines.map_while(Result::ok).any(|line| line == "ready");
        // Ended already when it was not ready.
        let _ = child.kill();
        let status = child.wait().expect("it ends");
        assert!(is_ready, "{start}: {status}");
        let token = folder.path().join("web.token").metadata().expect("a token file");
        assert_eq!(token.uid(), 4_711, "{start}");
    }
}

/// A helper, and a client that it should not trust.
struct Asked {
    child: Child,
    stream: BufReader<UnixStream>,
}

impl Asked {
    fn start(folder: &Path) -> Self {
        let (own, its) = UnixStream::pair().expect("a socket");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
        command.arg("helper").arg("--folder").arg(folder);
        command.stdin(OwnedFd::from(its)).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("it starts");
        drop(command);
        let mut asked = Self { child, stream: BufReader::new(own) };
        assert_eq!(asked.line(), "ok\n");
        asked
    }

    fn ask(&mut self, question: &[u8]) -> String {
        // A helper that has heard enough closes.
        let _ = self.stream.get_mut().write_all(question);
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        // Closed and reset are the same here: nothing comes.
        let _ = self.stream.read_until(b'\n', &mut line);
        String::from_utf8_lossy(&line).into_owned()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_client_of_the_helper_that_was_taken_over() {
    let outside = tempfile::tempdir().expect("a folder");
    let folder = outside.path().join("tokens");
    std::fs::create_dir_all(folder.join("below")).expect("to make");
    let own = nix::unistd::geteuid().as_raw();
    for (place, mode) in [
        (outside.path().join("secret"), 0o600),
        (folder.join("kept"), 0o600),
        (folder.join("open"), 0o644),
    ] {
        write_private(&place, GOOD);
        std::fs::set_permissions(&place, PermissionsExt::from_mode(mode)).expect("to set");
    }
    std::os::unix::fs::symlink(outside.path().join("secret"), folder.join("link")).expect("a link");
    std::os::unix::fs::symlink("/etc", folder.join("etc")).expect("a link");
    std::fs::hard_link(outside.path().join("secret"), folder.join("second")).expect("a link");
    let (at, above) = (folder.display(), outside.path().display());
    let token = |rest: String| format!("token {own} {rest}\n").into_bytes();
    let mut cases = vec![
        ("a file that is there", token(format!("{at}/kept")), "ok 0123456789"),
        ("outside", token(format!("{above}/secret")), "refused cannot be made; its folder was not"),
        ("outside, a new file", token(format!("{above}/new")), "refused"),
        ("a system's file", token("/etc/shadow".to_owned()), "refused"),
        ("out by dots", token(format!("{at}/../secret")), "refused"),
        ("out and in by dots", token(format!("{at}/../tokens/kept")), "refused"),
        ("a dot", token(format!("{at}/./kept")), "refused"),
        ("two slashes", token(format!("{at}//kept")), "refused"),
        ("below", token(format!("{at}/below/new")), "refused"),
        ("through a linked folder", token(format!("{at}/etc/new")), "refused"),
        ("the folder", token(at.to_string()), "refused"),
        ("the folder, with a slash", token(format!("{at}/")), "refused"),
        ("above", token(format!("{at}/..")), "refused"),
        ("no whole path", token("kept".to_owned()), "refused"),
        ("no path", token(String::new()), "refused"),
        ("a link", token(format!("{at}/link")), "refused is a link"),
        ("a second name", token(format!("{at}/second")), "refused is another file's second name"),
        ("a folder's name", token(format!("{at}/below")), "refused is no file"),
        ("a file that others read", token(format!("{at}/open")), "refused can be read by others"),
        ("a name with an end in it", token(format!("{at}/a\0b")), "refused"),
        ("a long name", token(format!("{at}/{}", "a".repeat(4_000))), "refused"),
        ("no user", format!("token root {at}/new\n").into_bytes(), "refused a number is none"),
        ("a user beyond all", format!("token 4294967296 {at}/new\n").into_bytes(), "refused"),
        ("an unknown verb", b"exec /bin/sh\n".to_vec(), "refused there is no such verb"),
        ("an empty line", b"\n".to_vec(), "refused there is no such verb"),
        ("no text", b"\xff\xfe\x00\n".to_vec(), "refused there is no such verb"),
        ("no sockets", b"owner 0 x\n".to_vec(), "refused a number is none"),
        ("cgroups from elsewhere", b"owner 0 1 /../../../../etc\n".to_vec(), "ok 0"),
        ("rules, for later", b"rules\n".to_vec(), "ok"),
        ("a line without end", vec![b'a'; 20_000], "refused the line has no end"),
    ];
    if own == 0 {
        let strange = folder.join("strange");
        write_private(&strange, GOOD);
        std::os::unix::fs::chown(&strange, Some(4_712), None).expect("to give away");
        let question = format!("token 4711 {at}/strange\n").into_bytes();
        cases.push(("another user's", question, "refused belongs to user 4712"));
    }
    for (case, question, expected) in cases {
        let mut helper = Asked::start(&folder);
        let answer = helper.ask(&question);
        assert!(answer.starts_with(expected), "{case}: {answer}");
        let is_given = expected.starts_with("ok 0123");
        assert_eq!(answer.contains(GOOD), is_given, "{case}: {answer}");
        if case != "a line without end" {
            let again = helper.ask(&token(format!("{at}/kept")));
            assert_eq!(again, format!("ok {GOOD}\n"), "after {case}");
        }
        drop(helper.stream.get_ref().shutdown(std::net::Shutdown::Both));
        helper.child.wait().expect("it ends when nobody asks");
    }
    let names = |path: &Path| {
        let entries = std::fs::read_dir(path).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string()).collect();
        names.sort();
        names.into_iter().map(|name| name.expect("text")).collect::<Vec<_>>()
    };
    assert_eq!(names(outside.path()), ["secret", "tokens"], "nothing is made outside");
    let expected = ["below", "etc", "kept", "link", "open", "second", "strange"];
    let expected = &expected[..if own == 0 { 7 } else { 6 }];
    assert_eq!(names(&folder), expected, "nor what was refused");
}

#[test]
fn the_helper_is_for_nobody_else() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotspan-agent"));
    let output = command.arg("helper").stdin(Stdio::null()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("started by hotspan-agent run"), "{text}");
}
