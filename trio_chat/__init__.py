"""A terminal chat on trio that never loses, doubles or reorders a line."""

__version__ = "0.1.0"

from trio_chat.client import Client, open_client
from trio_chat.client.events import ClientEvent, Entry
from trio_chat.client.outbox import Ticket
from trio_chat.client.outbox_file import open_outbox
from trio_chat.errors import (
    ClosedError,
    OutboxError,
    RefusedError,
    SettingError,
    StoreError,
    TrioChatError,
)

__all__ = [
    "Client",
    "ClientEvent",
    "ClosedError",
    "Entry",
    "OutboxError",
    "RefusedError",
    "SettingError",
    "StoreError",
    "Ticket",
    "TrioChatError",
    "open_client",
    "open_outbox",
]
