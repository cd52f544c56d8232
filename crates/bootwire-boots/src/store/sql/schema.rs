//! Tables, and how older ones become newer.

/// The version of the schema: the number of steps below.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// Each step makes a schema of the version before one of the next. Steps are never changed, only
/// added. Both databases understand them.
pub(super) const STEPS: [&str; 1] = ["
    CREATE TABLE bootwire_boots (
        id TEXT PRIMARY KEY,
        machine TEXT NOT NULL,
        started BIGINT NOT NULL,
        last BIGINT NOT NULL,
        over BIGINT NOT NULL,
        failed BIGINT NOT NULL,
        kind TEXT,
        searched TEXT NOT NULL,
        size BIGINT NOT NULL,
        body TEXT NOT NULL
    );
    CREATE INDEX bootwire_boots_machine ON bootwire_boots (machine, id);
    CREATE INDEX bootwire_boots_failed ON bootwire_boots (failed, id);
    CREATE INDEX bootwire_boots_last ON bootwire_boots (last, over);
    CREATE TABLE bootwire_machines (
        machine TEXT PRIMARY KEY,
        boot TEXT NOT NULL,
        first_seen BIGINT NOT NULL,
        last_seen BIGINT NOT NULL,
        failed BIGINT NOT NULL,
        searched TEXT NOT NULL,
        body TEXT NOT NULL
    );
    CREATE INDEX bootwire_machines_seen ON bootwire_machines (last_seen);
    CREATE TABLE bootwire_keys (
        word TEXT PRIMARY KEY,
        machine TEXT NOT NULL
    );
    CREATE INDEX bootwire_keys_machine ON bootwire_keys (machine);
"];
