"""The server: one task for each peer, one for the journal, nothing that is not owned."""

from trio_chat.server.limits import Limits
from trio_chat.server.listen import address_of, listen
from trio_chat.server.serve import Running, serve

__all__ = ["Limits", "Running", "address_of", "listen", "serve"]
