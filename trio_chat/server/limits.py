"""Every bound of the server, with the policy for whoever meets it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server allows, and how long it waits.

    Source: docs/wire.md §2 and §6.
    """

    heartbeat_s: float = 15.0
    """A peer that was silent so long is pinged; after twice that it is gone."""
    hello_s: float = 10.0
    """A peer that has not said a good hello by then is ended."""
    stall_s: float = 60.0
    """A peer that takes nothing of what it is owed for so long is ended."""
    goodbye_s: float = 2.0
    """For the last words to a peer that is ended, and for its own."""
    drain_s: float = 10.0
    """For all peers together, when the server stops; then they are cut off."""
    peers_max: int = 10_000
    """One more is told so, and ended."""
    rooms_per_peer_max: int = 64
    """One more is refused."""
    history_entries: int = 50
    """Of a room's past, for who joins without a cursor and does not say how many."""
    page_entries: int = 64
    """Of the log, read at once for a member that is behind, and cut at
    `queue_bytes_max`: a page is all that waits for it besides what is in the queue."""
    queue_batches_max: int = 64
    """Waiting for one peer's socket; one more sets the member aside: it reads the log."""
    queue_bytes_max: int = 256 * 1024
    """As `queue_batches_max`, in bytes."""
    submissions_max: int = 64
    """Waiting for the disk, and in one transaction: each all that one read of one peer's
    socket held (64 KiB). Further peers wait, and their senders with them."""
