"""The schema of the state file, as numbered steps that only go forward.

`PRAGMA user_version` holds the number of steps that a file has had. A step is never changed once it was released: what
it made is on users' disks.
"""

import sqlite3
from typing import Final

from mogplex_mcp.storage.errors import NewerSchemaError

_RELEASE_0_1_0: Final = """
CREATE TABLE secret (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL);
CREATE TABLE runs (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    fate TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    forced INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    repo_id TEXT NOT NULL,
    repo TEXT NOT NULL,
    base_branch TEXT NOT NULL,
    prompt_line TEXT NOT NULL,
    status TEXT NOT NULL,
    pull_request TEXT NOT NULL,
    created_at REAL NOT NULL,
    checked_at REAL NOT NULL,
    PRIMARY KEY (tenant, key)
) WITHOUT ROWID;
CREATE INDEX runs_by_id ON runs (tenant, run_id);
CREATE INDEX runs_by_age ON runs (tenant, created_at);
CREATE INDEX runs_by_fingerprint ON runs (tenant, fingerprint, created_at);
CREATE TABLE requests (tenant TEXT NOT NULL, at REAL NOT NULL, units INTEGER NOT NULL, watching INTEGER NOT NULL);
CREATE INDEX requests_by_time ON requests (tenant, at);
CREATE TABLE pauses (tenant TEXT PRIMARY KEY, until REAL NOT NULL);
CREATE TABLE wait_caps (client TEXT PRIMARY KEY, seconds REAL NOT NULL, until REAL NOT NULL);
"""

# 0.1.0 made `triggers` at the first trigger. The old tables go: a process of 0.1.0 that is still running then refuses
# to start anything, where it would otherwise start what the ledger knows a second time. It would create a missing table
# of triggers again, but it cannot write to a view of that name.
_ONE_LEDGER: Final = """
CREATE TABLE starts (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    forced INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    repo_id TEXT NOT NULL,
    repo TEXT NOT NULL,
    base_branch TEXT NOT NULL,
    prompt_line TEXT NOT NULL,
    status TEXT NOT NULL,
    pull_request TEXT NOT NULL,
    created_at REAL NOT NULL,
    checked_at REAL NOT NULL,
    PRIMARY KEY (tenant, kind, key)
) WITHOUT ROWID;
CREATE INDEX starts_by_run ON starts (tenant, kind, run_id);
CREATE INDEX starts_by_age ON starts (tenant, kind, created_at);
CREATE INDEX starts_by_fingerprint ON starts (tenant, kind, fingerprint, created_at);
INSERT INTO starts
    SELECT tenant, 'run', key, CASE fate WHEN 'repeated' THEN 'retried' ELSE fate END, fingerprint, forced, run_id,
        repo_id, repo, base_branch, prompt_line, status, pull_request, created_at, checked_at
    FROM runs;
CREATE TABLE IF NOT EXISTS triggers (
    tenant TEXT, key TEXT, fingerprint TEXT, forced INTEGER, run_id TEXT, created_at REAL
);
INSERT INTO starts
    SELECT tenant, 'trigger', key, CASE run_id WHEN '' THEN 'retried' ELSE 'started' END, fingerprint, forced, run_id,
        '', '', '', '', '', '', created_at, created_at
    FROM triggers;
DROP TABLE runs;
DROP TABLE triggers;
CREATE VIEW triggers AS SELECT 1;
"""

# Keys follow from the request: what is derived from them is `day` and `generation`. The entries were kept by token; a
# person's become those of the person with the first use of that token, and those of callers over HTTP stay theirs.
_DERIVED_KEYS: Final = """
ALTER TABLE starts ADD COLUMN day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE starts ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE starts ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
DROP INDEX starts_by_fingerprint;
CREATE INDEX starts_by_request ON starts (tenant, kind, fingerprint, number, created_at);
CREATE TABLE unclaimed (tenant TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO unclaimed SELECT DISTINCT tenant FROM starts;
"""

# Follow-ups of several processes keep off each other's branch.
_WORKING_BRANCH: Final = """
ALTER TABLE starts ADD COLUMN working_branch TEXT NOT NULL DEFAULT '';
"""

MIGRATIONS: Final = (_RELEASE_0_1_0, _ONE_LEDGER, _DERIVED_KEYS, _WORKING_BRANCH)
SCHEMA_VERSION: Final = len(MIGRATIONS)


def check_version(connection: sqlite3.Connection) -> int:
    """Return the number of steps that a file has had, without a change to it.

    Raises:
        NewerSchemaError: It has had more than this release knows.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(f"it was written by a newer mogplex-mcp (schema {version})")
    return int(version)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a file to the newest schema, each step in one transaction, also while other processes do the same.

    Raises:
        NewerSchemaError: It was written by a newer release.
        sqlite3.Error: A step failed; the file is as it was before that step.
    """
    while check_version(connection) < SCHEMA_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have done this step while this one waited for the lock.
            if (version := check_version(connection)) < SCHEMA_VERSION:
                for statement in MIGRATIONS[version].split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
