"""A data file as trio_chat 0.1 before schema 2 wrote it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from trio_chat.store.schema import _VERSION_1, APPLICATION_ID

EPOCH = "the-epoch-of-old"
Row = tuple[str, int, str | None, int | None, str]
"""Log, seq, device, n, text."""


def write_version_1(path: Path, rows: Iterable[Row]) -> None:
    """A file of schema 1 with these entries."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_VERSION_1)
        connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (EPOCH,))
        for log, seq, device, n, text in rows:
            connection.execute("INSERT OR IGNORE INTO log (name) VALUES (?)", (log,))
            connection.execute(
                "INSERT INTO entry (log, seq, device, n, nick, kind, ts_ms, text) VALUES"
                " ((SELECT id FROM log WHERE name = ?), ?, ?, ?, 'ada', 'text', 5, ?)",
                (log, seq, device, n, text),
            )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
