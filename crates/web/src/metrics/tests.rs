//! The page of the documentation is the table of the program.

use expect_test::expect_file;

#[test]
fn the_documentation_is_of_this_table() {
    let head = "\
# Metrics

`GET /metrics` on the UI listener (default `http://127.0.0.1:4319/metrics`) tells what the server measures of itself, in Prometheus' text format 0.0.4.

```yaml
scrape_configs:
  - job_name: hotspan
    static_configs:
      - targets: [\"127.0.0.1:4319\"]
    # Only where the server asks for a login:
    authorization:
      credentials: the token of the setting metrics_token
```

Where a login is required, so is a token: set `metrics_token` (at least 16 characters; the environment variable `HOTSPAN_METRICS_TOKEN` keeps it out of the list of processes).
The token opens `/metrics` and nothing else; a session opens it too.
The name in the address must be one the server answers to: an IP address, a loopback name or one of the setting `hosts`.

Names end in their unit; a counter ends in `_total` and begins at 0 with the server.
Labels have few values: they are words of the program, or names of a list that is cut at 200.
Files and sizes are left out of an answer when the store does not tell them within 3 s.

What to be woken up for:

- `hotspan_log_writable == 0`: the disk refuses requests; the Status page says why.
- `rate(hotspan_refused_requests_total{reason=~\"busy|disk\"}[5m]) > 0`: senders are told to come back later.
- `hotspan_span_files_missing > 0`: spans are lost or cannot be read.
- `hotspan_memory_age_seconds > 600`: spans in memory cannot be written to Parquet.

| name | type | |
|---|---|---|
";
    let page = format!("{head}{}", super::families::markdown());
    expect_file!["../../../../docs/metrics.md"].assert_eq(&page);
}
