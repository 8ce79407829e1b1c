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

_BEGINNINGS: Final = (
    *("b", "d", "f", "g", "h", "k", "l", "m", "n", "p"),
    *("r", "s", "t", "v", "w", "br", "fl", "kr", "st", "tr"),
)
AUTHORS: Final = 100
TEXT_BYTES: Final = 64
WORDS: Final = tuple(
    f"{a}{b}{c}" for c in ("n", "rt", "") for b in "aeiou" for a in _BEGINNINGS
)
"""So that there is something to search for: 300 words, of which the first are common."""
RARE: Final = "needle"
"""Stands in every RARE_EVERY-th entry."""
RARE_EVERY: Final = 10_000
_TS: Final = 1_700_000_000
_PIECE: Final = 100_000
_ODD: Final = 0x9E3779B97F4A7C15
_FACTOR: Final = 6_364_136_223_846_793_005
_MASK: Final = 2**64 - 1


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
        text = _text(at)
        entry = Entry(log=name, seq=at + 1, nick=nick, text=text, ts=_TS + at)
        link = chain.link(link, entry, device, n + 1)
        yield log_id, at + 1, device, n + 1, nick, (_TS + at) * 1000, text, link


def _text(at: int) -> str:
    """A line of TEXT_BYTES: its number, and words, the first of them common."""
    rare = f"{RARE} " if at % RARE_EVERY == 0 else ""
    text, dice = f"{at + 1} {rare}", (at + 1) * _ODD
    while len(text) < TEXT_BYTES:
        # A cheap die, always the same: what is common stands at the beginning.
        dice = dice * _FACTOR + 1 & _MASK
        text += f"{WORDS[(dice >> 40) ** 2 * len(WORDS) >> 48]} "
    return text[:TEXT_BYTES]
