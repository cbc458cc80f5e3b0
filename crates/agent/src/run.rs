//! `hotspan-agent run`: binds the doors, keeps the roles, reads the
//! configuration anew on SIGHUP, ends on SIGTERM and SIGINT.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use hotspan_imds::token::TokenKey;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

mod bind;
mod dry;
mod inherited;
mod notify;
mod reload;
mod rights;

use crate::admin::Admin;
use crate::doors::caller::SocketTable;
use crate::doors::container::ContainerDoor;
use crate::doors::failures::Failures;
use crate::doors::imds::ImdsDoor;
use crate::doors::process::ProcessDoor;
use crate::doors::rules::Rules;
use crate::doors::serve;
use crate::exit::Failure;
use crate::hardening;
use crate::helper::client::Helper;
use crate::ledger::Ledger;
use crate::ledger::audit::Audit;
use crate::ledger::callers::Callers;
use crate::live::{Current, Live};
use crate::report::Reporter;
use crate::settings::Settings;
use crate::tokens;
use bind::{Doors, Files};

/// Which configuration.
#[derive(Args)]
pub(crate) struct Configuration {
    /// Configuration of the agent
    #[arg(
        long,
        default_value = "/etc/hotspan/agent.toml",
        env = "HOTSPAN_AGENT_CONFIG",
        value_name = "FILE"
    )]
    config: PathBuf,
}

/// Settings of `run`.
#[derive(Args)]
pub(crate) struct RunSettings {
    #[command(flatten)]
    configuration: Configuration,
    /// Bind the doors and fetch each role once, say how that went, and end
    #[arg(long)]
    dry_run: bool,
}

/// Reads the configuration and says whether it is right.
pub(crate) fn check_config(configuration: &Configuration) -> anyhow::Result<()> {
    let path = &configuration.config;
    Settings::load(path).context(Failure::Configuration)?;
    print(&format!("{} is valid\n", path.display()))
}

/// Serves until it is told to stop.
pub(crate) fn run(settings: &RunSettings) -> anyhow::Result<()> {
    hardening::harden();
    let path = &settings.configuration.config;
    let wanted = Settings::load(path).context(Failure::Configuration)?;
    let doors = Doors::bind(&wanted).context(Failure::Resource)?;
    if settings.dry_run {
        drop(doors);
        rights::give_up(path, &wanted)?;
        return runtime()?.block_on(dry::run(&wanted));
    }
    let files = Files::open(&wanted).context(Failure::Resource)?;
    let helper = rights::helper(&wanted).context(Failure::Resource)?.map(Arc::new);
    rights::give_up(path, &wanted)?;
    let parts = Parts { doors, files, helper };
    let runtime = runtime()?;
    let ended = runtime.block_on(serve_until_stopped(path, wanted, parts));
    // A name that is being resolved may take half a minute; callers wait in the
    // socket for whoever comes next.
    runtime.shutdown_background();
    ended
}

fn runtime() -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().context("runtime cannot be started")
}

/// What was opened and started with the rights of the start.
struct Parts {
    doors: Doors,
    files: Files,
    helper: Option<Arc<Helper>>,
}

async fn serve_until_stopped(path: &Path, wanted: Settings, parts: Parts) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let mut child = signal(SignalKind::child()).context("SIGCHLD")?;
    let Parts { doors, files: Files { audit, key, reports }, helper } = parts;
    let consumers = tokens::consumers(&wanted, helper.as_deref()).context(Failure::Resource)?;
    let callers = Callers::start(helper.clone()).context(Failure::Resource)?;
    let audit =
        Audit::start(audit, callers.clone()).context("audit log").context(Failure::Resource)?;
    let ledger = Arc::new(Ledger::new(audit, callers, reports.clone()));
    let live = Live::from(&wanted, consumers, None, reports.as_ref());
    let current = Arc::new(Current::new(live));
    let announcement = doors.announcement()?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = open(doors, key, &wanted, &current, &ledger, &stopped)?;
    let reporter = report(&wanted, &current, &ledger).context(Failure::Resource)?;
    print(&announcement)?;
    notify::ready();
    let mut in_force = wanted;
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                notify::reloading();
                in_force = reload::reload(path, in_force, &current, helper.as_ref()).await;
                notify::ready();
            }
            _ = child.recv() => helper.iter().for_each(|helper| helper.look()),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    notify::stopping();
    // Nobody is left to hear it when every door has ended already.
    let _ = stop.send(true);
    while tasks.join_next().await.is_some() {}
    // Last, so that it tells of everyone who was answered.
    if let Some(reporter) = reporter {
        reporter.finish();
    }
    Ok(())
}

/// Begins to tell the server who asked, if there is one.
fn report(
    settings: &Settings,
    current: &Arc<Current>,
    ledger: &Arc<Ledger>,
) -> anyhow::Result<Option<Reporter>> {
    let Some((wanted, reports)) = settings.report.as_ref().zip(ledger.reports()) else {
        return Ok(None);
    };
    let reporter = Reporter::start(wanted.every, reports, current, ledger);
    reporter.map(Some).context("the thread for reports cannot be started")
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output")
}

fn open(
    doors: Doors,
    key: Option<TokenKey>,
    settings: &Settings,
    current: &Arc<Current>,
    ledger: &Arc<Ledger>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    let table = Arc::new(SocketTable::open(Some(ledger.callers.clone())));
    let rules = Arc::new(Rules::new());
    let shared = || (Arc::clone(current), Arc::clone(ledger));
    let (current, ledger) = shared();
    let container = Arc::new(ContainerDoor {
        current,
        ledger,
        failures: Failures::default(),
        rules: Arc::clone(&rules),
    });
    for listener in doors.container {
        let (answers, table) = (Arc::clone(&container), Arc::clone(&table));
        tasks.spawn(serve::serve(awaited(listener)?, answers, table, stopped.clone()));
    }
    if let (Some(wanted), Some(key)) = (&settings.imds, key) {
        let (current, ledger) = shared();
        let imds = Arc::new(ImdsDoor::new(current, ledger, key, rules));
        for listener in doors.imds {
            // An IPv6 packet has another limit, and ::1 leads nowhere.
            let is_v4 = listener.local_addr().is_ok_and(|address| address.is_ipv4());
            if let Some(hops) = wanted.hop_limit.filter(|_| is_v4) {
                // An answer that goes further than it may is worse than none.
                listener.set_ttl(hops).context("hop_limit").context(Failure::Resource)?;
            }
            let (answers, table) = (Arc::clone(&imds), Arc::clone(&table));
            tasks.spawn(serve::serve(awaited(listener)?, answers, table, stopped.clone()));
        }
    }
    if let Some(listener) = doors.metrics {
        let (current, ledger) = shared();
        let admin = Arc::new(Admin { current, ledger });
        // Who reads metrics asks for no credentials, and nobody looks for it.
        let table = Arc::new(SocketTable::open(None));
        tasks.spawn(serve::serve(awaited(listener)?, admin, table, stopped.clone()));
    }
    if let Some(socket) = doors.process {
        let (current, ledger) = shared();
        let door = Arc::new(ProcessDoor::new(current, ledger));
        tasks.spawn(socket.serve(door, stopped.clone()));
    }
    Ok(tasks)
}

fn awaited(listener: std::net::TcpListener) -> anyhow::Result<TcpListener> {
    TcpListener::from_std(listener).context("own socket")
}
