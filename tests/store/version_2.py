"""A data file as trio_chat 0.1 before schema 3 wrote it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.store.contract import NOW_S, draft
from trio_chat.store import Keep, open_sqlite_store


async def write_version_2(path: Path) -> None:
    """A file of schema 2: a room that was trimmed, and a direct message in two inboxes."""
    async with open_sqlite_store(path) as store:
        await store.append([draft(n, f"{n}") for n in range(1, 6)], NOW_S)
        await store.trim("lobby", Keep(entries=3), limit=9)
        direct = draft(9, "psst", log="@ada", to="bob", copies=("@bob",))
        await store.append([direct], NOW_S)
    # Without what came with schema 3, which is nothing but this.
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP INDEX entry_by_origin")
        connection.execute("UPDATE entry SET n = NULL WHERE device IS NULL")
        connection.execute("ALTER TABLE entry DROP COLUMN origin")
        connection.execute("ALTER TABLE entry DROP COLUMN ref")
        _forget_origins(connection)
        connection.execute("PRAGMA user_version = 2")


def _forget_origins(connection: sqlite3.Connection) -> None:
    """Give the copy the link that it had without its origin."""
    link = bytes.fromhex(_LINK_OF_THE_COPY)
    connection.execute("UPDATE entry SET chain = ? WHERE device IS NULL", (link,))
    connection.execute("UPDATE log SET chain = ? WHERE name = '@bob'", (link,))


_LINK_OF_THE_COPY = "418abf705a1d62aa8c280db72c70194c"
