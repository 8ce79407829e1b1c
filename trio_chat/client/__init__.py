"""A chat client without a face: for the terminal client, plain mode, bots and tests."""

from trio_chat.client.client import Client, open_client

__all__ = ["Client", "open_client"]
