"""Verify finds what is wrong, says where, and finds nothing where nothing is."""
# ruff: noqa: S608 (what is in these files is what the tests are about)

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio

from tests.store.contract import NOW_S, draft
from trio_chat.errors import StoreOpenError
from trio_chat.store import Keep, open_sqlite_store
from trio_chat.store.verify import verify

LINES = 2_500
"""More than are read in one piece."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two rooms and two inboxes, one of the rooms trimmed."""
    path = tmp_path / "chat.db"
    trio.run(fill, path)
    return path


async def fill(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        lines = [draft(n, f"line {n}") for n in range(1, LINES + 1)]
        await store.append(lines, NOW_S)
        await store.append([draft(n, "y", log="den") for n in range(1, 21)], NOW_S)
        direct = draft(9_999, "psst", log="@0123456789", to="bob", copies=("@b",))
        await store.append([direct], NOW_S)
        answer = draft(1, "what?", log="@b", device="b", ref=1, copies=("@0123456789",))
        await store.append([answer], NOW_S)
        await store.trim("den", Keep(entries=5), limit=100)
        await store.remember({"session/ada": "here", "session/bob": "there"})


def spoil(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement


def test_a_whole_file_is_whole(path: Path) -> None:
    verdict = verify(path)
    assert verdict.whole
    assert (verdict.logs, verdict.entries, verdict.trimmed) == (4, LINES + 5 + 4, 15)


LOBBY = "log = (SELECT id FROM log WHERE name = 'lobby')"
INDEX = "CREATE INDEX entry_by_author ON entry (log, device, n) WHERE device IS NOT NULL"
SAID = "INSERT INTO said VALUES ((SELECT id FROM log WHERE name = 'lobby'), 1, 5, 1, '')"


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            [f"UPDATE entry SET text = 'line 17OO' WHERE {LOBBY} AND seq = 1700"],
            "#lobby 1700: it is not what was stored: its hash is another one",
        ),
        (
            [f"UPDATE entry SET ts_ms = ts_ms + 1 WHERE {LOBBY} AND seq = 1"],
            "#lobby 1: it is not what was stored: its hash is another one",
        ),
        (
            [f"UPDATE entry SET nick = 'bob' WHERE {LOBBY} AND seq = {LINES}"],
            f"#lobby {LINES}: it is not what was stored: its hash is another one",
        ),
        (
            [f"DELETE FROM entry WHERE {LOBBY} AND seq = 1234"],
            "#lobby 1234: it is missing; the next one that is there is 1235",
        ),
        (
            [f"DELETE FROM entry WHERE {LOBBY} AND seq = {LINES}"],
            f"#lobby {LINES}: it is missing; {LINES} were given",
        ),
        (
            [f"DELETE FROM entry WHERE {LOBBY} AND seq = 1"],
            "#lobby 1: it is missing; the next one that is there is 2",
        ),
        (
            [
                f"UPDATE entry SET seq = -1 WHERE {LOBBY} AND seq = 7",
                f"UPDATE entry SET seq = 7 WHERE {LOBBY} AND seq = 8",
                f"UPDATE entry SET seq = 8 WHERE {LOBBY} AND seq = -1",
            ],
            "#lobby 7: it is not what was stored: its hash is another one",
        ),
        (
            [
                "DROP INDEX entry_by_author",
                f"UPDATE entry SET n = 3 WHERE {LOBBY} AND seq = 5",
                INDEX,
            ],
            "#lobby 3: its author's number 3 is that of 5, too",
        ),
        (
            ["DROP INDEX entry_by_author"],
            "#lobby 1: it can't be read: no such index: entry_by_author",
        ),
        (
            [SAID],
            "#lobby 5: its author's number 5 is that of 1, too",
        ),
        (
            ["DELETE FROM entry WHERE seq = 16 AND text = 'y'"],
            "#den 16: it is missing; the next one that is there is 17",
        ),
        (
            ["UPDATE log SET trimmed = 16 WHERE name = 'den'"],
            "#den 16: it was given up, and is there",
        ),
        (
            ["UPDATE log SET anchor = zeroblob(16) WHERE name = 'den'"],
            "#den 16: it is not what was stored: its hash is another one",
        ),
        (
            ["UPDATE log SET head = 19 WHERE name = 'den'"],
            "#den 20: it is there, and was never given",
        ),
        (
            ["UPDATE log SET chain = zeroblob(16) WHERE name = 'den'"],
            "#den 20: it is the last one by number, not by its hash",
        ),
        (
            ["DELETE FROM log WHERE name = 'den'"],
            "entries of 1 logs without names",
        ),
        (
            [f"UPDATE entry SET text = x'ff' WHERE {LOBBY} AND seq = 2"],
            "#lobby 2: a number is no number, or a text no text",
        ),
        (
            ["UPDATE entry SET text = 'PSST' WHERE text = 'psst' AND \"to\" = 'bob'"],
            "the inbox @0123… 1: it is not what was stored: its hash is another one",
        ),
        (
            ["UPDATE entry SET ref = 2 WHERE log = 4 AND text = 'what?'"],
            "the inbox @b… 2: it is not what was stored: its hash is another one",
        ),
        (
            ["UPDATE entry SET origin = 'x' WHERE text = 'psst' AND \"to\" IS NULL"],
            "the inbox @b… 1: it is not what was stored: its hash is another one",
        ),
        (
            ["UPDATE entry SET origin = x'ff' WHERE text = 'psst' AND \"to\" IS NULL"],
            "the inbox @b… 1: a number is no number, or a text no text",
        ),
        (
            ["UPDATE remembered SET value = x'ff' WHERE name = 'session/bob'"],
            "a small value, or its name, is no text",
        ),
        (
            ["DROP TABLE remembered"],
            "the small values can't be read: no such table: remembered",
        ),
    ],
)
def test_what_is_spoiled_is_found_where_it_is(
    path: Path, statements: list[str], said: str
) -> None:
    spoil(path, *statements)
    assert said in [str(fault) for fault in verify(path).faults]


