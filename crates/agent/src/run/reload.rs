//! Reads the configuration anew. What is wrong with it is logged, and what was
//! in force stays in force.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::helper::client::Helper;
use crate::live::{Current, Live};
use crate::settings::Settings;
use crate::tokens;

/// Puts the file in force if it is right. Returns the settings in force.
pub(super) async fn reload(
    path: &Path,
    before: Settings,
    current: &Current,
    helper: Option<&Arc<Helper>>,
) -> Settings {
    match read(path, &before, current, helper).await {
        Ok(settings) => {
            tracing::info!("the configuration was read anew");
            settings
        }
        Err(error) => {
            tracing::error!("the configuration is not changed: {error:#}");
            before
        }
    }
}

async fn read(
    path: &Path,
    before: &Settings,
    current: &Current,
    helper: Option<&Arc<Helper>>,
) -> anyhow::Result<Settings> {
    // Names of users may be asked of another machine; callers do not wait for it.
    let file = path.to_owned();
    let wanted = tokio::task::spawn_blocking(move || Settings::load(&file));
    let wanted = wanted.await.context("the configuration")??;
    if let Some(what) = needs_restart(before, &wanted) {
        anyhow::bail!("{what} changes with a restart only; restart the agent");
    }
    // The helper may be busy for a moment; callers do not wait for it.
    let (helper, wanted) = (helper.cloned(), Arc::new(wanted));
    let settings = Arc::clone(&wanted);
    let consumers =
        tokio::task::spawn_blocking(move || tokens::consumers(&settings, helper.as_deref()));
    let consumers = consumers.await.context("token files")??;
    let in_force = current.get();
    let reports = in_force.reports.as_ref();
    current.set(Live::from(&wanted, consumers, Some(&in_force), reports));
    Ok(Arc::unwrap_or_clone(wanted))
}

/// What is bound or opened once.
fn needs_restart(before: &Settings, wanted: &Settings) -> Option<&'static str> {
    let container = |settings: &Settings| settings.container.clone().map(|door| door.listen);
    let imds =
        |settings: &Settings| settings.imds.clone().map(|door| (door.listen, door.hop_limit));
    let process = |settings: &Settings| settings.process.clone().map(|door| door.socket);
    let differs = [
        ("[container] listen", container(before) != container(wanted)),
        ("[imds] listen or hop_limit", imds(before) != imds(wanted)),
        ("[process] socket", process(before) != process(wanted)),
        ("[metrics]", before.metrics != wanted.metrics),
        ("[audit]", before.audit != wanted.audit),
        ("[report]", before.report != wanted.report),
        ("user", before.user != wanted.user),
        ("state_dir", before.state_dir != wanted.state_dir),
    ];
    differs.into_iter().find(|(_, differs)| *differs).map(|(what, _)| what)
}
