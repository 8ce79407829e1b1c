"""What is in a data file: its tables, whose it is, and how an older one is made over."""

import sqlite3
from pathlib import Path
from typing import Final, TypeAlias

from trio_chat.database import (
    ForeignFileError,
    NewerFileError,
    check_form,
    run_statements,
)
from trio_chat.errors import StoreOpenError
from trio_chat.store import chain
from trio_chat.store.interface import Entry, fingerprint

APPLICATION_ID: Final = 0x7472696F
"""In the file's header: "trio". A file with another one is not ours."""
SCHEMA_VERSION: Final = 3
"""In the file's header; a file with a larger one comes from a newer trio_chat."""

# A rowid table with two narrow indexes writes the texts in sequence: 1.3 to 1.8 times as
# fast as one clustered by (log, seq).
_VERSION_1: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE log (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    log INTEGER NOT NULL REFERENCES log (id),
    seq INTEGER NOT NULL,
    device TEXT,
    n INTEGER,
    nick TEXT NOT NULL,
    kind TEXT NOT NULL,
    "to" TEXT,
    ts_ms INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE UNIQUE INDEX entry_by_seq ON entry (log, seq);
CREATE UNIQUE INDEX entry_by_author ON entry (log, device, n) WHERE device IS NOT NULL;
"""

# `head` and `chain` are those of the last entry ever: the numbers go on from there, and
# the loss of a last entry shows. `trimmed` and `anchor` are those of the last entry that
# is no longer kept: the chain of what is kept begins there. Identities outlive their
# entries in `said`, with 8 bytes of hash in the place of the text: about 30 bytes an entry.
# What is in `remembered` is in no log and in no chain.
_VERSION_2: Final = f"""
ALTER TABLE log ADD COLUMN head INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log ADD COLUMN chain BLOB NOT NULL DEFAULT x'{chain.START.hex()}';
ALTER TABLE log ADD COLUMN trimmed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log ADD COLUMN anchor BLOB NOT NULL DEFAULT x'{chain.START.hex()}';
ALTER TABLE entry ADD COLUMN chain BLOB NOT NULL DEFAULT x'';
CREATE TABLE device (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE said (
    log INTEGER NOT NULL REFERENCES log (id),
    device INTEGER NOT NULL REFERENCES device (id),
    n INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    said BLOB NOT NULL,
    PRIMARY KEY (log, device, n)
) WITHOUT ROWID;
CREATE TABLE remembered (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

# `ref` is the seq of the entry that this one is about. A copy, which has no identity of its
# own, has the author's device in `origin`, and `n` with it: by that an entry is found in
# another log when something is said about it.
_VERSION_3: Final = """
ALTER TABLE entry ADD COLUMN ref INTEGER;
ALTER TABLE entry ADD COLUMN origin TEXT;
CREATE INDEX entry_by_origin ON entry (log, origin, n) WHERE origin IS NOT NULL;
"""

COLUMNS: Final = 'seq, nick, text, ts_ms, kind, "to", ref'
"""Of an entry, in the order in which as_entry() takes them."""
Row: TypeAlias = tuple[int, str, str, int, str, str | None, int | None]
_CHAINED: Final = 2
"""From this version on every entry has its link, and no device's secret is there."""
_PIECE: Final = 1_000


def as_entry(log: str, row: Row) -> Entry:
    """The entry that a row of COLUMNS is."""
    seq, nick, text, ts_ms, kind, to, ref = row
    return Entry(
        log=log,
        seq=seq,
        nick=nick,
        text=text,
        ts=ts_ms / 1000,
        kind=kind,
        to=to,
        ref=ref,
    )


def check_ours(path: Path, connection: sqlite3.Connection) -> int:
    """The version of the schema in the file; 0: it is empty.

    Raises: StoreOpenError: it is of another program, or of a newer version of this one.
            sqlite3.Error: it can't be read.
    """
    try:
        return check_form(connection, APPLICATION_ID, SCHEMA_VERSION)
    except NewerFileError as error:
        raise StoreOpenError(f"{path} {error}. Install that version") from None
    except ForeignFileError as error:
        raise StoreOpenError(f"{path} {error}. Name another file with --data") from None


def bring_up_to_date(connection: sqlite3.Connection, epoch: str) -> int:
    """Make the tables, or make them over; how many entries had to be written anew.

    Shape:  within a transaction of the caller's, so that a file is of one version or the
            other. `epoch` is for a file that is new.
    Raises: sqlite3.Error.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION:
        return 0
    if version == 0:
        run_statements(connection, _VERSION_1)
        connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (epoch,))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    if version < _CHAINED:
        _hide_devices(connection)
        run_statements(connection, _VERSION_2)
        connection.execute("INSERT INTO meta VALUES ('life', '0')")
    run_statements(connection, _VERSION_3)
    count = _chain_all(connection) if version < _CHAINED else 0
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return count


def _hide_devices(connection: sqlite3.Connection) -> None:
    """Put fingerprints where version 1 has the devices' secrets.

    Shape:  before the chain is made, which has the identities in it.
    """
    connection.create_function("fingerprint", 1, fingerprint, deterministic=True)
    connection.execute(
        "UPDATE entry SET device = fingerprint(device) WHERE device IS NOT NULL"
    )
    connection.execute(
        "UPDATE log SET name = '@' || fingerprint(substr(name, 2)) WHERE name LIKE '@%'"
    )


def _chain_all(connection: sqlite3.Connection) -> int:
    logs = connection.execute("SELECT id, name FROM log").fetchall()
    return sum(_chain_up(connection, *log) for log in logs)


def _chain_up(connection: sqlite3.Connection, log_id: int, name: str) -> int:
    """Give every entry of a log its link; how many there are."""
    head, before, count = 0, chain.START, 0
    while rows := connection.execute(
        f"SELECT id, device, n, {COLUMNS} FROM entry"  # noqa: S608 (our own names)
        " WHERE log = ? AND seq > ? ORDER BY seq LIMIT ?",
        (log_id, head, _PIECE),
    ).fetchall():
        links: list[tuple[bytes, int]] = []
        for row_id, device, n, *columns in rows:
            before = chain.link(before, as_entry(name, tuple(columns)), device, n)
            links.append((before, row_id))
        connection.executemany("UPDATE entry SET chain = ? WHERE id = ?", links)
        head, count = rows[-1][3], count + len(rows)
    connection.execute(
        "UPDATE log SET head = ?, chain = ? WHERE id = ?", (head, before, log_id)
    )
    return count


def meta(connection: sqlite3.Connection) -> dict[str, str]:
    """What the file says about itself."""
    return dict(connection.execute("SELECT key, value FROM meta").fetchall())


def live_on(connection: sqlite3.Connection, life: int) -> None:
    """Count the lives of the file; see marker.py."""
    connection.execute("UPDATE meta SET value = ? WHERE key = 'life'", (str(life),))
