"""Bugs for the real programs, planted from outside: each begins with a patch of its own."""

import sys
import textwrap
from typing import Final

_PLANT: Final = """
    def plant(owner, name, new):
        getattr(owner, name)  # or else nothing would be planted at all
        setattr(owner, name, new)
"""
_MAIN: Final = """
import sys
from trio_chat.cli import main
sys.exit(main())
"""


def planted(patch: str) -> tuple[str, ...]:
    """What starts trio_chat with this done to it first."""
    return sys.executable, "-c", textwrap.dedent(_PLANT + patch) + _MAIN


_LAZY: Final = """
    import contextlib, time

    def lazy():
        begun_s = time.monotonic()

        @contextlib.contextmanager
        def transaction(connection):
            nonlocal begun_s
            if not connection.in_transaction:
                connection.execute("BEGIN IMMEDIATE")
                begun_s = time.monotonic()
            yield
            if time.monotonic() - begun_s > 0.5:
                connection.execute("COMMIT")

        return transaction
"""
"""A transaction that is durable half a second after it was said to be, or never."""

SERVERS: Final = {
    "P2: a line is accepted and shown before it is stored": planted(
        _LAZY
        + """
    from trio_chat.store import sqlite, writer

    async def read(self, ask):  # on the connection that knows what is not stored yet
        return await sqlite._run(self._writer, lambda: ask(self._log._connection))

    plant(writer, "transaction", lazy())
    plant(sqlite.SqliteStore, "_read", read)
    """
    ),
    "P3: a server does not know what its earlier life was sent": planted(
        """
    import secrets
    from msgspec.structs import replace
    from trio_chat.store.sqlite import SqliteStore

    append, life = SqliteStore.append, secrets.token_hex(4)

    async def forgetful(self, drafts, ts):
        drafts = [replace(each, device=each.device + life) for each in drafts]
        return await append(self, drafts, ts)

    plant(SqliteStore, "append", forgetful)
    """
    ),
}
CLIENTS: Final = {
    "P3: a client sends what was left under new numbers": planted(
        """
    from trio_chat.client.outbox_disk import OutboxDisk

    found = OutboxDisk._found

    def renumbered(self, connection):
        connection.execute("UPDATE sqlite_sequence SET seq = seq + 10000")
        connection.execute("UPDATE line SET n = n + 10000")
        return found(self, connection)

    plant(OutboxDisk, "_found", renumbered)
    """
    ),
    "P4: a client sends what was typed last first": planted(
        """
    from trio_chat.client.outbox import Outbox

    after = Outbox.after

    def backwards(self, n):
        lines = list(after(self, n))
        return iter(lines[::-1] if n == 0 else lines)

    plant(Outbox, "after", backwards)
    """
    ),
    "P5: a client forgets on a new link where it was": planted(
        """
    from trio_chat.client.rooms import Rooms
    from trio_chat.client.timeline import Timeline

    linked = Rooms.linked

    def forgetful(self):
        for room in self._rooms.values():
            room.timeline = Timeline()
        linked(self)

    plant(Rooms, "linked", forgetful)
    """
    ),
    "P7: a client says that it has a line before that is durable": planted(
        _LAZY
        + """
    from trio_chat.client import outbox_disk

    opened, transaction = outbox_disk.OutboxDisk.open, outbox_disk.transaction

    def open(self):
        plant(outbox_disk, "transaction", transaction)
        try:
            return opened(self)
        finally:
            plant(outbox_disk, "transaction", lazy())

    plant(outbox_disk.OutboxDisk, "open", open)
    """
    ),
    "P7: a client forgets what its earlier life has left": planted(
        """
    from trio_chat.client.outbox_disk import OutboxDisk

    found = OutboxDisk._found

    def forgetful(self, connection):
        connection.execute("DELETE FROM line")
        return found(self, connection)

    plant(OutboxDisk, "_found", forgetful)
    """
    ),
}
