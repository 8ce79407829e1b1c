"""Makes a data file with as many entries or logs as are wanted, faster than they are said.

What is in it is what a server would have written, chain and all: `verify` says so. What is
left out is the fsync of each transaction.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from trio_chat.database import connect_to, transaction
from trio_chat.store import chain, open_sqlite_store
from trio_chat.store.interface import Entry, fingerprint

AUTHORS: Final = 100
TEXT_BYTES: Final = 64
_TS: Final = 1_700_000_000
_PIECE: Final = 100_000


async def make_big_file(path: Path, *, entries: int, logs: int = 1) -> None:
    """A data file at `path`, which is not there: so many entries, dealt out to the logs.

    Shape:  the logs are called room-0, room-1, …; each has at least one entry. The n-th
            entry of a log is a second younger than the one before it.
    Cancel: atomic, but the file is there in parts.
    """
    async with open_sqlite_store(path):
        pass  # the tables
    with closing(connect_to(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for number in range(logs):
            share = entries // logs + (number < entries % logs)
            _make_log(connection, number + 1, f"room-{number}", max(share, 1))
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _make_log(connection: sqlite3.Connection, log_id: int, name: str, count: int) -> None:
    link = chain.START
    connection.execute("INSERT INTO log (id, name) VALUES (?, ?)", (log_id, name))
    for begin in range(0, count, _PIECE):
        end = min(begin + _PIECE, count)
        with transaction(connection):
            rows = list(_rows(log_id, name, begin, end, link))
            connection.executemany(
                'INSERT INTO entry (log, seq, device, n, nick, kind, "to", ts_ms, text,'
                " chain) VALUES (?, ?, ?, ?, ?, 'text', NULL, ?, ?, ?)",
                rows,
            )
            link = rows[-1][-1]
            connection.execute(
                "UPDATE log SET head = ?, chain = ? WHERE id = ?", (end, link, log_id)
            )


def _rows(
    log_id: int, name: str, begin: int, end: int, link: bytes
) -> Iterator[tuple[int, int, str, int, str, int, str, bytes]]:
    authors = [(f"m{number}", fingerprint(f"m{number}")) for number in range(AUTHORS)]
    for at in range(begin, end):
        n, number = divmod(at, AUTHORS)
        nick, device = authors[number]
        text = f"{at + 1} ".ljust(TEXT_BYTES, "x")
        entry = Entry(log=name, seq=at + 1, nick=nick, text=text, ts=_TS + at)
        link = chain.link(link, entry, device, n + 1)
        yield log_id, at + 1, device, n + 1, nick, (_TS + at) * 1000, text, link
