//! The agent's two halves: a helper that keeps some rights of the start, and
//! this process, which gives them all up before it hears anyone.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;

use crate::exit::Failure;
use crate::helper::client::Helper;
use crate::helper::folders::folder_of;
use crate::privileges;
use crate::settings::Settings;

/// Starts the helper, if there are rights that it could keep.
pub(super) fn helper(settings: &Settings) -> anyhow::Result<Option<Helper>> {
    if !privileges::is_root() {
        return Ok(None);
    }
    let consumers = settings.container.iter().flat_map(|door| &door.consumers);
    let folders: BTreeSet<_> =
        consumers.filter_map(|consumer| folder_of(&consumer.token_file)).collect();
    Helper::start(&folders.into_iter().collect::<Vec<_>>()).map(Some)
}

/// Gives up every right of root, and sees to it that what has to be read again
/// later can be.
pub(super) fn give_up(path: &Path, settings: &Settings) -> anyhow::Result<()> {
    let user = settings.user.as_ref();
    if !privileges::is_root() {
        let own = nix::unistd::geteuid().as_raw();
        if let Some(user) = user.filter(|user| user.uid != own) {
            tracing::warn!(
                user = user.name,
                "user means nothing: the agent was not started as root"
            );
        }
        return Ok(());
    }
    privileges::give_up(user).context(Failure::Resource)?;
    let Some(user) = user else {
        tracing::warn!(
            "the agent hears callers as root, though without capabilities; name a user in the configuration"
        );
        return Ok(());
    };
    Settings::load(path)
        .with_context(|| {
            format!("user {} has to read the configuration when it changes; chgrp it to the user's group and chmod it to 640, and let the user into its folder", user.name)
        })
        .context(Failure::Configuration)?;
    Ok(())
}
