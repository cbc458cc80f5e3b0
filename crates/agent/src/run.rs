//! `hotspan-agent run`: binds the doors, keeps the roles, reads the
//! configuration anew on SIGHUP, ends on SIGTERM and SIGINT.

use std::io::{Write, stdout};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

mod dry;
mod inherited;
mod reload;

use crate::admin::Admin;
use crate::doors::caller::SocketTable;
use crate::doors::container::ContainerDoor;
use crate::doors::imds::ImdsDoor;
use crate::doors::process::{ProcessDoor, Socket};
use crate::doors::serve;
use crate::exit::Failure;
use crate::hardening;
use crate::ledger::Ledger;
use crate::ledger::audit::Audit;
use crate::live::{Current, Live};
use crate::report::{Reporter, Reports};
use crate::settings::Settings;
use crate::tokens;
use inherited::Inherited;

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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("runtime cannot be started")?;
    runtime.block_on(async {
        let doors = Doors::bind(&wanted).await.context(Failure::Resource)?;
        if settings.dry_run {
            drop(doors);
            return dry::run(&wanted).await;
        }
        serve_until_stopped(path, wanted, doors).await
    })
}

/// The doors, bound and not yet open.
struct Doors {
    container: Vec<TcpListener>,
    imds: Vec<TcpListener>,
    metrics: Option<TcpListener>,
    process: Option<Socket>,
}

impl Doors {
    async fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let container = settings.container.as_ref().map(|door| door.listen.as_slice());
        let imds = settings.imds.as_ref().map(|door| door.listen.as_slice());
        let metrics = settings.metrics.as_slice();
        let mut inherited = Inherited::take();
        let doors = Self {
            container: bind_all(container.unwrap_or_default(), &mut inherited).await?,
            imds: bind_all(imds.unwrap_or_default(), &mut inherited).await?,
            metrics: bind_all(metrics, &mut inherited).await?.pop(),
            process: match &settings.process {
                Some(door) => Some(bind_socket(&door.socket, &mut inherited)?),
                None => None,
            },
        };
        if let Some(unwanted) = inherited.unwanted() {
            bail!(
                "socket {unwanted} was handed over and is no door; name it in the configuration, or close it in the service manager"
            );
        }
        Ok(doors)
    }

    /// What tells a caller (a person or a test) where to ask, and that it may.
    fn announcement(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        let listeners = [
            ("container", self.container.as_slice()),
            ("imds", self.imds.as_slice()),
            ("metrics", self.metrics.as_slice()),
        ];
        for (name, listeners) in listeners {
            for listener in listeners {
                let address = listener.local_addr().context("own address")?;
                text.push_str(&format!("{name} http://{address}\n"));
            }
        }
        text.push_str("ready\n");
        Ok(text)
    }
}

fn bind_socket(path: &Path, inherited: &mut Inherited) -> anyhow::Result<Socket> {
    let socket = match inherited.unix(path) {
        Some(listener) => Socket::inherited(listener),
        None => Socket::bind(path),
    };
    socket.with_context(|| format!("socket {} cannot be bound", path.display()))
}

async fn bind_all(
    addresses: &[SocketAddr],
    inherited: &mut Inherited,
) -> anyhow::Result<Vec<TcpListener>> {
    let mut bound = Vec::new();
    for address in addresses {
        if let Some(listener) = inherited.tcp(address) {
            listener.set_nonblocking(true).context("a socket that was handed over")?;
            bound.push(TcpListener::from_std(listener).context("a socket that was handed over")?);
            continue;
        }
        match TcpListener::bind(address).await {
            Ok(listener) => bound.push(listener),
            // A machine without IPv6; nobody on it asks there.
            Err(error)
                if error.kind() == std::io::ErrorKind::AddrNotAvailable
                    && address.ip() == IpAddr::V6(Ipv6Addr::LOCALHOST) =>
            {
                tracing::warn!(%address, "there is no IPv6 on this machine");
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("address {address} cannot be bound; name one that is free and this machine's, and below port 1024 run as root or with CAP_NET_BIND_SERVICE")
                });
            }
        }
    }
    Ok(bound)
}

async fn serve_until_stopped(path: &Path, wanted: Settings, doors: Doors) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let audit = Audit::open(wanted.audit.as_deref())
        .with_context(|| format!("audit log {:?} cannot be opened", wanted.audit))
        .context(Failure::Resource)?;
    let reports = wanted.report.as_ref().map(Reports::new).transpose();
    let reports = reports.context(Failure::Resource)?.map(Arc::new);
    let ledger = Arc::new(Ledger::new(audit, reports.clone()));
    let live = Live::from(&wanted, None, reports.as_ref()).context(Failure::Resource)?;
    let current = Arc::new(Current::new(live));
    let announcement = doors.announcement()?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = open(doors, &wanted, &current, &ledger, &stopped)?;
    let reporter = report(&wanted, &current, &ledger).context(Failure::Resource)?;
    print(&announcement)?;
    let mut in_force = wanted;
    loop {
        tokio::select! {
            _ = hangup.recv() => in_force = reload::reload(path, in_force, &current),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
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
    settings: &Settings,
    current: &Arc<Current>,
    ledger: &Arc<Ledger>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    let table = Arc::new(SocketTable::open());
    let shared = || (Arc::clone(current), Arc::clone(ledger));
    let (current, ledger) = shared();
    let container = Arc::new(ContainerDoor { current, ledger });
    for listener in doors.container {
        let (answers, table) = (Arc::clone(&container), Arc::clone(&table));
        tasks.spawn(serve::serve(listener, None, answers, table, stopped.clone()));
    }
    if let Some(wanted) = &settings.imds {
        let key = tokens::token_key(&settings.state_dir).context(Failure::Resource)?;
        let (current, ledger) = shared();
        let imds = Arc::new(ImdsDoor::new(current, ledger, key));
        for listener in doors.imds {
            // An IPv6 packet has another limit, and ::1 leads nowhere.
            let is_v4 = listener.local_addr().is_ok_and(|address| address.is_ipv4());
            let hops = wanted.hop_limit.filter(|_| is_v4);
            let (answers, table) = (Arc::clone(&imds), Arc::clone(&table));
            tasks.spawn(serve::serve(listener, hops, answers, table, stopped.clone()));
        }
    }
    if let Some(listener) = doors.metrics {
        let (current, ledger) = shared();
        let admin = Arc::new(Admin { current, ledger });
        tasks.spawn(serve::serve(listener, None, admin, Arc::clone(&table), stopped.clone()));
    }
    if let Some(socket) = doors.process {
        let (current, ledger) = shared();
        let door = Arc::new(ProcessDoor::new(current, ledger));
        tasks.spawn(socket.serve(door, stopped.clone()));
    }
    Ok(tasks)
}
