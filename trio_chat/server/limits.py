"""Every bound of the server, with the policy for whoever meets it."""

from dataclasses import dataclass
from typing import Final

BACK_IN_S: Final = 1.0
"""When a server stops, its first peers come back after this, and spread over as much."""


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
    """A peer that takes not one byte of what it is owed for so long is ended; one that
    takes a few now and then is not."""
    grace_s: float = 10.0
    """A device whose link is lost keeps its nick and its places for so long, and nobody is
    told; so long it has, once it is back, to join its rooms again."""
    restart_grace_s: float = 30.0
    """As `grace_s`, for those who were here before a restart: enough for all whom the
    last server has sent away (`back_per_s`), and for two failed tries of each other."""
    seats_kept_max: int = 65_536
    """Places in rooms, of all who are in their grace; one more, and the graces that would
    end first end now. A session costs about a kilobyte, a place 200 bytes, and as much as
    a kilobyte in a room of its own: a hundred megabytes, whatever strangers do."""
    goodbye_s: float = 2.0
    """For the last words to a peer that is ended, and for its own."""
    drain_s: float = 10.0
    """For everything, when the server stops; peers are cut off `goodbye_s` before, and what
    is not stored by then is sent again to the next server. Only a call of the disk that is
    under way can't be cut short. An error of the disk is not waited out any more."""
    back_per_s: float = 1_000.0
    """When the server stops: so many peers are asked to come back in each second, after
    one second, each up to a second later than its turn."""
    peers_max: int = 10_000
    """One more is told so, and ended."""
    rooms_per_peer_max: int = 64
    """One more is refused."""
    history_entries: int = 50
    """Of a room's past, for who joins without a cursor and does not say how many."""
    keep_entries: int | None = None
    """Of each log, the last ones; older entries are given up. None: all."""
    keep_s: float | None = None
    """As `keep_entries`, by their age."""
    trim_entries: int = 128
    """Given up in one transaction, which takes a few milliseconds: an append that comes
    meanwhile waits for no more than that."""
    trim_every_s: float = 60.0
    """How often somebody looks for what need not be kept."""
    store_patience_s: float = 5.0
    """So long drafts wait for a disk that fails, and are tried again; then their authors
    are told, and come back by themselves. Shorter than a heartbeat."""
    marks_per_person_max: int = 256
    """Read marks; one more, and the one that was not used for the longest time goes."""
    marks_max: int = 65_536
    """As `marks_per_person_max`, of all together: ten megabytes, whatever strangers do."""
    mark_written_s: float = 2.0
    """So long read marks are collected before they are written, all in one transaction. A
    server that is killed forgets what was said within it."""
    mark_told_s: float = 0.2
    """So long they are collected before the person's other devices are told."""
    devices_told_max: int = 64
    """Of one person, so many devices are told of a mark while they are here. One more hears
    of it when it joins."""
    credit: int = 128
    """Drafts of one link that may be without an answer, as the welcome says. Who sends more
    is not ended: what is too much waits in its socket, as all does that follows drafts
    which wait for the disk."""
    page_entries: int = 64
    """Of the log, read at once for whoever is behind."""
    page_bytes: int = 64 * 1024
    """A page of the log that has so much is full. It is handed over in one piece when the
    socket is ready, and nothing more until the socket has it: a page never waits beside
    the queue, but in it. Long texts that were read at once make longer ones, up to
    `queue_bytes_max`."""
    pages_bytes_max: int = 16 * 1024 * 1024
    """Pages that are kept for others who want the same; one more, and the one that was not
    wanted for the longest time goes. Once for the whole server. Who comes later than that
    has it read again."""
    queue_batches_max: int = 64
    """Waiting for one peer's socket; one more sets the member aside: it reads the log."""
    queue_bytes_max: int = 256 * 1024
    """As `queue_batches_max`, in bytes. What is longer goes in several frames."""
    socket_bytes_max: int = 256 * 1024
    """Waiting in the kernel for one peer, where it can be told so. With the queue, and
    what was read from its socket (64 KiB), it is all that a peer that reads nothing can
    cost: 576 KiB, and what Python and the kernel need to keep books about that. A page of
    the log is in the queue or nowhere, and so is a member list, which goes in parts of
    `queue_bytes_max`; the list as a whole (1.3 MB for 10,000 of the longest nicks) is the
    room's, once, until it changes."""
    commit_drafts_max: int = 2_048
    """In one transaction, and what the last submission in it holds besides: each is all
    that one read of one peer's socket held, 1,400 drafts of one letter at most. A disk
    takes some hundredths of a second for so many, and whoever speaks up meanwhile waits.
    Further peers wait with theirs, and their senders with them: of none more is taken than
    one read (64 KiB), and the part of a line that followed it (64 KiB). As objects these
    are at most half a megabyte for each peer that floods, and 55 KB if it keeps to its
    credit. They are stored in the order in which they came, one submission of each peer
    at a time. There is one queue for the whole server, not one for each room: there is one
    disk, and a flood in one room makes the senders of all rooms wait for it."""

    def __post_init__(self) -> None:
        """Hold the bounds against each other.

        Raises: ValueError: they can't be kept together.
        """
        last_back_s = BACK_IN_S + self.peers_max / self.back_per_s + BACK_IN_S
        if not self.grace_s <= self.restart_grace_s >= last_back_s:
            raise ValueError(
                f"whoever is sent away comes back within {last_back_s:g} s: after a restart"
                f" a grace of {self.restart_grace_s:g} s is too short"
            )
