//! `hotspan-agent imds`: settings of the emulator, and its start and stop.

use std::fs;
use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use hotspan_imds::civil::UnixSeconds;
use hotspan_imds::documents::Instance;
use hotspan_imds::fault::{Fault, Faults};
use hotspan_imds::record::Record;
use hotspan_imds::secret::Secret;
use hotspan_imds::server::{Server, is_local};
use hotspan_imds::service::{Behaviour, Service};
use hotspan_imds::token::TokenKey;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::control;
use crate::duration;
use crate::emulated::Emulated;
use crate::request_log::RequestLog;

/// Settings of the emulator.
#[derive(Args)]
pub(crate) struct Settings {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:1338", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Allow an address that other machines can reach
    #[arg(long)]
    allow_any_address: bool,
    /// Name of the one role there is
    #[arg(long, default_value = "emulated-role", value_name = "NAME", value_parser = role_name)]
    role: String,
    /// Time added to every answer, e.g. 20ms
    #[arg(long, default_value = "0ms", value_name = "TIME", value_parser = duration::parse)]
    latency: Duration,
    /// What goes wrong: STEP=EFFECT with the steps token, list and credentials
    /// and the effects swallow (never answered), reset, garbage, or a status such as
    /// 503. May be repeated
    #[arg(long, value_name = "STEP=EFFECT")]
    fault: Vec<Fault>,
    /// Address to change faults at while it runs: PUT /faults with one
    /// STEP=EFFECT a line, or none
    #[arg(long, value_name = "ADDRESS")]
    control: Option<SocketAddr>,
    /// Life that the credentials have left at every answer, e.g. 6h or -1m
    #[arg(long, default_value = "6h", value_name = "TIME", value_parser = duration::parse_millis,
          allow_hyphen_values = true)]
    expires_in: i64,
    /// Whether requests without a token are answered
    #[arg(long, default_value = "on", value_name = "WHETHER")]
    v1: Switch,
    /// Whether security-credentials-extended, which tells the account, exists
    #[arg(long, default_value = "off", value_name = "WHETHER")]
    extended: Switch,
    /// Status of a PUT that came through a proxy
    #[arg(long, default_value_t = 403, value_name = "STATUS",
          value_parser = clap::value_parser!(u16).range(400..600))]
    forwarded_status: u16,
    /// File with the token that callers of /v2/credentials must send
    #[arg(long, value_name = "FILE")]
    container_token_file: Option<PathBuf>,
    /// File for the request log (JSON lines); - is standard output
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

/// `on` or `off`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(settings: Settings) -> anyhow::Result<()> {
    if !is_local(&settings.listen) && !settings.allow_any_address {
        bail!(
            "listen address {} can be reached by other machines; use a loopback address or --allow-any-address",
            settings.listen
        );
    }
    let log = RequestLog::open(settings.log.as_deref())
        .with_context(|| format!("request log {:?} cannot be opened", settings.log))?;
    let faults = Faults::new(settings.fault.clone());
    let service = service(&settings, faults.clone())?;
    let server = Server::new(service, settings.latency, move |record: Record| {
        log.write(&record);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("runtime cannot be started")?;
    runtime.block_on(async {
        let listener = TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("listen address {} cannot be bound", settings.listen))?;
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
        let control = control(&settings).await?;
        let control_address = control.as_ref().map(TcpListener::local_addr).transpose();
        announce(
            listener.local_addr().context("own address")?,
            control_address.context("own address")?,
        )?;
        let controlling = async {
            match control {
                Some(listener) => control::serve(listener, faults).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = controlling => {}
            never = server.run(listener) => match never {},
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}

/// Tells a caller (a person or a test) where to connect, and that it may.
fn announce(address: SocketAddr, control: Option<SocketAddr>) -> anyhow::Result<()> {
    let control = control.map(|address| format!("control http://{address}\n"));
    let mut out = stdout().lock();
    writeln!(out, "imds http://{address}\n{}ready", control.unwrap_or_default())
        .and_then(|()| out.flush())
        .context("standard output")
}

async fn control(settings: &Settings) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = settings.control else { return Ok(None) };
    if !is_local(&address) {
        bail!("control address {address} can be reached by other machines; use a loopback address");
    }
    let listener = TcpListener::bind(address).await;
    let listener =
        listener.with_context(|| format!("control address {address} cannot be bound"))?;
    Ok(Some(listener))
}

fn service(settings: &Settings, faults: Faults) -> anyhow::Result<Service<Emulated>> {
    let behaviour = Behaviour {
        role: settings.role.clone(),
        instance: instance(),
        allows_v1: settings.v1 == Switch::On,
        has_extended: settings.extended == Switch::On,
        forwarded_status: settings.forwarded_status.try_into()?,
        container_token: settings
            .container_token_file
            .as_deref()
            .map(container_token)
            .transpose()?,
        faults,
    };
    let key = TokenKey::random().context("no random bytes for the token key")?;
    let source = Emulated { expires_in: settings.expires_in.div_euclid(1_000) };
    Ok(Service::new(behaviour, key, source))
}

/// SDKs send the file's content as it is, so a newline at its end would never match.
fn container_token(path: &Path) -> anyhow::Result<Secret> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("container token file {} cannot be read", path.display()))?;
    if text.is_empty() || text.contains(char::is_whitespace) {
        bail!(
            "container token file {} is empty or has white space; SDKs refuse such tokens, write it without a newline",
            path.display()
        );
    }
    Ok(Secret::new(text))
}

/// A role's name goes into paths and documents, so it is held to IAM's letters.
fn role_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a role name has 1 to 64 letters, digits or any of +=,.@_-".to_owned())
    }
}

/// An instance that never was.
fn instance() -> Instance {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instance {
        id: "i-0e3017a7ed0000000".to_owned(),
        account_id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        availability_zone: "us-east-1a".to_owned(),
        instance_type: "m7i.large".to_owned(),
        image_id: "ami-0e3017a7ed0000000".to_owned(),
        private_ip: "10.0.1.17".to_owned(),
        started: UnixSeconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
    }
}
