"""A store in memory: the reference, for tests and for `--data :memory:`."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

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

_Identity: TypeAlias = tuple[str, str, int]


class MemoryStore:
    """A Store that keeps everything until the process ends, and nothing after it.

    Shape:  `epoch` should be new for each process: its past ends with it.
    """

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._logs: dict[str, list[Entry]] = {}
        self._trimmed: dict[str, int] = {}
        self._known: dict[_Identity, Entry] = {}
        self._remembered: dict[str, str] = {}
        self._identities: dict[tuple[str, int], _Identity] = {}  # by place
        self._last_n: dict[tuple[str, str], int] = {}
        self._said: dict[_Identity, tuple[int, bytes]] = {}  # of what is no longer kept

    @property
    def epoch(self) -> str:
        return self._epoch

    async def append(self, drafts: Sequence[Draft], ts: float) -> list[Outcome]:
        """As Store.append; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        return [self._append(draft, ts) for draft in drafts]

    def _append(self, draft: Draft, ts: float) -> Outcome:
        identity = (draft.log, draft.device, draft.n)
        known = self._known.get(identity)
        if known is not None:
            if says_the_same(known, draft):
                return Appended((known,), duplicate=True)
            return Conflict(known.seq)
        if identity in self._said:
            seq, said = self._said[identity]
            return Trimmed(seq) if said == chain.said(draft) else Conflict(seq)
        if draft.known_only:
            return Missing()
        last_n = self._last_n.get((draft.log, draft.device), 0)
        if draft.n < last_n:
            return Late(last_n)
        self._last_n[draft.log, draft.device] = draft.n
        entries = tuple(self._put(draft, log, ts) for log in (draft.log, *draft.copies))
        self._known[identity] = entries[0]
        self._identities[draft.log, entries[0].seq] = identity
        return Appended(entries, duplicate=False)

    def _put(self, draft: Draft, log: str, ts: float) -> Entry:
        entries = self._logs.setdefault(log, [])
        entry = entry_of(draft, log=log, seq=self._head(log) + 1, ts=ts)
        entries.append(entry)
        return entry

    def _head(self, log: str) -> int:
        return self._trimmed.get(log, 0) + len(self._logs[log])

    async def read(self, log: str, *, after: int, through: int, limit: int) -> list[Entry]:
        """As Store.read; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        trimmed = self._trimmed.get(log, 0)
        first, end = max(after, trimmed), min(through, max(after, trimmed) + limit)
        return self._logs.get(log, [])[first - trimmed : max(0, end - trimmed)]

    async def heads(self) -> dict[str, int]:
        """As Store.heads; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        return {log: self._head(log) for log in self._logs}

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
        return self._trimmed.get(log, 0)

    async def overdue(self, keep: Keep) -> list[str]:
        """As Store.overdue; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        return [log for log in self._logs if self._spares(log, keep, 1)]

    async def trim(self, log: str, keep: Keep, *, limit: int) -> int:
        """As Store.trim; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        count = self._spares(log, keep, limit)
        if not count:
            return 0
        for entry in self._logs[log][:count]:
            identity = self._identities.pop((log, entry.seq), None)
            if identity is not None:
                del self._known[identity]
                self._said[identity] = entry.seq, chain.said(entry)
        del self._logs[log][:count]
        self._trimmed[log] = self._trimmed.get(log, 0) + count
        return count

    def _spares(self, log: str, keep: Keep, limit: int) -> int:
        entries = self._logs.get(log)
        if entries is None:
            return 0
        oldest = ((entry.seq, round(entry.ts * 1000)) for entry in entries[:limit])
        return keep.spares(oldest, self._head(log))
