-- Format 1. Times are nanoseconds since 1970-01-01 UTC unless the column says
-- otherwise; weighted counts are thousandths, so that they add exactly.

-- Parquet files of spans that belong to the store; any other file is a leftover.
CREATE TABLE file (
    path           TEXT PRIMARY KEY,
    hour           INTEGER NOT NULL,
    rows           INTEGER NOT NULL,
    bytes          INTEGER NOT NULL,
    start_min      INTEGER NOT NULL,
    start_max      INTEGER NOT NULL,
    trace_min      BLOB NOT NULL,
    trace_max      BLOB NOT NULL,
    created        INTEGER NOT NULL,
    schema_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Up to where in the write-ahead log each consumer's output is durable.
CREATE TABLE commit_point (
    consumer     TEXT PRIMARY KEY,
    position     INTEGER NOT NULL,
    committed_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO commit_point (consumer, position) VALUES ('spans', 0), ('segments', 0);

CREATE TABLE endpoint (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    project      TEXT NOT NULL,
    service      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    name         TEXT NOT NULL,
    sdk_name     TEXT NOT NULL DEFAULT '',
    sdk_version  TEXT NOT NULL DEFAULT '',
    sdk_language TEXT NOT NULL DEFAULT '',
    UNIQUE (project, service, kind, name)
) STRICT;

-- Environments and releases of a service. 0 is "not told", 1 is "(other)".
CREATE TABLE label (
    id        INTEGER PRIMARY KEY,
    project   TEXT NOT NULL,
    service   TEXT NOT NULL,
    kind      TEXT NOT NULL,
    name      TEXT NOT NULL,
    last_hour INTEGER NOT NULL,
    UNIQUE (project, service, kind, name)
) STRICT;
INSERT INTO label VALUES (0, '', '', '', '', 0), (1, '', '', '', '(other)', 0);

-- What each recent segment added to the tables below, so that a later form of
-- it can take that out again. Appended in order of commit and dropped from the
-- other end; the key is a hash, because ids are random and blobs are large.
CREATE TABLE segment (
    id           INTEGER PRIMARY KEY,
    key          INTEGER NOT NULL,
    project      TEXT NOT NULL,
    trace_id     BLOB NOT NULL,
    entry_span   BLOB NOT NULL,
    reached      INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    trace_spans  INTEGER NOT NULL,
    digest       BLOB NOT NULL,
    contribution BLOB NOT NULL
) STRICT;
CREATE INDEX segment_by_key ON segment (key);

-- Requests, errors and durations. `grain` is the width of a bucket in minutes
-- (1 or 60), `bucket` its number since 1970.
CREATE TABLE rollup (
    grain          INTEGER NOT NULL,
    endpoint_id    INTEGER NOT NULL REFERENCES endpoint (id),
    bucket         INTEGER NOT NULL,
    environment_id INTEGER NOT NULL REFERENCES label (id),
    release_id     INTEGER NOT NULL REFERENCES label (id),
    samples        INTEGER NOT NULL,
    requests       INTEGER NOT NULL,
    errors         INTEGER NOT NULL,
    wall_ns        INTEGER NOT NULL,
    time           BLOB NOT NULL,
    sketch         BLOB NOT NULL,
    PRIMARY KEY (grain, endpoint_id, bucket, environment_id, release_id)
) STRICT, WITHOUT ROWID;

-- What requests did of the classes that detectors watch: `segments` had calls
-- of it, `samples` of them a whole lookup.
CREATE TABLE class_use (
    grain       INTEGER NOT NULL,
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id),
    bucket      INTEGER NOT NULL,
    class       TEXT NOT NULL,
    family      TEXT NOT NULL,
    segments    INTEGER NOT NULL,
    samples     INTEGER NOT NULL,
    truncated   INTEGER NOT NULL,
    requests    INTEGER NOT NULL,
    lookups     INTEGER NOT NULL,
    calls       INTEGER NOT NULL,
    wall_ns     INTEGER NOT NULL,
    hidden_ns   INTEGER NOT NULL,
    detail      BLOB NOT NULL,
    PRIMARY KEY (grain, endpoint_id, bucket, class, family)
) STRICT, WITHOUT ROWID;

-- Merged call trees; grain 5 or 60 minutes.
CREATE TABLE profile (
    id          INTEGER PRIMARY KEY,
    grain       INTEGER NOT NULL,
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id),
    bucket      INTEGER NOT NULL,
    tree        BLOB NOT NULL,
    UNIQUE (grain, endpoint_id, bucket)
) STRICT;

