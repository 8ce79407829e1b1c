"""A store in memory: the reference, for tests and for `--data :memory:`."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import trio

from trio_chat.store.interface import (
    Appended,
    Conflict,
    Draft,
    Entry,
    Missing,
    Outcome,
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
        self._known: dict[_Identity, Entry] = {}
        self._remembered: dict[str, str] = {}

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
        if draft.known_only:
            return Missing()
        entries = tuple(self._put(draft, log, ts) for log in (draft.log, *draft.copies))
        self._known[identity] = entries[0]
        return Appended(entries, duplicate=False)

    def _put(self, draft: Draft, log: str, ts: float) -> Entry:
        entries = self._logs.setdefault(log, [])
        entry = entry_of(draft, log=log, seq=len(entries) + 1, ts=ts)
        entries.append(entry)
        return entry

    async def read(self, log: str, *, after: int, through: int, limit: int) -> list[Entry]:
        """As Store.read; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        return self._logs.get(log, [])[after : min(through, after + limit)]

    async def heads(self) -> dict[str, int]:
        """As Store.heads; never raises StoreError. Cancel: atomic."""
        await trio.lowlevel.checkpoint()
        return {log: len(entries) for log, entries in self._logs.items()}

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
