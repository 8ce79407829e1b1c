"""A store in memory: the reference, for tests and for `--data :memory:`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import msgspec
import trio

from trio_chat.store import chain
from trio_chat.store.interface import (
    SAID,
    Appended,
    Astray,
    Conflict,
    Draft,
    Entry,
    Hits,
    Keep,
    Late,
    Missing,
    Outcome,
    Trimmed,
    entry_of,
    says_the_same,
    why_not_about,
)
from trio_chat.words import Wanted, holds

_SCANNED: Final = 64
"""Entries that a search looks at before others have their turns."""


class _Gone(msgspec.Struct, frozen=True, gc=False):
    """What is kept of an entry that is not."""

    seq: int
    said: bytes


class _Kept(msgspec.Struct, frozen=True, gc=False):
    """An entry, and its identity in its log; a copy has that of its origin."""

    entry: Entry
    device: str
    n: int
    copy: bool


@dataclass(eq=False, slots=True)
class _Author:
    """What one device has said in one log, by its own numbers."""

    last_n: int = 0
    said: dict[int, Entry | _Gone] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Log:
    """What follows `trimmed`, by seq."""

    trimmed: int = 0
    # No list: the garbage collector does not follow a dict of what it need not follow.
    kept: dict[int, _Kept] = field(default_factory=dict)

    @property
    def head(self) -> int:
        return self.trimmed + len(self.kept)

    def entries(self, after: int, through: int) -> Iterator[Entry]:
        """Those with after < seq <= through that are kept."""
        for seq in range(max(after, self.trimmed) + 1, min(through, self.head) + 1):
            yield self.kept[seq].entry


class MemoryStore:
    """A Store that keeps everything until the process ends, and nothing after it.

    Shape:  `epoch` should be new for each process: its past ends with it.
    """

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._logs: dict[str, _Log] = {}
        self._authors: dict[tuple[str, str], _Author] = {}
        self._copies: dict[tuple[str, str, int], int] = {}  # by log and identity
        self._remembered: dict[str, str] = {}

    @property
    def epoch(self) -> str:
        return self._epoch

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        """As Store.append; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        ts = round(ts, 3)
        return [self._append(draft, ts) for draft in drafts]

    def _append(self, draft: Draft, ts: float) -> Outcome:
        author = self._authors.get((draft.log, draft.device))
        if author is None:
            if draft.known_only:
                return Missing()
            author = self._authors[draft.log, draft.device] = _Author()
        if draft.known_only or draft.n <= author.last_n:
            return _known_before(author, draft)
        unfit = None if draft.ref is None else self._unfit(draft)
        if unfit is not None:
            return unfit
        author.last_n = draft.n
        if not draft.copies:
            entry = author.said[draft.n] = self._put(draft, draft.log, ts, draft.ref)
            return Appended((entry,), duplicate=False)
        refs = [self._ref_in(log, draft) for log in draft.copies]
        entry = author.said[draft.n] = self._put(draft, draft.log, ts, draft.ref)
        copies = [
            self._put(draft, log, ts, ref)
            for log, ref in zip(draft.copies, refs, strict=True)
        ]
        return Appended((entry, *copies), duplicate=False)

    def _unfit(self, draft: Draft) -> Outcome | None:
        assert draft.ref is not None
        log = self._logs.get(draft.log, _Log())
        if not 1 <= draft.ref <= log.head:
            return Astray(draft.ref)
        if draft.changes:
            about = log.kept.get(draft.ref)
            device = None if about is None or about.copy else about.device
            unfit = why_not_about(draft, about.entry if about else None, device)
            if unfit is not None:
                return unfit
        lost = any(self._ref_in(copy, draft) is None for copy in draft.copies)
        return Astray(draft.ref) if lost else None

    def _ref_in(self, copy: str, draft: Draft) -> int | None:
        """The number that the entry which the draft is about has in another log."""
        about = self._logs.get(draft.log, _Log()).kept.get(draft.ref or 0)
        if about is None:
            return None
        if not about.copy:
            return self._copies.get((copy, about.device, about.n))
        said = self._authors.get((copy, about.device), _Author()).said.get(about.n)
        return said.seq if isinstance(said, Entry) else None

    def _put(self, draft: Draft, name: str, ts: float, ref: int | None = None) -> Entry:
        log = self._logs.get(name)
        if log is None:
            log = self._logs[name] = _Log()
        entry = entry_of(draft, log=name, seq=log.head + 1, ts=ts, ref=ref)
        copy = name != draft.log
        log.kept[entry.seq] = _Kept(entry, draft.device, draft.n, copy)
        if copy:
            self._copies[name, draft.device, draft.n] = entry.seq
        return entry

    async def read(self, log: str, *, after: int, through: int, limit: int) -> list[Entry]:
        """As Store.read; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        found = self._logs.get(log, _Log())
        return list(islice(found.entries(after, through), limit))

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
        for seq in range(found.trimmed + 1, found.trimmed + count + 1):
            kept = found.kept.pop(seq)
            if kept.copy:
                self._forget_copy((log, kept.device, kept.n), seq)
                continue
            gone = _Gone(seq, chain.said(kept.entry))
            self._authors[log, kept.device].said[kept.n] = gone
        found.trimmed += count
        return count

    async def search(
        self, log: str, sought: Wanted, *, before: int, through: int, limit: int
    ) -> Hits:
        """As Store.search; never raises SearchError. Cancel: atomic."""
        found = self._logs.get(log, _Log())
        changed: dict[int, str | None] = {}  # None: it was taken back
        entries: list[Entry] = []
        for seq in range(min(through, found.head), 0, -1):
            if seq % _SCANNED == 0:
                await trio.lowlevel.checkpoint()
            if seq not in found.kept:
                continue
            _note_change(changed, found.kept[seq].entry)
            entry = _as_it_reads(found.kept[seq].entry, changed)
            if seq < before and entry is not None and holds(entry.text, sought):
                if len(entries) == limit:
                    return Hits(tuple(entries), entries[-1].seq)
                entries.append(entry)
        await trio.lowlevel.checkpoint()
        return Hits(tuple(entries), None)

    async def index(self) -> int:
        """As Store.index: it has none."""
        await trio.lowlevel.checkpoint()
        return 0

    def _forget_copy(self, identity: tuple[str, str, int], seq: int) -> None:
        if self._copies.get(identity) == seq:
            del self._copies[identity]


def _note_change(changed: dict[int, str | None], entry: Entry) -> None:
    """Note what an entry says about an older one, where none that follows has."""
    if entry.ref is None:
        return
    if entry.kind == "delete":
        changed[entry.ref] = None
    elif entry.kind == "edit":
        changed.setdefault(entry.ref, entry.text)


def _as_it_reads(entry: Entry, changed: Mapping[int, str | None]) -> Entry | None:
    """An entry with what was said about it since; None: there is no text to be found."""
    text = changed.get(entry.seq, entry.text)
    if entry.kind not in SAID or text is None:
        return None
    return msgspec.structs.replace(entry, text=text)


def _known_before(author: _Author, draft: Draft) -> Outcome:
    known = author.said.get(draft.n)
    match known:
        case None:
            return Missing() if draft.known_only else Late(author.last_n)
        case Entry():
            if says_the_same(known, draft):
                return Appended((known,), duplicate=True)
            return Conflict(known.seq)
        case _Gone(seq=seq, said=said):
            return Trimmed(seq) if said == chain.said(draft) else Conflict(seq)


def _spares(log: _Log, keep: Keep, limit: int) -> int:
    oldest = log.entries(log.trimmed, log.trimmed + limit)
    return keep.spares(((each.seq, round(each.ts * 1000)) for each in oldest), log.head)
