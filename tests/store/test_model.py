"""Whatever is asked of them, in whatever order: SQLite and the reference agree."""

import tempfile
from pathlib import Path
from typing import Any

import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from trio_chat.store import Draft, Keep, MemoryStore, SqliteStore
from trio_chat.store.sqlite import _lock
from trio_chat.store.verify import verify
from trio_chat.words import wanted
from trio_chat.worker import InlineWorker

LOGS = ("lobby", "Lobby", "@a", "@b")
TEXTS = st.sampled_from(["a", "A", "", "\0", "é", "e\u0301", "two one", "ones, two"])


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    log = draw(st.sampled_from(LOGS))
    others = [other for other in LOGS if other != log]
    copies = draw(st.lists(st.sampled_from(others), max_size=2, unique=True))
    return Draft(
        log=log,
        device=draw(st.sampled_from("de")),
        n=draw(st.integers(1, 3) | st.integers(2**53 - 2, 2**53 - 1)),
        nick=draw(st.sampled_from(["ada", "bob"])),
        text=draw(TEXTS),
        kind=draw(st.sampled_from(["text", "me", "edit", "react", "delete"])),
        ref=draw(st.none() | st.integers(1, 6)),
        to=draw(st.sampled_from([None, "ada"])),
        copies=tuple(copies),
    )


class StoresAgree(RuleBasedStateMachine):
    """The memory store is the model; the SQLite one is opened and closed at will."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self._path = Path(self._directory.name) / "chat.db"
        self._model: MemoryStore
        self._store: SqliteStore

    @initialize()
    def begin(self) -> None:
        self._model = MemoryStore("model")
        self._open()
        self._epoch = self._store.epoch

    def _open(self) -> None:
        self._locked = _lock(self._path)
        self._locked.__enter__()
        self._store = SqliteStore(self._path, *(InlineWorker() for _ in range(3)))
        trio.run(self._store.open)

    def _close(self) -> None:
        trio.run(self._store.aclose)
        self._locked.__exit__(None, None, None)

    def _both(self, verb: str, *args: Any, **kwargs: Any) -> None:
        async def ask() -> tuple[object, object]:
            model = await getattr(self._model, verb)(*args, **kwargs)
            return model, await getattr(self._store, verb)(*args, **kwargs)

        expected, got = trio.run(ask)
        assert got == expected

    @rule(batch=st.lists(drafts(), max_size=4), ts=st.floats(0, 4e9))
    def append(self, batch: list[Draft], ts: float) -> None:
        self._both("append", batch, ts)

    @rule(
        log=st.sampled_from([*LOGS, "nowhere"]),
        after=st.integers(0, 5),
        through=st.integers(0, 9),
        limit=st.integers(0, 5),
    )
    def read(self, log: str, after: int, through: int, limit: int) -> None:
        self._both("read", log, after=after, through=through, limit=limit)

    @rule(
        log=st.sampled_from([*LOGS, "nowhere"]),
        typed=st.sampled_from(["a", "E", "one", "on", "two ONE", "two-one", ""]),
        before=st.integers(1, 9),
        limit=st.integers(1, 3),
    )
    def search(self, log: str, typed: str, before: int, limit: int) -> None:
        sought = wanted(typed)
        self._both("search", log, sought, before=before, through=999, limit=limit)

    @rule()
    def index(self) -> None:
        trio.run(self._store.index)

    @rule(
        values=st.dictionaries(
            st.sampled_from(["a", "ab", "b", "_"]), st.none() | TEXTS, max_size=3
        )
    )
    def remember(self, values: dict[str, str | None]) -> None:
        self._both("remember", values)

    @rule(prefix=st.sampled_from(["", "a", "_", "%"]))
    def remembered(self, prefix: str) -> None:
        self._both("remembered", prefix)

    @rule(
        log=st.sampled_from([*LOGS, "nowhere"]),
        keep=st.builds(
            Keep,
            entries=st.none() | st.integers(1, 4),
            since_ts=st.none() | st.floats(0, 4e9),
        ),
        limit=st.integers(1, 4),
    )
    def trim(self, log: str, keep: Keep, limit: int) -> None:
        self._both("overdue", keep)
        self._both("trim", log, keep, limit=limit)
        self._both("trimmed", log)

    @rule()
    def reopen(self) -> None:
        self._close()
        self._open()
        assert self._store.epoch == self._epoch

    @invariant()
    def heads_agree(self) -> None:
        self._both("heads")

    def teardown(self) -> None:
        for log in LOGS:
            self._both("read", log, after=0, through=999, limit=999)
        self._close()
        assert verify(self._path).whole
        self._directory.cleanup()


TestStoresAgree = StoresAgree.TestCase
TestStoresAgree.settings = settings(max_examples=40, stateful_step_count=15)
