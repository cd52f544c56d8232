//! Tables and statements.

use bootwire_sqlite::Layout;

use super::super::PATIENCE;

pub(super) const LAYOUT: Layout = Layout {
    steps: &[TABLES],
    patience: PATIENCE,
    mode: 0o644,
    // Machines are nobody's to forget: a file that is gone is a mistake.
    renews: false,
};

/// Text that any tool can read and edit; `vars` is a JSON object of at most 1 MiB.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS machines (
        id INTEGER PRIMARY KEY,
        mac TEXT UNIQUE,
        uuid TEXT UNIQUE,
        serial TEXT UNIQUE COLLATE NOCASE,
        ip TEXT UNIQUE,
        hostname TEXT UNIQUE COLLATE NOCASE,
        profile TEXT,
        vars TEXT NOT NULL DEFAULT '{}'
            CHECK (json_type(vars) = 'object' AND length(vars) <= 1048576),
        CHECK (coalesce(mac, uuid, serial, ip, hostname) IS NOT NULL)
    );
";

/// The columns a machine is found by, in order.
pub(super) const KEYS: [&str; 5] = ["mac", "uuid", "serial", "ip", "hostname"];

/// Each part has an index of its own; a key that is `NULL` finds nothing.
pub(super) const FIND: &str = "
    SELECT *, 1 AS rank FROM machines WHERE mac = ?1
    UNION ALL SELECT *, 2 FROM machines WHERE uuid = ?2
    UNION ALL SELECT *, 3 FROM machines WHERE serial = ?3
    UNION ALL SELECT *, 4 FROM machines WHERE ip = ?4
    UNION ALL SELECT *, 5 FROM machines WHERE hostname = ?5
    ORDER BY rank LIMIT 1
";

pub(super) const INSERT: &str = "
    INSERT INTO machines (mac, uuid, serial, ip, hostname, profile, vars, id)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
";

pub(super) const REPLACE: &str = "
    UPDATE machines SET mac = ?1, uuid = ?2, serial = ?3, ip = ?4, hostname = ?5, profile = ?6,
        vars = ?7 WHERE id = ?8
";