-- Findings of one fingerprint. `endpoint_*` is what the endpoint form of the
-- detector said last, null until it says something.
CREATE TABLE issue (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    project           TEXT NOT NULL,
    fingerprint       TEXT NOT NULL,
    endpoint_id       INTEGER NOT NULL REFERENCES endpoint (id),
    detector          TEXT NOT NULL,
    class             TEXT NOT NULL,
    family            TEXT NOT NULL,
    subject           TEXT NOT NULL,
    status            TEXT NOT NULL,
    status_since      INTEGER NOT NULL,
    pruned_first_seen INTEGER,
    endpoint_first    INTEGER,
    endpoint_last     INTEGER,
    endpoint_cause    BLOB,
    endpoint_fixes_id INTEGER REFERENCES fix_set (id),
    UNIQUE (project, fingerprint)
) STRICT;
CREATE INDEX issue_by_endpoint ON issue (endpoint_id);
CREATE INDEX issue_by_class ON issue (class, family);

-- Lists of fixes, shared by the occurrences that advise them.
CREATE TABLE fix_set (
    id     INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    fixes  BLOB NOT NULL
) STRICT;

-- Affected segments. The oldest beyond a number per issue are pruned, so
-- totals are in `issue_rollup`.
CREATE TABLE occurrence (
    issue_id    INTEGER NOT NULL REFERENCES issue (id) ON DELETE CASCADE,
    trace_id    BLOB NOT NULL,
    entry_span  BLOB NOT NULL,
    start       INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL,
    wall_ns     INTEGER NOT NULL,
    lookups     REAL NOT NULL,
    calls       REAL NOT NULL,
    evidence    BLOB NOT NULL,
    cause       BLOB NOT NULL,
    fixes_id    INTEGER NOT NULL REFERENCES fix_set (id),
    PRIMARY KEY (issue_id, trace_id, entry_span)
) STRICT;
CREATE INDEX occurrence_by_start ON occurrence (issue_id, start);
CREATE INDEX occurrence_by_fixes ON occurrence (fixes_id);

-- What occurrences cost, by minute and hour like `rollup`.
CREATE TABLE issue_rollup (
    grain     INTEGER NOT NULL,
    issue_id  INTEGER NOT NULL REFERENCES issue (id) ON DELETE CASCADE,
    bucket    INTEGER NOT NULL,
    samples   INTEGER NOT NULL,
    truncated INTEGER NOT NULL,
    requests  INTEGER NOT NULL,
    lookups   INTEGER NOT NULL,
    calls     INTEGER NOT NULL,
    wall_ns   INTEGER NOT NULL,
    hidden_ns INTEGER NOT NULL,
    PRIMARY KEY (issue_id, grain, bucket)
) STRICT, WITHOUT ROWID;

-- The slowest and the newest segments of an endpoint in each hour.
CREATE TABLE trace_summary (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id),
    hour        INTEGER NOT NULL,
    trace_id    BLOB NOT NULL,
    entry_span  BLOB NOT NULL,
    start       INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL,
    error       INTEGER NOT NULL,
    spans       INTEGER NOT NULL,
    lost_ns     INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, hour, trace_id, entry_span)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_summary_by_start ON trace_summary (start);

-- How often a cap was reached.
CREATE TABLE tally (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE project (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE,
    key     TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE user (
    name          TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    created       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE login (
    token_hash BLOB PRIMARY KEY,
    user       TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    expires    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
