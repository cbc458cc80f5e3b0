//! Settings: one table from which flags, environment variables, the TOML file
//! and their documentation are made.
//!
//! A flag beats the environment, which beats the file, which beats the
//! default. [`values`] parses single values, [`layers`] reads the sources.

mod layers;
pub(crate) mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hotspan_web::security::MetricsToken;

pub(crate) use layers::Layers;

/// One setting: its names are derived from `name`, its help is written once.
pub(crate) struct Setting {
    /// `otlp-grpc`: the flag. The TOML key is `otlp_grpc`, the variable `HOTSPAN_OTLP_GRPC`.
    pub(crate) name: &'static str,
    /// What stands for the value in help texts.
    pub(crate) value_name: &'static str,
    /// The value when no source has one, as it would be written.
    pub(crate) default: &'static str,
    /// One line for people.
    pub(crate) help: &'static str,
    /// Parses a value and puts it in its place; the error says what is expected.
    set: fn(&mut Settings, &str) -> Result<(), String>,
}

impl Setting {
    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("HOTSPAN_{}", self.key().to_uppercase())
    }

    /// The key in the TOML file.
    pub(crate) fn key(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// Every setting, in the order of the documentation.
pub(crate) const TABLE: [Setting; 16] = [
    Setting {
        name: "data-dir",
        value_name: "FOLDER",
        default: "hotspan-data",
        help: "Where everything is kept; one server at a time",
        set: |settings, value| {
            settings.data_dir = PathBuf::from(value);
            Ok(())
        },
    },
    Setting {
        name: "listen",
        value_name: "ADDRESS",
        default: "127.0.0.1:4319",
        help: "Pages, JSON API and Sentry ingest; port 0 takes a free one",
        set: |settings, value| values::address(value).map(|address| settings.listen = address),
    },
    Setting {
        name: "otlp-grpc",
        value_name: "ADDRESS",
        default: "127.0.0.1:4317",
        help: "OTLP over gRPC",
        set: |settings, value| values::address(value).map(|address| settings.otlp_grpc = address),
    },
    Setting {
        name: "otlp-http",
        value_name: "ADDRESS",
        default: "127.0.0.1:4318",
        help: "OTLP over HTTP, protobuf and JSON",
        set: |settings, value| values::address(value).map(|address| settings.otlp_http = address),
    },
    Setting {
        name: "hosts",
        value_name: "NAMES",
        default: "",
        help: "Host names the pages answer to besides loopback names and IP addresses, \
               separated by commas",
        set: |settings, value| {
            settings.hosts = values::list(value);
            Ok(())
        },
    },
    Setting {
        name: "https",
        value_name: "BOOL",
        default: "false",
        help: "A proxy in front speaks HTTPS: session cookies are marked Secure",
        set: |settings, value| values::truth(value).map(|truth| settings.https = truth),
    },
    Setting {
        name: "require-keys",
        value_name: "BOOL",
        default: "false",
        help: "Refuse spans without a project's key; always on when an address is not loopback",
        set: |settings, value| values::truth(value).map(|truth| settings.require_keys = truth),
    },
    Setting {
        name: "require-login",
        value_name: "BOOL",
        default: "false",
        help: "Show pages and JSON to logged-in users only; always on when an address is not loopback",
        set: |settings, value| values::truth(value).map(|truth| settings.require_login = truth),
    },
    Setting {
        name: "metrics-token",
        value_name: "TOKEN",
        default: "",
        help: "Where a login is required: lets a program read /metrics as a bearer token; \
               at least 16 characters, better given by the variable than by the flag",
        set: |settings, value| {
            settings.metrics_token = match value {
                "" => None,
                text => Some(MetricsToken::new(text).map_err(|error| error.to_string())?),
            };
            Ok(())
        },
    },
    Setting {
        name: "retention-days",
        value_name: "DAYS",
        default: "30",
        help: "Spans that began earlier are refused, and removed once they are that old",
        set: |settings, value| {
            let days = values::number(value, 1, 3_650)?;
            settings.retention = Duration::from_secs(days * 24 * 3_600);
            Ok(())
        },
    },
    Setting {
        name: "retention-bytes",
        value_name: "SIZE",
        default: "0",
        help: "What span files may take, such as 50GB; the oldest are removed first; 0 for no limit",
        set: |settings, value| values::bytes(value).map(|bytes| settings.retention_bytes = bytes),
    },
    Setting {
        name: "rollup-days",
        value_name: "DAYS",
        default: "400",
        help: "How long figures by hour are kept; figures by minute are kept for 8 days",
        set: |settings, value| {
            let days = values::number(value, 1, 3_650)?;
            settings.rollup_retention = Duration::from_secs(days * 24 * 3_600);
            Ok(())
        },
    },
    Setting {
        name: "quiet",
        value_name: "DURATION",
        default: "3s",
        help: "A trace is analysed once nothing came for this long; at most 5s",
        set: |settings, value| {
            let quiet = values::duration(value)?;
            if quiet > hotspan_ingest::QUIET_MAX {
                return Err("expected at most 5s".to_owned());
            }
            settings.quiet = quiet;
            Ok(())
        },
    },
    Setting {
        name: "flush-spans",
        value_name: "COUNT",
        default: "100000",
        help: "Spans in memory after which they are written to Parquet",
        set: |settings, value| {
            settings.flush_spans = values::number(value, 1_000, 10_000_000)? as usize;
            Ok(())
        },
    },
    Setting {
        name: "flush-age",
        value_name: "DURATION",
        default: "2m",
        help: "The longest a span is in memory and log only",
        set: |settings, value| values::duration(value).map(|age| settings.flush_age = age),
    },
    Setting {
        name: "log",
        value_name: "FILTER",
        default: "info",
        help: "What is logged to standard error: a level or a filter such as hotspan_store=debug,warn",
        set: |settings, value| {
            settings.log = value.to_owned();
            Ok(())
        },
    },
];

/// The settings in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) otlp_grpc: SocketAddr,
    pub(crate) otlp_http: SocketAddr,
    pub(crate) hosts: Vec<String>,
    pub(crate) https: bool,
    pub(crate) require_keys: bool,
    pub(crate) require_login: bool,
    pub(crate) metrics_token: Option<MetricsToken>,
    pub(crate) retention: Duration,
    pub(crate) retention_bytes: u64,
    pub(crate) rollup_retention: Duration,
    pub(crate) quiet: Duration,
    pub(crate) flush_spans: usize,
    pub(crate) flush_age: Duration,
    pub(crate) log: String,
}

