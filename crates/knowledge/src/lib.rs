//! What Hotspan knows about the world, as data: which calls fetch credentials,
//! tokens or secrets ([`families`]), what each SDK does ([`sdks`]), and what to
//! tell people about causes ([`causes`]) and fixes ([`fixes`]), which calls
//! repeat, take long or are large by their nature ([`natural`]), where tokens are
//! meant to be fetched each time ([`logins`]), how long clients wait
//! ([`timeouts`]), what opening a connection looks like ([`connections`]), and
//! what calls may depend on ([`order`]).
//!
//! The data stands in TOML files beside the code, embedded and parsed once.
//! Causes and fixes have one file for each area, listed below.
//! Classes, steps, languages and kinds are slugs here: this crate knows no other.
//!
//! What must not live here: decisions over evidence, spans, I/O.

pub mod causes;
pub mod connections;
pub mod families;
pub mod fixes;
pub mod logins;
pub mod natural;
pub mod order;
pub mod pattern;
pub mod sdks;
pub mod timeouts;

use std::sync::LazyLock;

use thiserror::Error;

pub use causes::{CauseText, Causes};
pub use connections::Connections;
pub use families::{Families, Family, Match};
pub use fixes::{FixText, Fixes};
pub use logins::Logins;
pub use natural::Natural;
pub use order::Order;
pub use sdks::{AwsSdk, Sdks, TelemetrySdk};
pub use timeouts::{Timeout, Timeouts};

/// Everything that is known.
#[derive(Debug, Clone)]
pub struct Knowledge {
    /// Which calls fetch credentials, tokens or secrets.
    pub families: Families,
    /// What SDKs do.
    pub sdks: Sdks,
    /// What to say about causes.
    pub causes: Causes,
    /// What to do about them.
    pub fixes: Fixes,
    /// Calls that repeat, take long or are large by their nature.
    pub natural: Natural,
    /// Where a token is meant to be fetched each time.
    pub logins: Logins,
    /// How long clients wait.
    pub timeouts: Timeouts,
    /// What opening a connection looks like.
    pub connections: Connections,
    /// What calls may depend on.
    pub order: Order,
}

/// Why a knowledge file is unusable.
#[derive(Debug, Error)]
pub enum KnowledgeError {
    /// Not TOML, or not of the shape the code reads.
    #[error("knowledge file {file}: {source}; correct the file and build again")]
    Parse {
        /// The file.
        file: &'static str,
        /// What is wrong.
        source: toml::de::Error,
    },
}

impl Knowledge {
    /// Reads the embedded files.
    pub fn read() -> Result<Self, KnowledgeError> {
        Ok(Self {
            families: parse("families.toml", include_str!("../data/families.toml"))?,
            sdks: parse("sdks.toml", include_str!("../data/sdks.toml"))?,
            causes: Causes::of(parse_all(CAUSES)?),
            fixes: Fixes::of(parse_all(FIXES)?),
            natural: parse("natural.toml", include_str!("../data/natural.toml"))?,
            logins: parse("logins.toml", include_str!("../data/logins.toml"))?,
            timeouts: parse("timeouts.toml", include_str!("../data/timeouts.toml"))?,
            connections: Connections::of(parse(
                "connections.toml",
                include_str!("../data/connections.toml"),
            )?),
            order: parse("order.toml", include_str!("../data/order.toml"))?,
        })
    }
}

/// A file's path below the crate's data, and its text.
type DataFile = (&'static str, &'static str);

macro_rules! data_files {
    ($($path:literal,)+) => {
        &[$(($path, include_str!(concat!("../data/", $path)))),+]
    };
}

/// Where causes are worded, one file for each area.
const CAUSES: &[DataFile] = data_files![
    "causes/credentials.toml",
    "causes/repeats.toml",
    "causes/retries.toml",
    "causes/weight.toml",
    "causes/history.toml",
    "causes/secrets.toml",
    "causes/tokens.toml",
    "causes/waits.toml",
];

/// Where fixes are written, one file for each area; the order is theirs, too.
const FIXES: &[DataFile] = data_files![
    "fixes/credentials.toml",
    "fixes/repeats.toml",
    "fixes/retries.toml",
    "fixes/weight.toml",
    "fixes/history.toml",
    "fixes/secrets.toml",
    "fixes/tokens.toml",
    "fixes/waits.toml",
];

fn parse_all<T: serde::de::DeserializeOwned>(files: &[DataFile]) -> Result<Vec<T>, KnowledgeError> {
    files.iter().map(|(file, text)| parse(file, text)).collect()
}

fn parse<T: serde::de::DeserializeOwned>(
    file: &'static str,
    text: &str,
) -> Result<T, KnowledgeError> {
    toml::from_str(text).map_err(|source| KnowledgeError::Parse { file, source })
}

/// The embedded knowledge, parsed on first use.
pub fn knowledge() -> &'static Knowledge {
    // The files are part of the program: if one is broken there is nothing to
    // go on with, and the tests below say so before anybody runs it.
    static KNOWLEDGE: LazyLock<Knowledge> =
        LazyLock::new(|| Knowledge::read().expect("the embedded knowledge files are valid"));
    &KNOWLEDGE
}

#[cfg(test)]
mod tests;
