//! `hotspan serve`: opens the store, binds the listeners, runs until a signal,
//! then drains in the opposite order. What a part does is in its own crate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use hotspan_ingest::{Clock, Ingest, IngestConfig, IngestTask, SystemClock, TimeRules};
use hotspan_store::{Catalogue, Store, StoreConfig};
use hotspan_web::{AppState, PublicUrls, WebConfig};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cli::print;
use crate::logging;
use crate::settings::Settings;

/// Time from the signal to the end: requests in flight finish and everything
/// in memory is written.
const GRACE: Duration = Duration::from_secs(60);

/// `serve` with the person's settings.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    logging::start(&settings.log)?;
    let running = Running::start(&settings, false).await?;
    running.announce()?;
    running.until_stopped().await
}

/// A server that takes requests.
pub(crate) struct Running {
    /// The way in, for the demo.
    pub(crate) ingest: Ingest,
    /// Who may send and look.
    pub(crate) catalogue: Catalogue,
    store: Store,
    task: IngestTask,
    urls: PublicUrls,
    listeners: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    signals: Signals,
}

impl Running {
    /// Binds before it opens the store, so that a port in use is known at once.
    /// The log is replayed while requests come in already; until that is done
    /// pages say that something is missing.
    pub(crate) async fn start(settings: &Settings, demo: bool) -> anyhow::Result<Self> {
        let signals = Signals::listen()?;
        let sockets = Sockets::bind(settings).await?;
        let opened = Store::open(store_config(settings))
            .await
            .with_context(|| format!("open the data directory {}", settings.data_dir.display()))?;
        let store = opened.store.clone();
        let catalogue = store.catalogue();
        refuse_open_doors(settings, &catalogue).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (ingest, task) =
            Ingest::start(opened, ingest_config(settings), Arc::clone(&clock)).await?;
        let urls = sockets.urls()?;
        let config = web_config(settings, urls.clone(), demo);
        let state = AppState::new(store.clone(), ingest.clone(), config, clock);
        let (stop, stopping) = watch::channel(false);
        let history = hotspan_web::keep_history(state.clone(), stopped(stopping.clone()));
        tokio::spawn(history);
        let listeners = sockets.serve(state, &stopping);
        Ok(Self { ingest, catalogue, store, task, urls, listeners, stop, signals })
    }

    /// One line for each listener, then `ready`: programs wait for these.
    pub(crate) fn announce(&self) -> anyhow::Result<()> {
        print(&format!("ui {}", self.urls.ui))?;
        print(&format!("otlp-grpc {}", self.urls.otlp_grpc))?;
        print(&format!("otlp-http {}", self.urls.otlp_http))?;
        print("ready")
    }

    /// Runs until SIGTERM or SIGINT, then finishes what was begun. A second
    /// signal ends it at once, and so does the end of the grace period.
    pub(crate) async fn until_stopped(mut self) -> anyhow::Result<()> {
        let failed = tokio::select! {
            () = self.signals.next() => false,
            () = self.task.failed() => true,
        };
        if failed {
            // What was acknowledged is in the log; the next start replays it.
            bail!(
                "a task of ingest ended early, see the log above; restart to replay what is on disk"
            );
        }
        tracing::info!("stopping");
        let Self { mut signals, store, task, listeners, stop, .. } = self;
        let drain = drain(stop, listeners, task, &store);
        tokio::select! {
            drained = tokio::time::timeout(GRACE, drain) => {
                drained.context("writing what is in memory took too long; the next start replays it")?
            }
            () = signals.next() => {
                bail!("stopped by a second signal; the next start replays what was not written")
            }
        }
    }
}

/// Listeners first, so that nothing new comes; the store last, so that
/// everything taken is written.
async fn drain(
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    task: IngestTask,
    store: &Store,
) -> anyhow::Result<()> {
    stop.send_replace(true);
    for listener in listeners {
        listener.await.context("stop a listener")?;
    }
    task.drain().await;
    store.shutdown().await.context("write what is in memory")
}

/// The signals that ask for an end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("listen for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("listen for SIGINT")?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Bound sockets, not answering yet.
struct Sockets {
    ui: TcpListener,
    otlp_grpc: TcpListener,
    otlp_http: TcpListener,
}

impl Sockets {
    async fn bind(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            ui: bind("listen", settings.listen).await?,
            otlp_grpc: bind("otlp-grpc", settings.otlp_grpc).await?,
            otlp_http: bind("otlp-http", settings.otlp_http).await?,
        })
    }

    fn urls(&self) -> anyhow::Result<PublicUrls> {
        let url = |listener: &TcpListener| -> anyhow::Result<String> {
            Ok(format!("http://{}", listener.local_addr().context("read a listener's address")?))
        };
        Ok(PublicUrls {
            ui: url(&self.ui)?,
            otlp_grpc: url(&self.otlp_grpc)?,
            otlp_http: url(&self.otlp_http)?,
        })
    }

    fn serve(self, state: AppState, stopping: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        let config = Arc::clone(&state.config);
        [
            (self.ui, hotspan_web::ui_router(state.clone())),
            (self.otlp_grpc, hotspan_web::otlp_grpc_router(state.clone())),
            (self.otlp_http, hotspan_web::otlp_http_router(state)),
        ]
        .into_iter()
        .map(|(listener, router)| {
            let stop = stopped(stopping.clone());
            tokio::spawn(hotspan_web::serve(listener, router, Arc::clone(&config), stop))
        })
        .collect()
    }
}

async fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("--{setting}: cannot listen on {address}; choose another address, or port 0 for a free one")
    })
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// A listener that others can reach needs keys for senders and a login for
/// readers; both must exist before anything is opened.
async fn refuse_open_doors(settings: &Settings, catalogue: &Catalogue) -> anyhow::Result<()> {
    if !settings.is_exposed() {
        return Ok(());
    }
    let folder = settings.data_dir.display();
    if !catalogue.has_projects_beyond_default().await? {
        bail!(
            "an address is not loopback, so senders need a key, and there is no project yet; run \
             `hotspan project add NAME --data-dir {folder}` first"
        );
    }
    if catalogue.users().await?.is_empty() {
        bail!(
            "an address is not loopback, so pages need a login, and there is no user yet; run \
             `hotspan user add NAME --data-dir {folder}` first"
        );
    }
    Ok(())
}

fn store_config(settings: &Settings) -> StoreConfig {
    StoreConfig {
        data_dir: settings.data_dir.clone(),
        flush_spans: settings.flush_spans,
        flush_age: settings.flush_age,
        retention: Some(settings.retention),
        retention_bytes: settings.retention_bytes,
        rollup_retention: settings.rollup_retention,
        ..StoreConfig::default()
    }
}

fn ingest_config(settings: &Settings) -> IngestConfig {
    let times = TimeRules { retention: settings.retention, ..TimeRules::default() };
    IngestConfig { quiet: settings.quiet, times, ..IngestConfig::default() }
}

fn web_config(settings: &Settings, urls: PublicUrls, demo: bool) -> WebConfig {
    WebConfig {
        urls,
        hosts: settings.hosts.clone(),
        https: settings.https,
        keys_required: settings.require_keys || settings.is_exposed(),
        login_required: settings.require_login || settings.is_exposed(),
        metrics_token: settings.metrics_token.clone(),
        demo,
        ..WebConfig::default()
    }
}
