-- Format 2: the life of issues, and deploys. Times are nanoseconds since
-- 1970-01-01 UTC.

-- Changes of an issue's state, in order. `comparison` is what was measured,
-- null when nothing was.
CREATE TABLE issue_change (
    id          INTEGER PRIMARY KEY,
    issue_id    INTEGER NOT NULL REFERENCES issue (id) ON DELETE CASCADE,
    at          INTEGER NOT NULL,
    from_status TEXT NOT NULL,
    to_status   TEXT NOT NULL,
    reason      TEXT NOT NULL,
    actor       TEXT NOT NULL,
    release     TEXT NOT NULL,
    comparison  BLOB
) STRICT;
CREATE INDEX issue_change_by_issue ON issue_change (issue_id, id);

-- The latest comparison of an issue before and after a fix or a release:
-- requests until `before_to` are before, those from `started` on after.
CREATE TABLE verification (
    issue_id   INTEGER PRIMARY KEY REFERENCES issue (id) ON DELETE CASCADE,
    origin     TEXT NOT NULL,
    release    TEXT NOT NULL,
    before_to  INTEGER NOT NULL,
    started    INTEGER NOT NULL,
    checked    INTEGER NOT NULL,
    progress   BLOB NOT NULL,
    comparison BLOB
) STRICT;

-- Until when an issue is ignored: a moment, or a time lost in a day; for ever
-- when both are null.
CREATE TABLE issue_ignored (
    issue_id    INTEGER PRIMARY KEY REFERENCES issue (id) ON DELETE CASCADE,
    until       INTEGER,
    day_wall_ns INTEGER
) STRICT;

-- Releases of services that went out: `told` by the API, or `seen` with the
-- first request of a release.
CREATE TABLE deploy (
    id          INTEGER PRIMARY KEY,
    project     TEXT NOT NULL,
    service     TEXT NOT NULL,
    release     TEXT NOT NULL,
    environment TEXT NOT NULL,
    at          INTEGER NOT NULL,
    source      TEXT NOT NULL
) STRICT;
CREATE INDEX deploy_by_service ON deploy (project, service, at);
CREATE UNIQUE INDEX deploy_seen ON deploy (project, service, release) WHERE source = 'seen';

-- Releases that were seen already, at the first hour that is still known.
INSERT INTO deploy (project, service, release, environment, at, source)
SELECT l.project, l.service, l.name, '', min(r.bucket) * 3600000000000, 'seen'
FROM label l JOIN rollup r ON r.release_id = l.id AND r.grain = 60
WHERE l.kind = 'release' GROUP BY l.id;
