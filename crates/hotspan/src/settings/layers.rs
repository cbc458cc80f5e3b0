//! The sources of settings and their order: flags, environment, file, defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::{Settings, TABLE};

/// The variable that names the TOML file.
const CONFIG_VARIABLE: &str = "HOTSPAN_CONFIG";

/// Values as the flags gave them, by setting name, and the TOML file's path.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    flags: BTreeMap<&'static str, String>,
    config: Option<PathBuf>,
}

impl Args for Layers {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help(format!("A TOML file of settings [env: {CONFIG_VARIABLE}]"));
        TABLE.iter().fold(command.arg(config), |command, setting| {
            let note = match setting.default {
                "" => format!("[env: {}]", setting.variable()),
                default => format!("[env: {}] [default: {default}]", setting.variable()),
            };
            command.arg(
                Arg::new(setting.name)
                    .long(setting.name)
                    .value_name(setting.value_name)
                    .help(format!("{} {note}", setting.help)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Layers {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut layers = Self::default();
        layers.update_from_arg_matches(matches)?;
        Ok(layers)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.config = matches.get_one::<PathBuf>("config").cloned();
        for setting in &TABLE {
            if let Some(value) = matches.get_one::<String>(setting.name) {
                self.flags.insert(setting.name, value.clone());
            }
        }
        Ok(())
    }
}

impl Settings {
    /// The settings in force: flags over the process's environment over the file.
    pub(crate) fn resolve(layers: &Layers) -> anyhow::Result<Self> {
        Self::from_sources(layers, &|variable| std::env::var(variable).ok())
    }

    fn from_sources(
        layers: &Layers,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let config =
            layers.config.clone().or_else(|| environment(CONFIG_VARIABLE).map(PathBuf::from));
        let file = config.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let mut settings = Self::blank();
        for setting in &TABLE {
            let (value, source) = if let Some(value) = layers.flags.get(setting.name) {
                (value.clone(), format!("--{}", setting.name))
            } else if let Some(value) = environment(&setting.variable()) {
                (value, setting.variable())
            } else if let Some(value) = file.get(&setting.key()) {
                (value.clone(), format!("`{}` in the settings file", setting.key()))
            } else {
                (setting.default.to_owned(), format!("the default of {}", setting.name))
            };
            (setting.set)(&mut settings, &value)
                .map_err(|expected| anyhow!("{source}: {expected}"))?;
        }
        Ok(settings)
    }

    /// Values that every setting replaces: the table has a default for each.
    fn blank() -> Self {
        let nowhere = ([127, 0, 0, 1], 0).into();
        Self {
            data_dir: PathBuf::new(),
            listen: nowhere,
            otlp_grpc: nowhere,
            otlp_http: nowhere,
            hosts: Vec::new(),
            https: false,
            require_keys: false,
            require_login: false,
            metrics_token: None,
            retention: Default::default(),
            retention_bytes: 0,
            rollup_retention: Default::default(),
            quiet: Default::default(),
            flush_spans: 0,
            flush_age: Default::default(),
            log: String::new(),
        }
    }
}

/// Keys and values of the TOML file, as text.
fn read_file(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("settings file {shown}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("settings file {shown}"))?;
    table.into_iter().map(|(key, value)| Ok((known(&key, path)?, as_text(&key, value)?))).collect()
}

fn known(key: &str, path: &Path) -> anyhow::Result<String> {
    if TABLE.iter().any(|setting| setting.key() == key) {
        return Ok(key.to_owned());
    }
    let nearest =
        TABLE.iter().map(|setting| setting.key()).min_by_key(|known| distance(key, known));
    let nearest = nearest.unwrap_or_default();
    bail!(
        "settings file {}: there is no setting `{key}`; the nearest is `{nearest}`",
        path.display()
    )
}

fn as_text(key: &str, value: toml::Value) -> anyhow::Result<String> {
    Ok(match value {
        toml::Value::String(text) => text,
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(truth) => truth.to_string(),
        toml::Value::Array(parts) => parts
            .into_iter()
            .map(|part| as_text(key, part))
            .collect::<anyhow::Result<Vec<String>>>()?
            .join(","),
        other => bail!("settings file: `{key}` is a {}, expected a single value", other.type_str()),
    })
}

/// Letters to insert, remove or change to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, left) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(
        flags: &[(&'static str, &str)],
        env: &[(&str, &str)],
        file: &str,
    ) -> Result<Settings, String> {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("hotspan.toml");
        std::fs::write(&path, file).expect("write the file");
        let flags = flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let layers = Layers { flags, config: Some(path) };
        let environment = |name: &str| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::from_sources(&layers, &environment).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_file() {
        let file = "listen = \"127.0.0.1:1\"\nflush_spans = 5000\nhosts = [\"a\", \"b\"]";
        let settings = |flags: &[(&'static str, &str)], env: &[(&str, &str)]| {
            resolve(flags, env, file).expect("valid")
        };
        assert_eq!(settings(&[], &[]).listen.port(), 1);
        assert_eq!(settings(&[], &[("HOTSPAN_LISTEN", "[::1]:2")]).listen.port(), 2);
        let flag = settings(&[("listen", "localhost:3")], &[("HOTSPAN_LISTEN", "[::1]:2")]);
        assert_eq!((flag.listen.port(), flag.flush_spans, flag.hosts.len()), (3, 5_000, 2));
        assert_eq!(flag.data_dir, PathBuf::from("hotspan-data"));
    }

    #[test]
    fn mistakes_name_the_source_and_the_remedy() {
        for (flags, env, file, part) in [
            (vec![("listen", "4319")], vec![], "", "--listen: expected an IP address and a port"),
            (vec![], vec![("HOTSPAN_QUIET", "1m")], "", "HOTSPAN_QUIET: expected at most 5s"),
            (vec![], vec![], "lisen = \"x\"", "no setting `lisen`; the nearest is `listen`"),
            (vec![], vec![], "https = 3", "`https` in the settings file: expected true or false"),
            (vec![], vec![], "log = 1979-05-27", "`log` is a datetime"),
        ] {
            let error = resolve(&flags, &env, file).expect_err(part);
            assert!(error.contains(part), "{error} does not say {part}");
        }
    }
}
