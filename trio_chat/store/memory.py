"""A store in memory: the reference, for tests and for `--data :memory:`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import trio

from trio_chat.store import chain
from trio_chat.store.interface import (
    Appended,
    Conflict,
    Draft,
    Entry,
    Keep,
    Late,
    Missing,
    Outcome,
    Trimmed,
    entry_of,
    says_the_same,
)


class _Gone(NamedTuple):
    """What is kept of an entry that is not."""

    seq: int
    said: bytes


@dataclass(eq=False, slots=True)
class _Author:
    """What one device has said in one log, by its own numbers."""

    last_n: int = 0
    said: dict[int, Entry | _Gone] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Log:
    """Entries in their order, from the one behind `trimmed` on, and their identities."""

    trimmed: int = 0
    entries: list[Entry] = field(default_factory=list)
    identities: list[tuple[str, int] | None] = field(default_factory=list)
    """A device and its number; None: a copy, which has no identity here."""

    @property
    def head(self) -> int:
        return self.trimmed + len(self.entries)


class MemoryStore:
    """A Store that keeps everything until the process ends, and nothing after it.

    Shape:  `epoch` should be new for each process: its past ends with it.
    """

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._logs: dict[str, _Log] = {}
        self._authors: dict[tuple[str, str], _Author] = {}
        self._remembered: dict[str, str] = {}

    @property
    def epoch(self) -> str:
        return self._epoch

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        """As Store.append; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        return [self._append(draft, ts) for draft in drafts]

    def _append(self, draft: Draft, ts: float) -> Outcome:
        author = self._authors.get((draft.log, draft.device))
        if author is None:
            if draft.known_only:
                return Missing()
            author = self._authors[draft.log, draft.device] = _Author()
        if draft.known_only or draft.n <= author.last_n:
            return _known_before(author, draft)
        author.last_n = draft.n
        entry = author.said[draft.n] = self._put(draft, draft.log, ts)
        copies = [self._put(draft, log, ts) for log in draft.copies]
        return Appended((entry, *copies), duplicate=False)

    def _put(self, draft: Draft, name: str, ts: float) -> Entry:
        log = self._logs.get(name)
        if log is None:
            log = self._logs[name] = _Log()
        entry = entry_of(draft, log=name, seq=log.head + 1, ts=ts)
        log.entries.append(entry)
        log.identities.append((draft.device, draft.n) if name == draft.log else None)
        return entry

    async def read(self, log: str, *, after: int, through: int, limit: int) -> list[Entry]:
        """As Store.read; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        found = self._logs.get(log, _Log())
        first = max(after, found.trimmed)
        end = min(through, first + limit)
        return found.entries[first - found.trimmed : max(0, end - found.trimmed)]

    async def heads(self) -> dict[str, int]:
        """As Store.heads; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        return {name: log.head for name, log in self._logs.items()}

    async def remember(self, values: Mapping[str, str | None]) -> None:
        """As Store.remember; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        for name, value in values.items():
            self._remembered.pop(name, None)
            if value is not None:
                self._remembered[name] = value

    async def remembered(self, prefix: str) -> dict[str, str]:
        """As Store.remembered; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        names = sorted(name for name in self._remembered if name.startswith(prefix))
        return {name: self._remembered[name] for name in names}

    async def trimmed(self, log: str) -> int:
        """As Store.trimmed; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        return self._logs.get(log, _Log()).trimmed

    async def overdue(self, keep: Keep) -> list[str]:
        """As Store.overdue; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        return [name for name, log in self._logs.items() if _spares(log, keep, 1)]

    async def trim(self, log: str, keep: Keep, *, limit: int) -> int:
        """As Store.trim; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        found = self._logs.get(log, _Log())
        count = _spares(found, keep, limit)
        for entry, identity in zip(
            found.entries[:count], found.identities[:count], strict=True
        ):
            if identity is not None:
                device, n = identity
                gone = _Gone(entry.seq, chain.said(entry))
                self._authors[log, device].said[n] = gone
        del found.entries[:count], found.identities[:count]
        found.trimmed += count
        return count


def _known_before(author: _Author, draft: Draft) -> Outcome:
    known = author.said.get(draft.n)
    match known:
        case None:
            return Missing() if draft.known_only else Late(author.last_n)
        case Entry():
            if says_the_same(known, draft):
                return Appended((known,), duplicate=True)
            return Conflict(known.seq)
        case _Gone(seq, said):
            return Trimmed(seq) if said == chain.said(draft) else Conflict(seq)


def _spares(log: _Log, keep: Keep, limit: int) -> int:
    oldest = ((entry.seq, round(entry.ts * 1000)) for entry in log.entries[:limit])
    return keep.spares(oldest, log.head)
