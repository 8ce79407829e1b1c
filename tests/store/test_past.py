"""Which past a data file has: older versions, older copies, backups, and their epochs."""
# ruff: noqa: ASYNC240 (files are what these tests are about)

import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
import trio

from tests.store.contract import NOW_S, draft, seqs, texts, whole
from tests.store.version_1 import EPOCH, write_version_1
from tests.store.version_2 import write_version_2
from trio_chat.errors import StoreError, StoreOpenError
from trio_chat.store import (
    Appended,
    Astray,
    Keep,
    Late,
    SqliteStore,
    Trimmed,
    fingerprint,
    open_sqlite_store,
)
from trio_chat.store.backup import backup
from trio_chat.store.marker import marker_path
from trio_chat.store.verify import verify
from trio_chat.worker import open_inline_worker


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


async def live(path: Path, *said: str) -> str:
    """One life of a store, in which this is said; its epoch."""
    async with open_sqlite_store(path) as store:
        first = (await store.heads()).get("lobby", 0) + 1
        await store.append([draft(n, text) for n, text in enumerate(said, first)], NOW_S)
        return store.epoch


def cut_off(path: Path) -> Path:
    """A copy of all that is on the disk now, as if the server had been killed here."""
    dead = path.with_name("dead.db")
    for end in ("", "-wal", ".epoch"):
        if path.with_name(path.name + end).exists():
            shutil.copy(path.with_name(path.name + end), dead.with_name(dead.name + end))
    return dead


# --- the same file, or an older one --------------------------------------------------


async def test_a_file_that_lives_on_keeps_its_epoch(path: Path) -> None:
    epochs = {await live(path, "a", "b") for _ in range(4)}
    assert len(epochs) == 1


async def test_after_a_kill_the_epoch_is_the_same(path: Path) -> None:
    """Whatever was not closed: the marker is never ahead of its file."""
    async with open_sqlite_store(path) as store:
        await store.append([draft(1, "a")], NOW_S)
        dead = cut_off(path)
        epoch = store.epoch
    assert await live(dead, "b") == epoch
    assert await live(dead) == epoch


async def test_an_older_copy_in_the_place_of_the_file_has_another_epoch(
    path: Path,
) -> None:
    epoch = await live(path, "a")
    copy = path.read_bytes()
    await live(path, "b")
    path.write_bytes(copy)
    async with open_sqlite_store(path) as store:
        assert store.epoch != epoch
        assert "older copy" in store.found.another_past
        assert await texts(store) == ["a"]
        again = store.epoch
    assert await live(path) == again


async def test_a_copy_from_the_middle_of_a_life_that_was_closed_is_an_older_one(
    path: Path,
) -> None:
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        await store.append([draft(1, "a")], NOW_S)
        assert store._log is not None
        assert store._log._connection is not None
        store._log._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        epoch, copy = store.epoch, path.read_bytes()
        await store.append([draft(2, "b")], NOW_S)
    path.write_bytes(copy)
    assert await live(path) != epoch


async def test_another_file_in_its_place_has_a_new_epoch(
    path: Path, tmp_path: Path
) -> None:
    """Also if it is one that was here in earlier times: its epoch was seen, and left."""
    first = await live(path, "a")
    old = path.read_bytes()
    other = tmp_path / "other.db"
    await live(other, "x")
    path.write_bytes(other.read_bytes())
    second = await live(path)
    path.write_bytes(old)
    assert len({first, second, await live(path)}) == 3


@pytest.mark.parametrize("words", ["", "rubbish", "e x", "\xff" * 9])
async def test_a_marker_that_cannot_be_read_is_none(path: Path, words: str) -> None:
    epoch = await live(path, "a")
    marker_path(path).write_text(words, encoding="utf-8")
    assert await live(path) == epoch
    assert marker_path(path).read_text(encoding="ascii").startswith(epoch)


async def test_a_new_epoch_can_be_asked_for(path: Path) -> None:
    epoch = await live(path, "a")
    async with open_sqlite_store(path, new_epoch=True) as store:
        assert store.epoch != epoch
        assert await texts(store) == ["a"]