def test_one_byte_of_a_text_on_the_disk_is_found(path: Path) -> None:
    """Not by SQLite, which has no checksums in its pages."""
    data = path.read_bytes()
    assert data.count(b"line 777") == 1
    path.write_bytes(data.replace(b"line 777", b"line 787"))
    (fault,) = verify(path).faults
    assert (fault.log, fault.seq) == ("lobby", 777)


def test_small_values_that_a_look_up_would_miss_are_found(path: Path) -> None:
    data = path.read_bytes()
    assert data.count(b"session/ada") == 1
    path.write_bytes(data.replace(b"session/ada", b"session/eda"))
    assert [str(fault) for fault in verify(path).faults] == [
        "the small values are not in their order"
    ]


def test_a_page_of_rubbish_is_found(path: Path) -> None:
    data = bytearray(path.read_bytes())
    place = data.index(b"line 1500") // 4096 * 4096
    data[place : place + 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    verdict = verify(path)
    assert not verdict.whole
    assert all("can't be read" in fault.what or fault.seq for fault in verdict.faults)


def test_what_is_not_spoiled_is_not_told(path: Path) -> None:
    spoil(path, "DELETE FROM entry WHERE seq = 18 AND text = 'y'")
    verdict = verify(path)
    assert [(fault.log, fault.seq) for fault in verdict.faults] == [("den", 18)]
    assert verdict.entries == LINES + 2 + 4


def test_each_damaged_log_is_told_and_only_once(path: Path) -> None:
    spoil(path, "UPDATE entry SET text = 'z' WHERE seq > 16")
    faults = verify(path).faults
    assert [(fault.log, fault.seq) for fault in faults] == [("lobby", 17), ("den", 17)]


def test_only_the_files_of_this_version_are_verified(tmp_path: Path) -> None:
    with pytest.raises(StoreOpenError, match="is not there"):
        verify(tmp_path / "nowhere.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreOpenError, match="is empty: no server"):
        verify(tmp_path / "empty.db")
    rubbish = tmp_path / "rubbish.db"
    rubbish.write_bytes(b"Dear diary,\n" * 1_000)
    with pytest.raises(StoreOpenError, match="can't be read"):
        verify(rubbish)


async def test_a_file_that_is_written_and_trimmed_meanwhile_is_whole(path: Path) -> None:
    done = trio.Event()

    async def read_again_and_again() -> None:
        for _ in range(5):
            verdict = await trio.to_thread.run_sync(verify, path)
            assert verdict.whole, verdict.faults
        done.set()

    async with open_sqlite_store(path) as store, trio.open_nursery() as nursery:
        nursery.start_soon(read_again_and_again)
        n = LINES + 1
        while not done.is_set():
            await store.append([draft(n + each) for each in range(20)], NOW_S)
            n += 20
            await store.trim("lobby", Keep(entries=1_200), limit=37)
