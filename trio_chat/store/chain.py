"""The hash chain of a log: each entry's link holds all that came before it.

Whoever reads a log again from a link that is known can tell whether anything in between
is another than it was: a byte of a text, an order, a time, an identity. It finds what
disks, copies and bugs do to a file. It keeps nobody out: who may write the file can make
the whole chain anew.
"""

from hashlib import blake2b
from typing import Final

from trio_chat.store.interface import Draft, Entry, reader_of

LINK_BYTES: Final = 16
"""Two pasts share a link by accident once in 2**128."""
START: Final = bytes(LINK_BYTES)
"""What the first entry of every log follows."""
_SAID_BYTES: Final = 8


def link(
    before: bytes,
    entry: Entry,
    device: str | None,
    n: int | None,
    origin: str | None = None,
) -> bytes:
    """The link of an entry that follows the link `before`.

    Shape:  `device` and `n` are its identity. A copy has none: its author's device is its
            `origin`. The name of the log is no part of it.
    """
    # Every text behind its length, so that no two entries are written alike. What came with
    # a later schema is written only where it is there: older links stay what they are.
    if device is not None:
        identity = f"{n} {len(device)}"
    else:
        identity = "-" if origin is None else f"-{n} {len(origin)}"
    to = "-" if entry.to is None else len(entry.to)
    ref = "" if entry.ref is None else f" {entry.ref}"
    written = (
        f"{entry.seq} {round(entry.ts * 1000)} {identity} {len(entry.nick)}"
        f" {len(entry.kind)} {to} {len(entry.text)}{ref}\n"
        f"{device or origin or ''}{entry.nick}{entry.kind}{entry.to or ''}{entry.text}"
    )
    return blake2b(before + written.encode(), digest_size=LINK_BYTES).digest()


def said(what: Draft | Entry) -> bytes:
    """What is kept of a line whose entry is not: enough to know it again.

    Shape:  the same for all that says_the_same(), and for nothing else (once in 2**64).
    """
    to = reader_of(what.to)
    ref = "" if what.ref is None else f" {what.ref}"
    written = f"{len(what.kind)} {len(to)}{ref}\n{what.kind}{to}{what.text}"
    return blake2b(written.encode(), digest_size=_SAID_BYTES).digest()
