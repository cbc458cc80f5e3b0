//! `hotspan user`: who may look. Passwords are read from standard input or
//! made up and shown once; they never stand in a command line.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use anyhow::{Context, bail};
use hotspan_store::Catalogue;
use hotspan_web::security::hash_password;

use crate::cli::print;

/// Random bytes of a made-up password: 120 bits.
const PASSWORD_BYTES: usize = 15;
/// Letters and digits without those that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What can be done with users.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Add a user, or give one a new password. A password that is piped in is
    /// used; otherwise one is made up and printed once.
    Add {
        /// The name to log in with.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Remove a user and end their logins.
    Remove {
        /// The name to log in with.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// List the users.
    List {
        #[command(flatten)]
        place: Place,
    },
}

/// Which server's data is meant.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The server's data directory.
    #[arg(long, env = "HOTSPAN_DATA_DIR", default_value = "hotspan-data", value_name = "FOLDER")]
    data_dir: PathBuf,
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add { name, place } => add(&name, &place).await,
        Command::Remove { name, place } => {
            if !Catalogue::open(&place.data_dir).await?.remove_user(&name).await? {
                bail!("there is no user {name}; `hotspan user list` shows them");
            }
            print(&format!("removed {name}"))
        }
        Command::List { place } => {
            for name in Catalogue::open(&place.data_dir).await?.users().await? {
                print(&name)?;
            }
            Ok(())
        }
    }
}

async fn add(name: &str, place: &Place) -> anyhow::Result<()> {
    let given = password_from_pipe()?;
    let made_up = given.is_none();
    let password = match given {
        Some(password) => password,
        None => make_up_password()?,
    };
    let hash = hash_password(&password)?;
    Catalogue::open(&place.data_dir).await?.set_user(name, &hash).await?;
    print(&format!("user {name}"))?;
    if made_up {
        print(&format!("  password {password} (shown once)"))?;
    }
    Ok(())
}

/// The first line of standard input, unless a person sits there.
fn password_from_pipe() -> anyhow::Result<Option<String>> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Ok(None);
    }
    let mut line = String::new();
    input.lock().read_line(&mut line).context("read the password from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    Ok((!password.is_empty()).then(|| password.to_owned()))
}

fn make_up_password() -> anyhow::Result<String> {
    let mut bytes = [0u8; PASSWORD_BYTES * 8 / 5];
    getrandom::fill(&mut bytes).context("get random numbers from the system")?;
    // 32 letters: the low five bits of a byte choose without bias.
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
}
