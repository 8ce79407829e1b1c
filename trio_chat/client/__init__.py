"""A chat client without a face: for the terminal client, plain mode, bots and tests."""

from trio_chat.client.client import Client
from trio_chat.client.opening import open_client

__all__ = ["Client", "open_client"]