async def test_a_new_file_is_no_other_past(path: Path) -> None:
    async with open_sqlite_store(path, new_epoch=True) as store:
        assert store.found.another_past == ""
        assert store.found.migrated is None


async def test_what_is_remembered_belongs_to_a_past(path: Path, tmp_path: Path) -> None:
    """Nobody's name is kept for a device that was here in another past."""
    copy, asked = tmp_path / "copy.db", tmp_path / "asked.db"
    async with open_sqlite_store(path) as store:
        await store.remember({"session/ada": "here"})
    async with open_sqlite_store(path) as store:
        assert await store.remembered("") == {"session/ada": "here"}
    old = path.read_bytes()
    assert backup(path, copy).whole
    backup(path, asked)
    await live(asked)
    async with open_sqlite_store(asked) as store:
        await store.remember({"session/ben": "here"})
    await live(path)
    path.write_bytes(old)
    assert _remembered(copy) == _remembered(path) == [("session/ada", "here")]
    for another, new_epoch in ((copy, False), (path, False), (asked, True)):
        async with open_sqlite_store(another, new_epoch=new_epoch) as store:
            assert await store.remembered("") == {}
            await store.remember({"session/cyd": "here"})
        async with open_sqlite_store(another) as store:
            assert await store.remembered("") == {"session/cyd": "here"}


