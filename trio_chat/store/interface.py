"""What a store promises: the interface, and the values that cross it.

The values are structs that the garbage collector does not follow (`gc=False`): they hold
nothing that could lead back to them, there may be millions of them, and a full collection
that walks through all of those stops the server for as long as it takes.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from trio_chat.words import Wanted

SAID: Final = frozenset({"text", "me"})
"""Kinds of entries with a text of their own: what can be searched for."""
_NICK_CHARS_MAX: Final = 32
_CHANGES: Final = frozenset({"edit", "delete"})
_CHANGED: Final = frozenset({"text", "me"})


class Draft(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an author wants to be in a log, not yet numbered.

    Shape:  (device, n) is its identity in `log`, for ever, also when the entry is kept no
            longer. `copies` are further logs that
            get the same entry in the same transaction, if and only if `log` had not got it
            before (a direct message: the author's log, and the reader's as a copy); each is
            another log. A draft that is `known_only` is looked up and never appended: for
            who may not say it now, and may have said it before. `ref` is the seq of an
            entry in `log` that it is about; one that `changes` it is for the author of
            that entry alone.
    """

    log: str
    device: str
    n: int
    nick: str
    text: str
    kind: str = "text"
    to: str | None = None
    copies: tuple[str, ...] = ()
    known_only: bool = False
    ref: int | None = None

    @property
    def changes(self) -> bool:
        """Whether it says that the entry it is about should be read otherwise."""
        return self.kind in _CHANGES


class Entry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A numbered item of a log.

    Units:  `ts` is seconds since 1970 UTC, to the millisecond.
    """

    log: str
    seq: int
    nick: str
    text: str
    ts: float
    kind: str = "text"
    to: str | None = None
    ref: int | None = None


class Appended(msgspec.Struct, frozen=True, gc=False):
    """A draft is durable.

    Shape:  `entries` is the entry in its own log, then the copies in theirs. When
            `duplicate`, the draft was durable before: its old entry alone.
    """

    entries: tuple[Entry, ...]
    duplicate: bool

    @property
    def seq(self) -> int:
        return self.entries[0].seq


class Conflict(msgspec.Struct, frozen=True, gc=False):
    """The draft's identity is taken by another text; the log is unchanged.

    Shape:  `seq` is where the other text stands.
    """

    seq: int


class Missing(msgspec.Struct, frozen=True, gc=False):
    """The log does not have the draft, which was `known_only`."""


class Late(msgspec.Struct, frozen=True, gc=False):
    """The log does not have the draft, and has a later one of the same device.

    Shape:  it can't enter any more: an author's numbers grow from entry to entry. `last_n`
            is the largest of them.
    """

    last_n: int


class Trimmed(msgspec.Struct, frozen=True, gc=False):
    """The draft was durable before, and its entry is no longer kept.

    Shape:  `seq` is where it stood.
    """

    seq: int


class Astray(msgspec.Struct, frozen=True, gc=False):
    """The draft is about an entry that is not there, or can't be meant.

    Shape:  the log is unchanged. Where there are no copies, a reply may be to any entry
            that was ever given. What changes an entry needs it to be kept, and to stand for
            itself; what has copies needs it to be kept in all their logs.
    """

    ref: int


class NotOwn(msgspec.Struct, frozen=True, gc=False):
    """The draft changes what another device has said; the log is unchanged."""

    ref: int


Outcome = Appended | Astray | Conflict | Late | Missing | NotOwn | Trimmed


class Hits(msgspec.Struct, frozen=True, gc=False):
    """What a search has come to.

    Shape:  `entries` newest first. `before`: it has come so far, and there may be more: the
            next search goes on there. None: that is all.
    """

    entries: tuple[Entry, ...]
    before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What is kept of every log; an entry that one of the two gives up is given up.

    Shape:  None: no end to it. Entries go in the order of their seq, so that one with a
            younger time keeps those behind it, whatever their own times are.
    """

    entries: int | None = None
    """So many of the last ones."""
    since_ts: float | None = None
    """Those from this time on, in seconds since 1970 UTC."""

    def spares(self, oldest: Iterable[tuple[int, int]], head: int) -> int:
        """How many of a log's oldest entries need not be kept.

        Shape:  `oldest` are (seq, ts_ms), in their order.
        """
        last = 0 if self.entries is None else head - self.entries
        since_ms = -1 if self.since_ts is None else round(self.since_ts * 1000)
        count = 0
        for seq, ts_ms in oldest:
            if seq > last and ts_ms >= since_ms:
                break
            count += 1
        return count


