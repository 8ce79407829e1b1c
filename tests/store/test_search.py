"""Every store finds the same; and the index of the durable one is only ever an index."""

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.store.search_contract import ALL, SearchContract, about, found, said
from trio_chat.errors import SearchError
from trio_chat.store import (
    Keep,
    MemoryStore,
    Store,
    open_sqlite_store,
    search_index,
    search_log,
)
from trio_chat.store.search_index import SearchIndex, index_path
from trio_chat.store.verify import verify
from trio_chat.words import wanted
from trio_chat.worker import open_inline_worker


class TestMemoryStore(SearchContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore("an epoch")


class TestSqliteStoreWithThreads(SearchContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        async with open_sqlite_store(tmp_path / "chat.db") as store:
            yield store


class TestSqliteStoreInline(SearchContract):
    @pytest.fixture
    async def store(self, path: Path) -> AsyncIterator[Store]:
        async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
            yield store


CHUNK = 100


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (search_index, search_log):
        monkeypatch.setattr(module, "CHUNK", CHUNK)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


def opened(path: Path, **more: Any) -> Any:
    return open_sqlite_store(path, open_worker=open_inline_worker, **more)


async def index_all(store: Store) -> int:
    """Have the index go as far as the logs do; in how many steps."""
    steps = 0
    while await store.index():
        steps += 1
        assert steps < 1_000
    return steps


def rows(path: Path) -> int:
    """How many entries are in the index."""
    with closing(sqlite3.connect(index_path(path))) as connection:
        (count,) = connection.execute("SELECT count(*) FROM line").fetchone()
        return int(count)


# --- one life and the next -----------------------------------------------------------


async def test_an_index_is_there_for_the_next_life(path: Path) -> None:
    async with opened(path) as store:
        await said(store, *(f"line {n}" for n in range(1, 1_001)))
        assert await index_all(store) == -(-1_000 // CHUNK)
    async with opened(path) as store:
        assert await store.index() == 0
        assert await found(store, "line 77", limit=99) == [
            *range(779, 769, -1),
            77,
        ]


async def test_an_index_goes_on_where_the_last_life_ended(path: Path) -> None:
    async with opened(path) as store:
        await said(store, *(f"line {n}" for n in range(1, 1_001)))
        await store.index()
    assert rows(path) == CHUNK
    async with opened(path) as store:
        assert len(await found(store, "line", limit=2_000)) == 1_000
    assert rows(path) == 1_000


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
async def test_nobody_else_reads_the_index(path: Path) -> None:
    async with opened(path) as store:
        await said(store, "secret")
        await index_all(store)
        modes = {each.stat().st_mode & 0o777 for each in path.parent.glob("*-search*")}
    assert modes == {0o600}


async def test_the_data_file_is_as_whole_as_before(path: Path) -> None:
    async with opened(path) as store:
        await said(store, "line 1")
        await index_all(store)
    assert verify(path).whole


# --- an index that is of no use ------------------------------------------------------


def remove(index: Path) -> None:
    index.unlink()


def empty(index: Path) -> None:
    index.write_bytes(b"")


def cut_off(index: Path) -> None:
    index.write_bytes(index.read_bytes()[: 3 * 4_096])


def scribble(index: Path) -> None:
    data = bytearray(index.read_bytes())
    data[4_096:] = b"\xaa" * (len(data) - 4_096)
    index.write_bytes(data)


def scribble_in_the_head(index: Path) -> None:
    data = bytearray(index.read_bytes())
    data[:100] = b"\xaa" * 100
    index.write_bytes(data)


def put_text_there(index: Path) -> None:
    index.write_text("not a database at all\n" * 1_000)


def leave_a_wal(index: Path) -> None:
    """A log of changes that belongs to another file, whose place this one has."""
    index.unlink()
    other = index.with_name("other")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE foreign_table (x)")
        wal = other.with_name("other-wal").read_bytes()
    index.with_name(f"{index.name}-wal").write_bytes(wal)


def make_newer(index: Path) -> None:
    with closing(sqlite3.connect(index)) as connection:
        connection.execute("PRAGMA user_version = 99")


def drop_a_table(index: Path) -> None:
    with closing(sqlite3.connect(index)) as connection:
        connection.execute("DROP TABLE line")


def scribble_in_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xaa" * 200_000)


def copy_of(path: Path) -> dict[Path, bytes]:
    """A data file and its marker."""
    return {each: each.read_bytes() for each in (path, *path.parent.glob("*.epoch"))}


def put_back(copy: dict[Path, bytes]) -> None:
    for each, data in copy.items():
        each.write_bytes(data)


@pytest.mark.parametrize(
    "ruin",
    [
        remove,
        empty,
        cut_off,
        scribble,
        scribble_in_the_head,
        put_text_there,
        leave_a_wal,
        make_newer,
        drop_a_table,
    ],
)
async def test_an_index_that_was_ruined_is_made_again(path: Path, ruin: Any) -> None:
    async with opened(path) as store:
        await said(store, *(f"line {n} and more" for n in range(1, 1_001)))
        await index_all(store)
    ruin(index_path(path))
    async with opened(path) as store:
        for _ in range(2):  # who comes first may be told that there is none any more
            with suppress(SearchError):
                seqs = await found(store, "line", limit=2_000)
        assert seqs == list(range(1_000, 0, -1))
        assert rows(path) == 1_000


async def test_what_a_damaged_index_says_is_not_believed(path: Path) -> None:
    async with opened(path) as store:
        await said(store, "line 1", "line 2", "line 3")
        await index_all(store)
    with closing(sqlite3.connect(index_path(path), isolation_level=None)) as connection:
        connection.execute("UPDATE line SET words = 'poison' WHERE rowid & 255 = 2")
        connection.execute("INSERT INTO line (rowid, words) VALUES ((1<<32) + 77, 'line')")
    async with opened(path) as store:
        assert await found(store, "poison") == []
        assert await found(store, "line") == [3, 1]


async def test_a_file_of_another_program_is_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(index_path(path))) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = index_path(path).read_bytes()
    async with opened(path) as store:
        await said(store, "line 1")
        with pytest.raises(SearchError, match="another program"):
            await found(store, "line")
        await said(store, "line 2", n=2)
    assert index_path(path).read_bytes() == before


async def test_a_file_that_is_ruined_again_and_again_is_left_alone_at_last(
    path: Path,
) -> None:
    async with opened(path) as store:
        await said(store, "line 1")
        for _ in range(20):
            index_path(path).write_text("not a database at all\n" * 1_000)
            store._index = store._index or SearchIndex(path, store.epoch)
            store._index.close()
            with pytest.raises(SearchError):
                await found(store, "line")
        assert index_path(path).exists()


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
async def test_without_a_place_for_it_a_search_is_refused_and_nothing_else(
    path: Path,
) -> None:
    async with opened(path) as store:
        await said(store, "line 1")
        index_path(path).mkdir()  # the root, who may write everywhere, can't write here
        with pytest.raises(SearchError, match="search index can't be used"):
            await found(store, "line")
        with pytest.raises(SearchError):
            await store.index()
        await said(store, "line 2", n=2)
        index_path(path).rmdir()
        assert await found(store, "line") == [2, 1]


async def test_without_fts5_a_search_is_refused_with_the_reason(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = search_index._SCHEMA.replace("fts5", "fts6")
    monkeypatch.setattr(search_index, "_SCHEMA", schema)
    async with opened(path) as store:
        await said(store, "line 1")
        for _ in range(5):
            with pytest.raises(SearchError, match="no full text search"):
                await found(store, "line")
        await said(store, "line 2", n=2)


# --- another past --------------------------------------------------------------------


async def test_with_a_new_epoch_the_index_is_made_again(path: Path) -> None:
    async with opened(path) as store:
        await said(store, "line 1")
        await index_all(store)
    async with opened(path, new_epoch=True) as store:
        assert await found(store, "line") == [1]
        assert await store.index() == 0
    with closing(sqlite3.connect(index_path(path))) as connection:
        epoch = connection.execute("SELECT value FROM meta").fetchone()
    assert epoch == (store.epoch,)


async def test_a_log_that_went_otherwise_is_read_anew(path: Path) -> None:
    """An older copy that says of itself that it is the same file; see operating.md."""
    async with opened(path) as store:
        await said(store, "line 1", "line 2")
        await said(store, "elsewhere", log="den", n=3)
    copy = copy_of(path)
    async with opened(path) as store:
        await said(store, *(f"line {n} of the past" for n in range(3, 5 * CHUNK)), n=4)
        await index_all(store)
    put_back(copy)  # with its marker
    async with opened(path) as store:
        assert not store.found.another_past, "the server can't see it"
        await said(store, *(f"line {n} as it is" for n in range(3, 9)), n=4)
        assert await found(store, "past") == []
        assert await found(store, "as it is") == [8, 7, 6, 5, 4, 3]
        assert await found(store, "elsewhere", log="den") == [1]


# --- what is trimmed -----------------------------------------------------------------


async def test_what_is_trimmed_leaves_the_index(path: Path) -> None:
    async with opened(path) as store:
        await said(store, *(f"line {n}" for n in range(1, 1_001)))
        await index_all(store)
        await store.trim("lobby", Keep(entries=100), limit=10_000)
        await index_all(store)
        assert rows(path) == 100
        await store.trim("lobby", Keep(entries=0), limit=10_000)
        await index_all(store)
        assert rows(path) == 0
        assert await store.index() == 0


async def test_what_was_trimmed_before_it_was_read_is_passed_over(path: Path) -> None:
    async with opened(path) as store:
        await said(store, *(f"line {n}" for n in range(1, 2_001)))
        await store.index()
        await store.trim("lobby", Keep(entries=300), limit=10_000)
        assert len(await found(store, "line", limit=5_000)) == 300
        await index_all(store)
        assert rows(path) == 300


async def test_what_is_deleted_leaves_the_index(path: Path) -> None:
    async with opened(path) as store:
        await said(store, "a mistake", "a line")
        await index_all(store)
        await about(store, 3, "delete", 1, "")
        await index_all(store)
    assert rows(path) == 1


# --- much ----------------------------------------------------------------------------


async def test_who_searches_too_early_is_told_how_far_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "CATCH_UP", 2 * CHUNK)
    async with opened(path) as store:
        await said(store, *(f"line {n}" for n in range(1, 5 * CHUNK)))
        with pytest.raises(SearchError, match=r"\(40 %\): try again"):
            await found(store, "line")
        with pytest.raises(SearchError, match=r"\(80 %\): try again"):
            await found(store, "line")
        assert len(await found(store, "line")) == 50


async def test_a_search_looks_at_so_much_and_can_be_gone_on_with(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_log, "WINDOW", 100)
    async with opened(path) as store:
        await said(store, "needle", *(f"hay {n}" for n in range(1, 1_000)))
        before, seqs, searches = ALL, [], 0
        while True:
            hits = await store.search(
                "lobby", wanted("needle"), before=before, through=1_000, limit=5
            )
            seqs += [entry.seq for entry in hits.entries]
            searches += 1
            if hits.before is None:
                break
            assert hits.before < before
            before = hits.before
        assert (seqs, searches) == ([1], 3)


async def test_a_log_that_can_not_be_read_keeps_no_other_from_being_searched(
    path: Path,
) -> None:
    async with opened(path) as store:
        await said(store, *("x" * 16_000 for _ in range(100)), log="bad")
        await said(store, "line 1", log="good", n=101)
    scribble_in_the_middle(path)
    async with opened(path) as store:
        for _ in range(5):
            with suppress(SearchError):
                await store.index()
        assert await found(store, "line", log="good") == [1]


async def test_a_store_that_is_never_searched_has_no_index(path: Path) -> None:
    async with opened(path) as store:
        await said(store, "line 1")
    assert not [*path.parent.glob("*-search*")]
