//! A server with its three listeners on free ports and its data in a
//! temporary directory.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hotspan_ingest::{Ingest, IngestConfig, IngestTask, SystemClock};
use hotspan_store::{Store, StoreConfig};
use hotspan_web::{AppState, WebConfig, otlp_grpc_router, otlp_http_router, serve, ui_router};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::client::{Answer, Request};

/// A running server; it ends with the test.
pub(crate) struct Server {
    pub(crate) ui: SocketAddr,
    pub(crate) otlp_http: SocketAddr,
    pub(crate) otlp_grpc: SocketAddr,
    pub(crate) state: AppState,
    _ingest: IngestTask,
    _directory: TempDir,
}

impl Server {
    /// With default settings.
    pub(crate) async fn open() -> Self {
        Self::start(|_| {}).await
    }

    /// With other settings.
    pub(crate) async fn start(change: impl FnOnce(&mut WebConfig)) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let store =
            StoreConfig { data_dir: directory.path().join("data"), ..StoreConfig::default() };
        let opened = Store::open(store).await.expect("the store opens");
        let store = opened.store.clone();
        let clock = Arc::new(SystemClock);
        let ingest = IngestConfig::default();
        let (ingest, task) =
            Ingest::start(opened, ingest, clock.clone()).await.expect("ingest starts");
        let mut config = WebConfig::default();
        change(&mut config);
        let state = AppState::new(store, ingest, config, clock);
        Self {
            ui: listen(&state, ui_router(state.clone())).await,
            otlp_http: listen(&state, otlp_http_router(state.clone())).await,
            otlp_grpc: listen(&state, otlp_grpc_router(state.clone())).await,
            state,
            _ingest: task,
            _directory: directory,
        }
    }

    /// Sends a request to the listener of pages and Sentry doors.
    pub(crate) async fn ask(&self, request: &Request) -> Answer {
        request.send(self.ui).await
    }

    /// Every counter of `/api/v1/stats` that stands still once a request is
    /// answered, as `section.name`.
    pub(crate) fn counters(&self) -> BTreeMap<String, u64> {
        let stats = self.state.ingest.stats();
        let plain = [
            ("accepted.requests", stats.accepted_requests),
            ("accepted.spans", stats.accepted_spans),
        ];
        let named = [
            ("rejected", stats.rejected),
            ("rejected_requests", stats.refused),
            ("dropped_parts", stats.dropped_parts),
            ("ignored_items", stats.ignored_items),
            ("client_losses", stats.client_losses),
        ];
        let named = named.into_iter().flat_map(|(section, counts)| {
            counts.into_iter().map(move |(name, count)| (format!("{section}.{name}"), count))
        });
        plain.into_iter().map(|(name, count)| (name.to_owned(), count)).chain(named).collect()
    }

    /// Runs something and tells which counters it moved: `name+by`, sorted.
    pub(crate) async fn moved<T>(&self, doing: impl Future<Output = T>) -> (T, String) {
        let before = self.counters();
        let outcome = doing.await;
        let after = self.counters();
        let moved: Vec<String> = after
            .into_iter()
            .filter_map(|(name, count)| {
                let by = count - before.get(&name).copied().unwrap_or(0);
                (by > 0).then(|| format!("{name}+{by}"))
            })
            .collect();
        (outcome, moved.join(" "))
    }

    /// Asks for JSON until it is as wanted; fails after a while.
    pub(crate) async fn eventually(&self, target: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..300 {
            let answer = self.ask(&Request::get(target)).await;
            if answer.status == 200 {
                last = answer.json();
                if wanted(&last) {
                    return last;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{target} never became what was wanted; last: {last}");
    }
}

async fn listen(state: &AppState, router: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let config = Arc::clone(&state.config);
    tokio::spawn(serve(listener, router, config, std::future::pending()));
    address
}
