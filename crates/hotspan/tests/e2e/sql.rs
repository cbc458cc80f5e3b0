//! `hotspan sql` beside a running server and after it, and the snippets of
//! `docs/parquet.md` as they stand there: what other programs read in the
//! Parquet files is what the server's own search finds.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::otlp::{self, CLIENT, Trace};
use crate::server::{Outcome, Server, binary, list, now_ns};

const MILLI_NS: i64 = 1_000_000;
/// Traces that are sent; each has an entry span and two calls.
const TRACES: u64 = 40;

pub(crate) fn trials() -> Vec<Trial> {
    let snippets = Trial::test("sql::documented_snippets", documented_snippets);
    let ignored = python().is_none();
    if ignored {
        println!(
            "ignored: sql::documented_snippets: no Python with duckdb and pyarrow; run `cargo xtask test`"
        );
    }
    vec![
        Trial::test("sql::beside_a_server", beside_a_server),
        Trial::test("sql::exit_codes", exit_codes),
        snippets.with_ignored_flag(ignored),
    ]
}

/// A server over `data_dir` with spans that have addresses and statements.
fn filled(data_dir: &Path) -> Result<Server, Failed> {
    let server = Server::serve(data_dir)?;
    let begin = now_ns() - 60_000 * MILLI_NS;
    let traces = (0..TRACES).map(|number| {
        let start = begin + number as i64 * 100 * MILLI_NS;
        let mut trace = Trace::new(number, "GET /reports", start, 50 * MILLI_NS);
        let url = format!("http://items.internal/items/{number}");
        trace.push(
            "GET",
            CLIENT,
            MILLI_NS,
            (number as i64 + 1) * MILLI_NS,
            &[("http.url", url.as_str())],
        );
        let statement = "SELECT * FROM reports WHERE id = ?";
        trace.push("SELECT reports", CLIENT, 0, MILLI_NS, &[("db.statement", statement)]);
        trace
    });
    server.post_otlp(&otlp::request("reports", "ruby", traces.collect()))?;
    Ok(server)
}

/// Hits of the server's own search.
fn hits(server: &Server, filter: &str) -> Result<Vec<Value>, Failed> {
    let answer = server.get(&format!("/api/v1/search?window=1h&limit=1000&q={filter}"))?;
    ensure(answer["coverage"]["complete"] == true, || format!("not all was searched: {answer}"))?;
    Ok(list(&answer, "hits").to_vec())
}

/// Fails with what `says` when something does not hold.
fn ensure(holds: bool, says: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(says().into()) }
}

fn sql(data_dir: &Path, arguments: &[&str]) -> Result<Output, Failed> {
    let mut command = Command::new(binary("hotspan"));
    command.arg("sql").args(arguments).arg("--data-dir").arg(data_dir);
    Ok(command.output()?)
}

/// Standard output of a query that must succeed.
fn rows(data_dir: &Path, statement: &str) -> Result<String, Failed> {
    let output = sql(data_dir, &[statement, "--format", "csv"])?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(output.status.success(), || format!("{statement}: {told}"))?;
    Ok(String::from_utf8(output.stdout)?)
}

fn beside_a_server() -> Outcome {
    let dir = tempfile::tempdir()?;
    let data_dir = dir.path().join("hotspan-data");
    let server = filled(&data_dir)?;
    let slow = hits(&server, "http.url:*%20duration:%3E30ms")?;
    ensure(slow.len() == 10, || format!("{} slow calls: {slow:#?}", slow.len()))?;
    // The spans are in the server's memory, and the query says so.
    let output = sql(&data_dir, &["SELECT count(*) FROM spans"])?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(output.status.success() && told.contains("note: "), || told.clone())?;
    ensure(server.terminate() == Some(0), || "the server did not end well".to_owned())?;

    // A server that has nothing to do with them any more, but holds the lock.
    let server = Server::serve(&data_dir)?;
    let count = rows(&data_dir, "SELECT count(*) AS n FROM spans")?;
    ensure(count == format!("n\r\n{}\r\n", TRACES * 3), || count.clone())?;
    let statement = "SELECT hex(trace_id) AS id, attribute('http.url') AS url FROM spans \
                     WHERE attribute('http.url') IS NOT NULL AND duration_ns > 30000000 \
                     ORDER BY start DESC";
    let found = rows(&data_dir, statement)?;
    let mut expected = String::from("id,url\r\n");
    for hit in &slow {
        let id = hit["trace_id"].as_str().unwrap_or_default();
        let line = found.lines().find(|line| line.starts_with(id)).unwrap_or_default();
        ensure(line.contains("http://items.internal/items/"), || format!("{id} in {found}"))?;
        expected.push_str(&format!("{line}\r\n"));
    }
    ensure(found == expected, || format!("found {found}, expected {expected}"))?;
    ensure(hits(&server, "http.url:*%20duration:%3E30ms")? == slow, || "files find less".to_owned())
}