def _remembered(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT * FROM remembered").fetchall()
    connection.close()
    return rows


# --- backups -------------------------------------------------------------------------


async def test_a_backup_of_a_live_store_is_whole_and_has_another_epoch(
    path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    async with open_sqlite_store(path) as store:
        await store.append([draft(n, str(n)) for n in range(1, 2_001)], NOW_S)
        verdict = await trio.to_thread.run_sync(backup, path, copy)
        assert verdict.whole
        assert verdict.entries == 2_000
        assert seqs(await store.append([draft(2_001)], NOW_S)) == [2_001]
        epoch = store.epoch
    async with open_sqlite_store(copy) as store:
        assert store.epoch != epoch
        assert store.found.another_past == "the file is a backup"
        assert seqs(await store.append([draft(5, "5"), draft(2_001)], NOW_S)) == [5, 2_001]
        own = store.epoch
    assert await live(copy) == own


async def test_what_is_said_during_a_backup_is_not_in_the_way(
    path: Path, tmp_path: Path
) -> None:
    """The copy is of one moment; without that it would begin again with each line."""
    copies: list[int] = []
    async with open_sqlite_store(path) as store:
        await store.append([draft(n, "x" * 4_000) for n in range(1, 2_000)], NOW_S)

        async def copy() -> None:
            verdict = await trio.to_thread.run_sync(backup, path, tmp_path / "copy.db")
            assert verdict.whole
            copies.append(verdict.entries)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(copy)
            n = 2_000
            while not copies:
                await store.append([draft(n)], NOW_S)
                n += 1
    assert 1_999 <= copies[0] < n


async def test_a_backup_overwrites_nothing(path: Path, tmp_path: Path) -> None:
    await live(path, "a")
    to = tmp_path / "mine"
    to.write_text("precious")
    with pytest.raises(StoreOpenError, match="there already"):
        backup(path, to)
    assert to.read_text() == "precious"
    part = tmp_path / "copy.db.part"
    part.write_text("of another backup")
    with pytest.raises(StoreOpenError, match="another backup"):
        backup(path, tmp_path / "copy.db")
    assert part.read_text() == "of another backup"


async def test_a_backup_of_nothing_makes_nothing(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreOpenError):
        backup(path, tmp_path / "copy.db")
    await live(path, "a")
    with pytest.raises(StoreOpenError, match="can't be made"):
        backup(path, tmp_path / "nowhere" / "copy.db")
    assert {each.name for each in tmp_path.iterdir()} >= {"chat.db"}
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
async def test_a_backup_is_the_owners_alone_and_one_file(
    path: Path, tmp_path: Path
) -> None:
    await live(path, "a")
    there = {each.name for each in tmp_path.iterdir()}
    before = os.umask(0)
    try:
        backup(path, tmp_path / "copy.db")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    # In its header too: by this a server knows that a WAL beside it is another file's.
    assert (tmp_path / "copy.db").read_bytes()[18:20] == b"\1\1"
    new = {each.name for each in tmp_path.iterdir()} - there
    assert new - {"chat.db-wal", "chat.db-shm"} == {"copy.db"}


async def test_a_backup_of_a_damaged_file_is_there_and_says_so(
    path: Path, tmp_path: Path
) -> None:
    await live(path, "a", "b")
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM entry WHERE seq = 1")
    connection.commit()
    connection.close()
    verdict = backup(path, tmp_path / "copy.db")
    assert not verdict.whole
    assert (tmp_path / "copy.db").exists()


# --- files of schema 1 ---------------------------------------------------------------

OLD = [
    ("lobby", 1, "d", 1, "a"),
    ("lobby", 2, None, None, "a copy \0 of nobody's"),
    ("@d", 1, "d", 2, "é 😀"),
    ("lobby", 3, "e", 1, "x" * 9_000),
]


async def test_an_older_file_is_made_over_and_goes_on(path: Path) -> None:
    write_version_1(path, OLD)
    async with open_sqlite_store(path) as store:
        assert store.epoch == EPOCH
        assert store.found.migrated == 4
        assert await texts(store) == ["a", "a copy \0 of nobody's", "x" * 9_000]
        resent = draft(1, "a", device=fingerprint("d"))
        again, new = await store.append([resent, draft(9, "new")], NOW_S)
        assert isinstance(again, Appended)
        assert again.duplicate
        assert seqs([again, new]) == [1, 4]
    assert verify(path).whole
    async with open_sqlite_store(path) as store:
        assert store.found.migrated is None


async def test_an_older_file_has_no_secrets_once_it_is_made_over(path: Path) -> None:
    """Whoever reads the file can't speak as anybody, and all are known who were."""
    secret, hidden = "0123456789abcdef", fingerprint("0123456789abcdef")
    write_version_1(
        path, [("lobby", 1, secret, 1, "a"), (f"@{secret}", 1, secret, 2, "psst")]
    )
    resent = [
        draft(1, "a", device=hidden),
        draft(2, "psst", log=f"@{hidden}", device=hidden),
    ]
    for _ in range(2):
        async with open_sqlite_store(path) as store:
            assert await store.heads() == {"lobby": 1, f"@{hidden}": 1}
            known = await store.append(resent, NOW_S)
            assert all(isinstance(each, Appended) and each.duplicate for each in known)
            assert await store.remembered("") == {}
        assert secret.encode() not in path.read_bytes()
        assert verify(path).whole


async def test_a_file_made_over_is_the_same_as_a_new_one(
    path: Path, tmp_path: Path
) -> None:
    """The same chain, and tables that take the same."""
    write_version_1(path, [("lobby", n, "d", n, str(n)) for n in range(1, 2_501)])
    async with open_sqlite_store(path) as store:
        old = await whole(store)
    other = tmp_path / "new.db"
    async with open_sqlite_store(other) as store:
        device = fingerprint("d")
        drafts = [draft(n, str(n), device=device) for n in range(1, 2_501)]
        await store.append(drafts, 0.005)
        assert await whole(store) == old
    heads = [_heads(each) for each in (path, other)]
    assert heads[0] == heads[1]
    assert _tables(path) == _tables(other)


def _heads(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, head, chain, trimmed FROM log").fetchall()
    connection.close()
    return rows


def _tables(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall()
    connection.close()
    return rows


async def test_a_file_that_can_not_be_made_over_is_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything in one transaction: a file is of one version or of the other."""
    write_version_1(path, OLD)

    def fail(*_: object) -> int:
        raise sqlite3.OperationalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("trio_chat.store.schema._chain_up", fail)
        with pytest.raises(StoreOpenError, match="the disk is full"):
            async with open_sqlite_store(path):
                pass
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(entry)")]
    assert "chain" not in columns
    connection.close()
    async with open_sqlite_store(path) as store:
        assert store.found.migrated == 4


async def test_an_older_file_is_not_verified_nor_copied_before_it_is_made_over(
    path: Path, tmp_path: Path
) -> None:
    write_version_1(path, OLD)
    for use in (verify, lambda old: backup(old, tmp_path / "copy.db")):
        with pytest.raises(StoreOpenError, match=r"schema 1.*start a server on it once"):
            use(path)


async def test_what_an_older_version_logged_out_of_order_is_not_logged_twice(
    path: Path,
) -> None:
    """Its numbers need not grow: the largest may be gone, and a smaller one be kept."""
    write_version_1(path, [("lobby", 1, "d", 5, "five"), ("lobby", 2, "d", 3, "three")])
    device = fingerprint("d")
    async with open_sqlite_store(path) as store:
        await store.trim("lobby", Keep(entries=1), limit=9)
        resent = [draft(5, "five", device=device), draft(3, "three", device=device)]
        gone, kept = await store.append(resent, NOW_S)
        assert gone == Trimmed(1)
        assert isinstance(kept, Appended)
        assert kept.duplicate
        assert await store.append([draft(4, device=device)], NOW_S) == [Late(5)]
        assert await store.heads() == {"lobby": 2}


async def test_a_file_of_schema_2_goes_on_with_the_links_it_has(path: Path) -> None:
    """No entry is written anew: what was added is in the links of what has it only."""
    await write_version_2(path)
    before = _heads(path)
    async with open_sqlite_store(path) as store:
        assert store.found.migrated == 0
        assert not store.found.another_past
        assert await texts(store) == ["3", "4", "5"]
        resent = [draft(n, f"{n}") for n in range(1, 6)]
        assert len({*seqs(await store.append(resent, NOW_S))}) == 5
        assert _heads(path) == before
        reply = draft(6, "yes", ref=1)
        assert seqs(await store.append([reply], NOW_S)) == [6]
    assert verify(path).whole
    async with open_sqlite_store(path) as store:
        assert store.found.migrated is None


async def test_a_direct_message_of_before_schema_3_can_not_be_meant(path: Path) -> None:
    """Nothing says which entry of the other one's it is."""
    await write_version_2(path)
    async with open_sqlite_store(path) as store:
        answer = draft(1, "yes", log="@bob", device="b", ref=1, copies=("@ada",))
        own = draft(10, "oh", kind="edit", log="@ada", ref=1, copies=("@bob",))
        assert await store.append([answer, own], NOW_S) == [Astray(1), Astray(1)]


# --- trimming ------------------------------------------------------------------------


async def test_what_is_trimmed_is_not_in_the_file_any_more(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        secrets = [draft(n, f"secret number {n} " + "x" * 5_000) for n in range(1, 50)]
        await store.append(secrets, NOW_S)
        await store.trim("lobby", Keep(entries=1), limit=100)
    data = path.read_bytes()
    assert b"secret number 49 " in data
    assert b"secret number 1 " not in data
    assert b"secret number 48 " not in data


async def test_trimming_survives_the_process(path: Path) -> None:
    async with open_sqlite_store(path) as store:
        await store.append([draft(n, str(n)) for n in range(1, 4)], NOW_S)
        await store.trim("lobby", Keep(since_ts=NOW_S + 1), limit=100)
    async with open_sqlite_store(path) as store:
        assert await store.heads() == {"lobby": 3}
        assert await store.trimmed("lobby") == 3
        assert seqs(await store.append([draft(4)], NOW_S)) == [4]
    assert verify(path).whole


async def test_no_hole_is_trimmed_over(path: Path) -> None:
    """It would look like one of ours afterwards."""
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        await store.append([draft(n) for n in range(1, 9)], NOW_S)
        execute = _connection(store).execute
        execute("DELETE FROM entry WHERE seq = 3")
        with pytest.raises(StoreError, match="3 of #lobby is missing"):
            await store.trim("lobby", Keep(entries=1), limit=100)
        assert await store.trimmed("lobby") == 0
        assert [entry.seq for entry in await whole(store)] == [1, 2, 4, 5, 6, 7, 8]


def _connection(store: SqliteStore) -> sqlite3.Connection:
    assert store._log is not None
    assert store._log._connection is not None
    return store._log._connection
