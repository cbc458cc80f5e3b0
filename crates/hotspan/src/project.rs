//! `hotspan project`: who may send, and what senders have to be told.

use std::path::PathBuf;

use hotspan_store::Catalogue;

use crate::cli::print;

/// What can be done with projects.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Add a project; prints what its senders need.
    Add {
        /// Lower-case letters, digits and dashes.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// List projects with their keys.
    List {
        #[command(flatten)]
        place: Place,
    },
}

/// Which server's data is meant, and how senders reach it.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The server's data directory.
    #[arg(long, env = "HOTSPAN_DATA_DIR", default_value = "hotspan-data", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Host and port of the pages, as senders reach them.
    #[arg(long, default_value = "127.0.0.1:4319", value_name = "ADDRESS")]
    address: String,
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { name, place } => {
            let project = Catalogue::open(&place.data_dir).await?.add_project(&name).await?;
            tell(&place, project.id, &project.name, &project.key)
        }
        Command::List { place } => {
            for project in Catalogue::open(&place.data_dir).await?.projects().await? {
                tell(&place, project.id, &project.name, &project.key)?;
            }
            Ok(())
        }
    }
}

fn tell(place: &Place, id: i64, name: &str, key: &str) -> anyhow::Result<()> {
    print(&format!("project {name}"))?;
    print(&format!("  SENTRY_DSN=http://{key}@{}/{id}", place.address))?;
    print(&format!("  OTEL_EXPORTER_OTLP_HEADERS=x-hotspan-key={key}"))
}