impl Settings {
    /// All three addresses.
    pub(crate) fn addresses(&self) -> [SocketAddr; 3] {
        [self.listen, self.otlp_grpc, self.otlp_http]
    }

    /// True when somebody on the network could reach a listener.
    pub(crate) fn is_exposed(&self) -> bool {
        self.addresses().iter().any(|address| !address.ip().is_loopback())
    }
}

/// The page `docs/settings.md`.
pub(crate) fn markdown() -> String {
    let mut page = "# Settings\n\nA flag beats its environment variable, which beats the TOML file \
        (`--config FILE` or `HOTSPAN_CONFIG`), which beats the default. Made by `hotspan settings`.\n\n\
        | flag | variable | TOML key | default | |\n|---|---|---|---|---|\n"
        .to_owned();
    for setting in &TABLE {
        let (name, value, variable, key) =
            (setting.name, setting.value_name, setting.variable(), setting.key());
        let default = match setting.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let help = setting.help;
        page.push_str(&format!(
            "| `--{name} {value}` | `{variable}` | `{key}` | {default} | {help} |\n"
        ));
    }
    page.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_documentation_is_of_this_table() {
        let page = include_str!("../../../docs/settings.md");
        assert_eq!(page.trim_end(), super::markdown(), "run `hotspan settings > docs/settings.md`");
    }
}
