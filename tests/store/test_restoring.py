"""A copy in the place of a file whose server was killed: it is read alone."""
# ruff: noqa: ASYNC240 (files are what these tests are about)

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.store.contract import NOW_S, draft, seqs, texts
from tests.store.test_past import cut_off, live
from trio_chat.errors import StoreOpenError
from trio_chat.store import open_sqlite_store
from trio_chat.store.backup import backup
from trio_chat.store.verify import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


async def killed(path: Path, *said: str, copy: Path | None = None) -> tuple[Path, str]:
    """What a server that was killed leaves, and its epoch; a backup of half of it."""
    async with open_sqlite_store(path) as store:
        for n, text in enumerate(said, 1):
            await store.append([draft(n, text)], NOW_S)
            if copy is not None and n == len(said) // 2:
                backup(path, copy)
        return cut_off(path), store.epoch


LONG = [f"line {n} " + "y" * 200 for n in range(60)]


async def test_a_backup_in_the_place_of_a_killed_servers_file_is_whole(
    path: Path, tmp_path: Path
) -> None:
    """What is left of the other file is none of its: it is moved, and told."""
    dead, epoch = await killed(path, *LONG, copy=tmp_path / "monday.db")
    left = (tmp_path / "dead.db-wal").read_bytes()
    assert left
    shutil.copy(tmp_path / "monday.db", dead)
    async with open_sqlite_store(dead) as store:
        assert await texts(store) == LONG[:30]
        assert store.epoch != epoch
        assert store.found.another_past == (
            "the file is a backup; what another file had left beside it"
            " is now in dead.db-wal.aside-1"
        )
        assert seqs(await store.append([draft(31, "new")], NOW_S)) == [31]
        epoch = store.epoch
    assert (tmp_path / "dead.db-wal.aside-1").read_bytes() == left
    assert verify(dead).whole
    assert await live(dead) == epoch


async def test_what_is_moved_aside_stays_what_it_is(path: Path, tmp_path: Path) -> None:
    dead, _ = await killed(path, *LONG, copy=tmp_path / "monday.db")
    wal = tmp_path / "dead.db-wal"
    left = wal.read_bytes()
    (tmp_path / "dead.db-shm").write_bytes(b"theirs")
    for number in range(1, 4):
        shutil.copy(tmp_path / "monday.db", dead)
        wal.write_bytes(left + bytes(number))
        await live(dead)
    sizes = [(tmp_path / f"dead.db-wal.aside-{n}").stat().st_size for n in range(1, 4)]
    assert sizes == [len(left) + n for n in range(1, 4)]
    assert (tmp_path / "dead.db-shm.aside-1").read_bytes() == b"theirs"


async def test_a_copy_made_by_other_means_is_another_past_beside_what_was_left(
    path: Path,
) -> None:
    """It does not say of itself that it is one, and its life is the last one."""
    async with open_sqlite_store(path) as store:
        await store.append([draft(1, "a")], NOW_S)
        connection = sqlite3.connect(path)
        connection.execute("VACUUM INTO ?", (str(path.with_name("copy.db")),))
        connection.close()
        await store.append([draft(2, "b")], NOW_S)
        dead, epoch = cut_off(path), store.epoch
    path.with_name("copy.db").replace(dead)
    async with open_sqlite_store(dead) as store:
        assert await texts(store) == ["a"]
        assert store.epoch != epoch
        assert "dead.db-wal.aside-1" in store.found.another_past


@pytest.mark.parametrize("empty", [False, True])
async def test_a_file_that_was_taken_away_leaves_nothing_that_is_thrown_away(
    path: Path, empty: bool
) -> None:
    """SQLite would remove what is left beside a file that is empty."""
    dead, epoch = await killed(path, "a", "b")
    left = dead.with_name("dead.db-wal").read_bytes()
    dead.rename(dead.with_name("old.db"))
    if empty:
        dead.touch()
    async with open_sqlite_store(dead) as store:
        assert await store.heads() == {}
        assert "dead.db-wal.aside-1" in store.found.another_past
    aside = dead.with_name("dead.db-wal.aside-1")
    assert aside.read_bytes() == left
    aside.rename(dead.with_name("old.db-wal"))
    async with open_sqlite_store(dead.with_name("old.db")) as store:
        assert await texts(store) == ["a", "b"]
        assert store.epoch == epoch


async def test_what_a_killed_server_left_beside_its_own_file_is_not_moved(
    path: Path,
) -> None:
    dead, epoch = await killed(path, "a", "b")
    async with open_sqlite_store(dead) as store:
        assert await texts(store) == ["a", "b"]
        assert (store.epoch, store.found.another_past) == (epoch, "")
    assert not list(path.parent.glob("*aside*"))


@pytest.mark.parametrize("data", [b"Dear diary", b"Dear diary,\n" * 1_000])
async def test_what_is_beside_a_file_that_is_no_database_stays_there(
    path: Path, data: bytes
) -> None:
    wal = path.with_name("chat.db-wal")
    path.write_bytes(data)
    wal.write_bytes(b"theirs")
    with pytest.raises(StoreOpenError):
        await live(path)
    with pytest.raises(StoreOpenError, match="can't be read: it is no database"):
        verify(path)
    assert (path.read_bytes(), wal.read_bytes()) == (data, b"theirs")


async def test_a_copy_is_not_judged_by_what_another_file_left(
    path: Path, tmp_path: Path
) -> None:
    dead, _ = await killed(path, *LONG, copy=tmp_path / "monday.db")
    shutil.copy(tmp_path / "monday.db", dead)
    for use in (verify, lambda data: backup(data, tmp_path / "copy.db")):
        with pytest.raises(StoreOpenError, match=r"dead.db-wal is what another.*start a"):
            use(dead)
    assert not (tmp_path / "copy.db").exists()
    await live(dead)
    assert verify(dead).whole
