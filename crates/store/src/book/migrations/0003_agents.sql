-- Format 3: what agents on hosts tell of their credentials. Each row of the
-- first three came with one span, whose ids tell it apart; times are nanoseconds
-- since 1970-01-01 UTC unless the column says otherwise.

-- Lookups of one caller with one answer, over an interval of the agent's.
CREATE TABLE agent_lookup (
    id         INTEGER PRIMARY KEY,
    project    TEXT NOT NULL,
    trace_id   BLOB NOT NULL,
    span_id    BLOB NOT NULL,
    at         INTEGER NOT NULL,
    host       TEXT NOT NULL,
    door       TEXT NOT NULL,
    role       TEXT NOT NULL,
    consumer   TEXT NOT NULL,
    uid        INTEGER,
    cgroup     TEXT NOT NULL,
    executable TEXT NOT NULL,
    answer     TEXT NOT NULL,
    count      INTEGER NOT NULL,
    sum_ns     INTEGER NOT NULL,
    max_ns     INTEGER NOT NULL,
    UNIQUE (trace_id, span_id, project)
) STRICT;
CREATE INDEX agent_lookup_by_time ON agent_lookup (at);

-- The traces that asked.
CREATE TABLE agent_caller (
    lookup_id INTEGER NOT NULL REFERENCES agent_lookup (id) ON DELETE CASCADE,
    trace_id  BLOB NOT NULL,
    span_id   BLOB NOT NULL,
    count     INTEGER NOT NULL
) STRICT;
CREATE INDEX agent_caller_by_lookup ON agent_caller (lookup_id);
CREATE INDEX agent_caller_by_trace ON agent_caller (trace_id);

-- Fetches at upstream that brought something, or failed.
CREATE TABLE agent_fetch (
    id            INTEGER PRIMARY KEY,
    project       TEXT NOT NULL,
    trace_id      BLOB NOT NULL,
    span_id       BLOB NOT NULL,
    start         INTEGER NOT NULL,
    end           INTEGER NOT NULL,
    host          TEXT NOT NULL,
    role          TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    reason        TEXT NOT NULL,
    key_last_four TEXT NOT NULL,
    UNIQUE (trace_id, span_id, project)
) STRICT;
CREATE INDEX agent_fetch_by_time ON agent_fetch (start);

-- How it stood with a role of a host, again and again.
CREATE TABLE agent_role (
    id                   INTEGER PRIMARY KEY,
    project              TEXT NOT NULL,
    trace_id             BLOB NOT NULL,
    span_id              BLOB NOT NULL,
    at                   INTEGER NOT NULL,
    host                 TEXT NOT NULL,
    role                 TEXT NOT NULL,
    upstream             TEXT NOT NULL,
    standing             TEXT NOT NULL,
    reason               TEXT NOT NULL,
    seconds_left         INTEGER,
    life_seconds         INTEGER,
    attempts             INTEGER NOT NULL,
    failures             INTEGER NOT NULL,
    renewals             INTEGER NOT NULL,
    clock_skew_seconds   INTEGER,
    started_seconds      INTEGER NOT NULL,
    answered_from_memory INTEGER NOT NULL,
    passed_to_upstream   INTEGER NOT NULL,
    dropped              INTEGER NOT NULL,
    UNIQUE (trace_id, span_id, project)
) STRICT;
CREATE INDEX agent_role_by_time ON agent_role (at);
