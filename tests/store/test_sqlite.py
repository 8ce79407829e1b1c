"""The durable store keeps the contract, its file, and what was acknowledged."""
# ruff: noqa: ASYNC220, ASYNC240 (files and processes are what these tests are about)

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

import trio_chat
from tests.store.contract import (
    NOW_S,
    StoreContract,
    draft,
    seqs,
    texts,
    whole,
)
from trio_chat.errors import StoreError, StoreOpenError
from trio_chat.store import (
    Appended,
    Conflict,
    SqliteStore,
    Store,
    open_sqlite_store,
)
from trio_chat.store.schema import APPLICATION_ID, SCHEMA_VERSION
from trio_chat.worker import (
    OpenWorker,
    open_inline_worker,
    open_thread_worker,
)

POSIX = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


class TestSqliteStoreWithThreads(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        async with open_sqlite_store(tmp_path / "chat.db") as store:
            yield store


class TestSqliteStoreInline(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        path = tmp_path / "chat.db"
        async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
            yield store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


def connection_of(store: SqliteStore) -> sqlite3.Connection:
    """The writing connection; only to be used from an inline worker's thread."""
    assert store._log is not None
    assert store._log._connection is not None
    return store._log._connection


# --- what outlives the process -------------------------------------------------------


async def test_opening_again_finds_everything(path: Path) -> None:
    drafts = [draft(1, "a"), draft(1, "b", log="@ada", to="bob", copies=("@bob",))]
    async with open_sqlite_store(path) as store:
        await store.remember({"a": "one"})
        epoch = store.epoch
        await store.append(drafts, NOW_S)
        before = [await whole(store, log) for log in ("lobby", "@ada", "@bob")]
    async with open_sqlite_store(path) as store:
        assert store.epoch == epoch
        assert [await whole(store, log) for log in ("lobby", "@ada", "@bob")] == before
        assert await store.heads() == {"lobby": 1, "@ada": 1, "@bob": 1}
        assert await store.remembered("") == {"a": "one"}
        assert seqs(await store.append([draft(2, "c")], NOW_S)) == [2]


async def test_identities_outlive_the_process(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append([draft(1, "a"), draft(2, "b")], NOW_S)
    async with open_sqlite_store(path) as store:
        outcomes = await store.append([draft(2, "b"), draft(1, "other")], NOW_S)
        assert isinstance(outcomes[0], Appended)
        assert outcomes[0].duplicate
        assert outcomes[1] == Conflict(1)
        assert await texts(store) == ["a", "b"]


async def test_every_file_has_its_own_epoch(tmp_path: Path) -> None:
    async with (
        open_sqlite_store(tmp_path / "a.db") as one,
        open_sqlite_store(tmp_path / "b.db") as other,
    ):
        assert one.epoch != other.epoch


async def test_after_the_close_all_is_in_the_one_file(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append([draft(1, "a")], NOW_S)
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    async with open_sqlite_store(copy) as store:
        assert await texts(store) == ["a"]


@POSIX
async def test_nobody_but_the_owner_reads_the_files(path: Path) -> None:
    before = os.umask(0)
    try:
        async with open_sqlite_store(path) as store:
            await store.append([draft(1)], NOW_S)
            modes = {
                file.name: stat.S_IMODE(file.stat().st_mode)
                for file in path.parent.iterdir()
            }
    finally:
        os.umask(before)
    assert modes["chat.db"] == modes["chat.db-wal"] == 0o600
    assert set(modes.values()) == {0o600}


async def test_a_commit_is_on_the_disk_before_it_is_acknowledged(path: Path) -> None:
    """What SQLite itself says of the connection that writes."""
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        execute = connection_of(store).execute
        assert execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert execute("PRAGMA synchronous").fetchone() == (2,)
        assert execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


async def test_the_reading_connection_can_not_write(path: Path) -> None:
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        assert store._readable is not None
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store._readable.execute("DELETE FROM entry")


# --- files that can't be used --------------------------------------------------------


async def opening_fails(path: Path) -> str:
    with pytest.raises(StoreOpenError) as raised:
        async with open_sqlite_store(path):
            pass
    assert str(path) in str(raised.value)
    return str(raised.value)


def make_database(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "data", [b"hello", b"not a database" * 100, b"\0" * 4096], ids=["short", "long", "NULs"]
)
async def test_not_a_database(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert "is not a trio_chat data file" in await opening_fails(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE theirs (x)", "PRAGMA application_id = 7"]
)
async def test_the_database_of_another_program(path: Path, statement: str) -> None:
    make_database(path, statement)
    data = path.read_bytes()
    assert "another program" in await opening_fails(path)
    assert path.read_bytes() == data


async def test_a_file_of_a_newer_version(path: Path) -> None:
    async with open_sqlite_store(path):
        pass
    make_database(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    data = path.read_bytes()
    sentence = await opening_fails(path)
    assert "newer trio_chat" in sentence
    assert f"schema {SCHEMA_VERSION + 1}" in sentence
    assert path.read_bytes() == data


async def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    sentence = await opening_fails(tmp_path / "nowhere" / "chat.db")
    assert "directory does not exist" in sentence
    assert not (tmp_path / "nowhere").exists()


async def test_a_directory_in_the_place_of_the_file(path: Path) -> None:
    path.mkdir()
    assert "directory" in await opening_fails(path)
    assert path.is_dir()


@POSIX
async def test_a_file_that_may_not_be_written(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everything")
    async with open_sqlite_store(path):
        pass
    path.chmod(0o400)
    assert "ermission" in await opening_fails(path)


async def test_a_file_that_is_in_use(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append([draft(1)], NOW_S)
        assert "in use by another server" in await opening_fails(path)
        assert seqs(await store.append([draft(2)], NOW_S)) == [2]
    async with open_sqlite_store(path) as store:
        assert await store.heads() == {"lobby": 2}


async def test_what_failed_to_open_can_be_opened_once_mended(path: Path) -> None:
    path.write_bytes(b"rubbish")
    await opening_fails(path)
    path.unlink()
    async with open_sqlite_store(path) as store:
        assert seqs(await store.append([draft(1)], NOW_S)) == [1]


# --- a disk that fails ---------------------------------------------------------------


async def test_a_full_disk_appends_nothing_and_leaves_no_hole(path: Path) -> None:
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        await store.append([draft(1, "a")], NOW_S)
        execute = connection_of(store).execute
        (pages,) = execute("PRAGMA page_count").fetchone()
        execute(f"PRAGMA max_page_count = {pages + 2}")
        large = [draft(n, "x" * 16_000) for n in range(2, 12)]
        with pytest.raises(StoreError, match="full"):
            await store.append(large, NOW_S)
        assert await texts(store) == ["a"]
        assert await store.heads() == {"lobby": 1}
        execute("PRAGMA max_page_count = 1000000")
        assert seqs(await store.append(large, NOW_S)) == list(range(2, 12))
        assert [entry.seq for entry in await whole(store)] == list(range(1, 12))


async def test_a_failure_in_the_middle_of_a_batch_undoes_its_beginning(path: Path) -> None:
    """Also for a log that the batch itself had begun."""
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        execute = connection_of(store).execute
        execute(
            "CREATE TRIGGER broken BEFORE INSERT ON entry WHEN new.text = 'bad'"
            " BEGIN SELECT RAISE(ABORT, 'the disk is on fire'); END"
        )
        batch = [draft(1, "a"), draft(1, "b", log="new"), draft(2, "bad")]
        for _ in range(2):
            with pytest.raises(StoreError, match="the disk is on fire"):
                await store.append(batch, NOW_S)
            assert await store.heads() == {}
        execute("DROP TRIGGER broken")
        assert seqs(await store.append(batch, NOW_S)) == [1, 1, 2]
        assert await texts(store) == ["a", "bad"]


async def test_a_read_that_fails_may_be_repeated(path: Path) -> None:
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        await store.append([draft(1)], NOW_S)
        for table, read in (("entry", whole), ("log", SqliteStore.heads)):
            connection_of(store).execute(f"ALTER TABLE {table} RENAME TO hidden")
            with pytest.raises(StoreError):
                await read(store)
            connection_of(store).execute(f"ALTER TABLE hidden RENAME TO {table}")
            assert len(await read(store)) == 1


class Spoilt:
    """A reading connection that the disk has spoilt."""

    def __init__(self) -> None:
        self.closed = False

    def execute(self, *_: object) -> None:
        assert not self.closed
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
        raise error

    def close(self) -> None:
        self.closed = True


async def test_a_spoilt_reading_connection_is_replaced_by_another(path: Path) -> None:
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        await store.append([draft(1, "a")], NOW_S)
        for read in (texts, SqliteStore.heads, lambda s: s.trimmed("lobby")):
            assert store._readable is not None
            store._readable.close()
            spoilt: Any = Spoilt()
            store._readable = spoilt
            await read(store)
            assert spoilt.closed
        assert await texts(store) == ["a"]


async def test_reads_work_again_once_the_disk_is_back(path: Path) -> None:
    """Also when the connection could not be opened anew for a while."""
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        await store.append([draft(1, "a")], NOW_S)
        assert store._readable is not None
        store._readable.close()
        spoilt: Any = Spoilt()
        store._readable = spoilt
        away = path.rename(path.with_name("away.db"))
        for _ in range(3):
            with pytest.raises(StoreError, match="unable to open"):
                await texts(store)
            assert not path.exists(), "an empty file in its place would be read as the log"
        away.rename(path)
        assert await texts(store) == ["a"]
        assert await store.heads() == {"lobby": 1}


# --- threads and cancellation --------------------------------------------------------


async def test_a_cancelled_append_happens_all_the_same(path: Path) -> None:
    """The wait is abandoned, the write is not."""
    async with open_sqlite_store(path) as store:
        with trio.CancelScope() as scope:
            scope.cancel()
            await store.append([draft(1, "a")], NOW_S)
        assert scope.cancelled_caught
        assert seqs(await store.append([draft(2, "b")], NOW_S)) == [2]
        assert await texts(store) == ["a", "b"]
        (again,) = await store.append([draft(1, "a")], NOW_S)
        assert isinstance(again, Appended)
        assert again.duplicate


async def test_leaving_waits_for_the_write_under_way(path: Path) -> None:
    with trio.CancelScope() as scope:
        async with open_sqlite_store(path) as store:
            scope.cancel()
            await store.append([draft(1, "a")], NOW_S)
    async with open_sqlite_store(path) as store:
        assert await texts(store) == ["a"]


async def test_a_cancelled_opening_leaves_nothing_open(path: Path) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        async with open_sqlite_store(path):
            raise AssertionError("the block may not be entered")
    assert scope.cancelled_caught
    async with open_sqlite_store(path) as store:
        assert seqs(await store.append([draft(1)], NOW_S)) == [1]


async def test_a_worker_calls_in_order_in_one_thread_that_ends_with_it() -> None:
    seen: list[tuple[int, threading.Thread]] = []
    async with open_thread_worker() as worker, trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(
                worker.run, lambda n=number: seen.append((n, threading.current_thread()))
            )
            await trio.testing.wait_all_tasks_blocked()
    assert [number for number, _ in seen] == list(range(5))
    (thread,) = {thread for _, thread in seen}
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


@pytest.mark.parametrize("open_worker", [open_thread_worker, open_inline_worker])
async def test_a_worker_raises_what_the_call_raises(open_worker: OpenWorker) -> None:
    async with open_worker() as worker:
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        assert await worker.run(lambda: 7) == 7


async def test_many_who_append_at_once_share_one_order(path: Path) -> None:
    outcomes: dict[int, int] = {}

    async def append(store: Store, n: int) -> None:
        author = draft(1, str(n), device=str(n))
        (outcomes[n],) = seqs(await store.append([author], NOW_S))

    async with open_sqlite_store(path) as store:
        async with trio.open_nursery() as nursery:
            for n in range(1, 51):
                nursery.start_soon(append, store, n)
        assert sorted(outcomes.values()) == list(range(1, 51))
        for entry in await whole(store):
            assert outcomes[int(entry.text)] == entry.seq


# --- kill -9 -------------------------------------------------------------------------

APPEND_FOR_EVER = """
import itertools, sys, trio
from pathlib import Path
from trio_chat.store import Draft, open_sqlite_store

async def main():
    async with open_sqlite_store(Path(sys.argv[1])) as store:
        for n in itertools.count(1):
            draft = Draft(log="lobby", device="d", n=n, nick="ada", text=str(n))
            (outcome,) = await store.append([draft], 0.0)
            print(outcome.seq, flush=True)

trio.run(main)
"""


@pytest.mark.processes
async def test_what_was_acknowledged_survives_kill_9(path: Path) -> None:
    """Three processes, one after the other, each killed in the middle of its appends."""
    acknowledged = 0
    for lives in (5, 50, 500):
        with subprocess.Popen(
            [sys.executable, "-c", APPEND_FOR_EVER, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(trio_chat.__file__).parents[1],
        ) as process:
            assert process.stdout is not None
            heard = [int(process.stdout.readline()) for _ in range(lives)]
            process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
            heard += [int(line) for line in process.stdout if line.endswith("\n")]
        acknowledged = max(acknowledged, *heard)
        async with open_sqlite_store(path) as store:
            entries = await whole(store)
        assert len(entries) >= acknowledged
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert [int(entry.text) for entry in entries] == list(range(1, len(entries) + 1))