fn exit_codes() -> Outcome {
    let dir = tempfile::tempdir()?;
    let data_dir = dir.path().join("hotspan-data");
    ensure(filled(&data_dir)?.terminate() == Some(0), || "the server did not end".to_owned())?;
    let huge = "SELECT count(DISTINCT value || 'x') FROM generate_series(1, 2000000000)";
    for (arguments, code, says) in [
        (vec!["SELECT 1"], 0, "note: "),
        (vec!["DELETE FROM spans"], 2, "DELETE is refused"),
        (vec!["SELECT nothing FROM spans"], 2, "nothing"),
        (vec!["SELECT 1", "--timeout", "soon"], 2, "expected a duration"),
        (vec![huge, "--memory", "16"], 3, "more than the 16 MiB of memory"),
        (vec![huge, "--timeout", "1ms"], 3, "took longer than 1ms"),
    ] {
        let output = sql(&data_dir, &arguments)?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_so = output.status.code() == Some(code) && told.contains(says);
        ensure(is_so, || format!("{arguments:?}: {:?}: {told}", output.status))?;
    }
    let output = sql(&dir.path().join("nowhere"), &["SELECT 1"])?;
    ensure(output.status.code() == Some(3), || format!("{output:?}"))
}

/// A Python that has what the snippets import.
fn python() -> Option<PathBuf> {
    let python = PathBuf::from(std::env::var_os("HOTSPAN_LIVE_VENV")?).join("bin/python");
    let has_all = Command::new(&python).args(["-c", "import duckdb, pyarrow"]).output();
    has_all.is_ok_and(|output| output.status.success()).then_some(python)
}

fn documented_snippets() -> Outcome {
    let python = python().ok_or("no Python")?;
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/parquet.md");
    let page = std::fs::read_to_string(page)?;
    let dir = tempfile::tempdir()?;
    let data_dir = dir.path().join("hotspan-data");
    let server = filled(&data_dir)?;
    let all = hits(&server, "")?.len();
    let slowest = hits(&server, "http.url:*")?
        .into_iter()
        .max_by(|a, b| {
            a["duration_ms"]
                .as_f64()
                .partial_cmp(&b["duration_ms"].as_f64())
                .unwrap_or(std::cmp::Ordering::Equal)
        })
        .ok_or("no hit")?;
    ensure(server.terminate() == Some(0), || "the server did not end well".to_owned())?;

    let snippets: Vec<&str> = page
        .split("```python\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|snippet| !snippet.contains("pyspark"))
        .collect();
    ensure(snippets.len() >= 2, || format!("{} snippets in docs/parquet.md", snippets.len()))?;
    for snippet in snippets {
        let output =
            Command::new(&python).args(["-c", snippet]).current_dir(dir.path()).output()?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure(output.status.success(), || format!("{snippet}\n{failed}"))?;
        // Every snippet counts the spans and names the slowest call first.
        ensure(told.starts_with(&format!("{all} spans\n")), || format!("{snippet}\n{told}"))?;
        let id = slowest["span_id"].as_str().unwrap_or_default();
        let first = told.lines().nth(1).unwrap_or_default();
        let is_so = first.contains(id) && first.contains("http://items.internal/items/39");
        ensure(is_so, || format!("{snippet}\n{told}\nexpected {slowest}"))?;
    }
    Ok(())
}
