//! `hotspan-agent run --dry-run`: whether each role can be fetched. Makes no
//! file and opens no door.

use std::io::{Write, stdout};

use anyhow::Context;

use crate::exit::Failure;
use crate::roles::Role;
use crate::settings::Settings;
use crate::status;

pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut all_good = true;
    for (name, wanted) in &settings.roles {
        let role = Role::start(name, wanted, 0, None);
        role.warm().await;
        let status = status::of_role(&role);
        let text = match (&status.key_last_four, status.seconds_left, &status.reason) {
            (Some(key), Some(left), _) => format!("credentials …{key}, {left} s left"),
            (_, _, reason) => {
                all_good = false;
                reason.clone().unwrap_or_else(|| "no credentials".to_owned())
            }
        };
        let mut out = stdout().lock();
        writeln!(out, "role {name}: {text}").context("standard output")?;
    }
    if all_good { Ok(()) } else { Err(Failure::NoCredentials.into()) }
}
