"""Where logs live: append once, read by seq. One interface, one contract for all."""

from trio_chat.store.interface import (
    Appended,
    Astray,
    Conflict,
    Draft,
    Entry,
    Hits,
    Keep,
    Late,
    Missing,
    NotOwn,
    Outcome,
    Store,
    Trimmed,
    fingerprint,
)
from trio_chat.store.memory import MemoryStore
from trio_chat.store.sqlite import Found, SqliteStore, open_sqlite_store

__all__ = [
    "Appended",
    "Astray",
    "Conflict",
    "Draft",
    "Entry",
    "Found",
    "Hits",
    "Keep",
    "Late",
    "MemoryStore",
    "Missing",
    "NotOwn",
    "Outcome",
    "SqliteStore",
    "Store",
    "Trimmed",
    "fingerprint",
    "open_sqlite_store",
]
