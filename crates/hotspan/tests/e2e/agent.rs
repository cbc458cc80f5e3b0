//! The way from an agent to the Credentials page: an emulated metadata service,
//! the agent before it, a caller with a trace, and the server that is told.

use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::live::process::{Process, missing};
use crate::server::{Outcome, Server, binary, list};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = Trial::test("agent::tells_the_server", tells_the_server);
    let lacking = missing(&binary("hotspan-agent"));
    if let Some(why) = &lacking {
        println!("ignored: agent::tells_the_server: {why}");
    }
    vec![trial.with_ignored_flag(lacking.is_some())]
}

fn tells_the_server() -> Outcome {
    let folder = tempfile::tempdir()?;
    let server = Server::serve(&folder.path().join("data"))?;
    let mut emulator = Command::new(binary("hotspan-agent"));
    emulator.args(["imds", "--listen", "127.0.0.1:0"]);
    let emulator = Process::start("agent-imds", "imds ", &mut emulator)?;
    let config = folder.path().join("agent.toml");
    std::fs::write(&config, configuration(folder.path(), &emulator, &server))?;
    let mut agent = Command::new(binary("hotspan-agent"));
    agent.args(["run", "--config"]).arg(&config);
    let agent = Process::start("agent-run", "container ", &mut agent)?;
    let token = std::fs::read_to_string(folder.path().join("web.token"))?;
    for _ in 0..3 {
        ask(&agent, &token)?;
    }
    // What was counted since the last report is told before it ends.
    if agent.terminate()? != Some(0) {
        return Err("the agent did not end well".into());
    }
    let told = server.wait("/api/v1/credentials?window=1h", |told| {
        (told["given"] == 3 && told["answered_from_memory"] == 3).then(|| told.clone())
    })?;
    shows(&told)?;
    let page = server.get_text("/credentials?window=1h")?;
    for wanted in
        ["web", "emulated-role", "container door", "/traces/0af7651916cd43dd8448eb211c80319c"]
    {
        if !page.contains(wanted) {
            return Err(format!("{wanted:?} is not on the page: {page}").into());
        }
    }
    Ok(())
}

fn configuration(folder: &std::path::Path, emulator: &Process, server: &Server) -> String {
    let folder = folder.display();
    format!(
        "state_dir = \"{folder}/state\"\n\
         [[role]]\nname = \"app\"\nsource = \"instance\"\nendpoint = \"{}\"\n\
         [container]\nlisten = [\"127.0.0.1:0\"]\n\
         [[container.consumer]]\nname = \"web\"\nrole = \"app\"\ntoken_file = \"{folder}/web.token\"\n\
         [report]\nserver = \"{}\"\nevery = \"10s\"\nhost = \"web-1\"\n",
        emulator.url(),
        server.otlp_http(),
    )
}

/// Asks as an SDK does whose request is traced.
fn ask(agent: &Process, token: &str) -> Result<(), Failed> {
    let answer = ureq::get(format!("{}/credentials", agent.url()))
        .header("Authorization", token)
        .header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))
        .call()?;
    if answer.status() == 200 { Ok(()) } else { Err(format!("{}", answer.status()).into()) }
}

fn shows(told: &Value) -> Outcome {
    let role = &list(told, "roles")[0];
    let trace = &list(told, "traces")[0];
    let found = [
        (&role["host"], "web-1"),
        (&role["role"], "app"),
        (&role["standing"], "good"),
        (&list(role, "history")[0]["outcome"], "found"),
        (&list(told, "callers")[0]["consumer"], "web"),
        (&trace["trace_id"], TRACE),
    ];
    for (value, wanted) in found {
        if value != wanted {
            return Err(format!("{value} instead of {wanted}: {told:#}").into());
        }
    }
    if trace["lookups"] == 3 { Ok(()) } else { Err(format!("not three lookups: {told:#}").into()) }
}