class Store(Protocol):
    """Numbered, durable logs, and a few small values beside them.

    Source: promises P1 to P3; tests/store/contract.py holds every store to this.
    """

    @property
    def epoch(self) -> str:
        """Names this store's past; a store with another past has another one."""

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        """Number the drafts and make them durable, all in one transaction.

        Shape:  an outcome for each draft, in their order. Numbers in each log go on from
                its head by one, in the order given. A draft that the log has already, or
                that comes twice in `drafts`, gets the seq of the first. One whose number is
                smaller than another one of its device there is not appended, nor is one
                that is about an entry that it can't be about. In the copies `ref` is the
                seq that the same entry has there.
        Units:  `ts` is seconds since 1970 UTC; every new entry bears it.
        Raises: StoreError: nothing is appended; the same drafts may be given again.
        Cancel: may have happened: the wait is abandoned, the write never is.
        """

    async def read(self, log: str, *, after: int, through: int, limit: int) -> list[Entry]:
        """The entries with after < seq <= through, oldest first, at most `limit`.

        Shape:  contiguous from `after + 1`, or from the first entry that is kept if that
                comes later; empty if there are none.
        Raises: StoreError: nothing was read; the call may be repeated.
        Cancel: atomic.
        """

    async def heads(self) -> dict[str, int]:
        """The last seq given in every log that ever had an entry.

        Raises: StoreError: nothing was read; the call may be repeated.
        Cancel: atomic.
        """

    async def remember(self, values: Mapping[str, str | None]) -> None:
        """Make small values durable under their names, all in one transaction.

        Shape:  None: forget what is known by this name. For what changes seldom: each
                call costs a sync. They belong to a past: with another epoch there are none.
        Raises: StoreError: nothing has changed; the same may be given again.
        Cancel: may have happened: the wait is abandoned, the write never is.
        """

    async def remembered(self, prefix: str) -> dict[str, str]:
        """The small values whose names begin with `prefix`, by name and in its order.

        Raises: StoreError: nothing was read; the call may be repeated.
        Cancel: atomic.
        """

    async def trimmed(self, log: str) -> int:
        """All entries up to this seq are no longer kept; 0: none was given up.

        Raises: StoreError: nothing was read; the call may be repeated.
        Cancel: atomic.
        """

    async def overdue(self, keep: Keep) -> list[str]:
        """The logs in which there is something to trim.

        Raises: StoreError: nothing was read; the call may be repeated.
        Cancel: atomic.
        """

    async def trim(self, log: str, keep: Keep, *, limit: int) -> int:
        """Give up the oldest entries that need not be kept, at most `limit`; how many.

        Shape:  one short transaction. Seqs go on from the head, and identities stay
                taken: a draft of an entry that is gone is answered with its seq.
        Raises: StoreError: what went before an entry that is missing is as it was.
        Cancel: may have happened: the wait is abandoned, the write never is.
        """

    async def search(
        self, log: str, sought: Wanted, *, before: int, through: int, limit: int
    ) -> Hits:
        """The entries with seq < before and seq <= through in which all of it stands.

        Shape:  newest first, at most `limit`. It is bounded what one search looks at, so it
                may find fewer, or none, and have to be gone on with.
        Raises: SearchError: nothing can be searched now; the text says why.
        Cancel: may have happened; nothing has changed.
        """

    async def index(self) -> int:
        """Make later searches quicker, a little; at how many entries it has looked.

        Shape:  for when there is nothing better to do. 0: there is nothing to do.
        Raises: SearchError: there can be no index now; the text says why.
        Cancel: may have happened.
        """


def fingerprint(secret: str, whose: str = "device") -> str:
    """What a store is given in place of a device's secret, or a person's.

    Shape:  32 hexadecimal digits. Whoever reads a data file, or an old backup of one,
            can't speak as anybody. No salt: a secret is 128 bits of chance, and the same
            device has to be found again.
    """
    data = secret.encode("utf-8", "surrogatepass")
    kind = f"trio_chat {whose}".encode()
    return hashlib.blake2b(data, digest_size=16, person=kind).hexdigest()


def log_words(log: str) -> str:
    """A log's name, for people: that of an inbox is a fingerprint, and is cut short."""
    return f"the inbox {log[:5]}…" if log.startswith("@") else f"#{log}"


def entry_of(
    draft: Draft, *, log: str, seq: int, ts: float, ref: int | None = None
) -> Entry:
    """The entry that a draft becomes in `log`.

    Shape:  `to` names the reader in the author's own log, and nobody in the copies. `ref`
            is what it is about, by its number in this log.
    Units:  `ts` to the millisecond, as an entry's.
    """
    return Entry(
        log=log,
        seq=seq,
        nick=draft.nick,
        text=draft.text,
        ts=ts,
        kind=draft.kind,
        to=draft.to if log == draft.log else None,
        ref=ref,
    )


def why_not_about(draft: Draft, about: Entry | None, device: str | None) -> Outcome | None:
    """Why a draft can't change this entry, which `device` has said; None: it can."""
    assert draft.ref is not None
    if about is None or about.kind not in _CHANGED:
        return Astray(draft.ref)
    return NotOwn(draft.ref) if device != draft.device else None


def says_the_same(entry: Entry, draft: Draft) -> bool:
    """Whether the draft is the one that became this entry: a resend, not a mix-up."""
    ours = (draft.text, draft.kind, draft.ref)
    same_text = (entry.text, entry.kind, entry.ref) == ours
    return same_text and reader_of(entry.to) == reader_of(draft.to)


def reader_of(to: str | None) -> str:
    """Whom a draft is for, in the form in which readers are compared; empty: everyone.

    Shape:  as protocol.names.same(), which a store does not know: a reader that is there is
            called as it writes itself, one that has left as the author wrote it.
    """
    # Normalising is not linear in what it is given, and what is longer is no nick.
    if to is None or len(to) > _NICK_CHARS_MAX:
        return to or ""
    folded = unicodedata.normalize("NFKC", to).casefold()
    return unicodedata.normalize("NFKC", folded)
