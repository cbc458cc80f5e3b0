//! `hotspan sql "SELECT …"`: the stored spans in SQL, read-only, beside a
//! running server. How rows are written is in [`print`].

mod print;

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::ValueEnum;
use hotspan_store::sql::{SqlError, SqlLimits, SqlSession};

use crate::settings::values;

/// The statement cannot be run; standard error says why.
const EXIT_USAGE: u8 = 2;

/// Arguments of `hotspan sql`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The table is `spans`; docs/parquet.md lists its columns. attribute('http.url') \
                        and resource_attribute('host.name') look into the attribute maps, \
                        attribute_number('…') reads numbers.\n\n\
                        Exit codes: 0 done, 2 a statement that writes or makes no sense, \
                        3 it failed, was too large or took too long."
)]
pub(crate) struct Arguments {
    /// SELECT, EXPLAIN, SHOW or DESCRIBE; `-` reads it from standard input.
    #[arg(value_name = "SQL")]
    statement: String,
    /// The server's data directory.
    #[arg(long, env = "HOTSPAN_DATA_DIR", default_value = "hotspan-data", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// How rows are printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The longest the query may take.
    #[arg(long, default_value = "5m", value_name = "DURATION", value_parser = values::duration)]
    timeout: Duration,
    /// Memory for sorting, grouping and joining, in MiB.
    #[arg(long, default_value_t = 1_024, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    memory: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people; cut to the width of the terminal.
    Table,
    /// Comma-separated values.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// Asks and prints; the exit code says whose fault a failure is.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("start the async runtime")?;
    let outcome = runtime.block_on(ask(arguments));
    // A query that was ended for taking too long need not be waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => match error.downcast_ref::<SqlError>() {
            Some(SqlError::Refused(message)) => {
                say(&format!("error: {message}"));
                Ok(ExitCode::from(EXIT_USAGE))
            }
            _ => Err(error),
        },
    }
}

async fn ask(arguments: &Arguments) -> anyhow::Result<()> {
    let statement = statement(&arguments.statement)?;
    let limits = SqlLimits {
        memory_bytes: usize::try_from(arguments.memory)? << 20,
        timeout: arguments.timeout,
    };
    let session = SqlSession::open(&arguments.data_dir, limits).await?;
    let mut rows = session.query(&statement).await?;
    say(&freshness(&session));
    for path in session.missing() {
        say(&format!("note: {path} is missing; the spans it held are not seen"));
    }
    let out = io::BufWriter::new(io::stdout().lock());
    let mut printer: Box<dyn print::Printer> = match arguments.format {
        Format::Table => Box::new(print::Table::new(out, terminal_width())),
        Format::Csv => Box::new(print::Csv(out)),
        Format::Jsonl => Box::new(print::Jsonl::new(out)),
    };
    printer.columns(rows.columns())?;
    while let Some(some) = rows.next().await? {
        printer.rows(some)?;
    }
    printer.end()?;
    Ok(())
}

fn statement(given: &str) -> anyhow::Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("read the statement from standard input")?;
    Ok(text)
}

/// What a person should know about the age of what they see.
fn freshness(session: &SqlSession) -> String {
    let Some(newest) = session.newest_file() else {
        return "note: there are no span files yet; a server writes what it received within its flush age".to_owned();
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let written = u64::try_from(newest.0 / 1_000_000_000).unwrap_or_default();
    let age = Duration::from_secs(now.saturating_sub(written));
    format!(
        "note: spans that a running server still has in memory are not seen; the newest file was written {} ago",
        spoken(age)
    )
}

fn spoken(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// Columns of the terminal; `None` when standard output goes elsewhere.
fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// Whoever reads the rows has seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A line for the person; rows have standard output to themselves.
fn say(line: &str) {
    // Standard error may be closed; then nobody is there to read the line.
    let _ = writeln!(io::stderr(), "{line}");
}
