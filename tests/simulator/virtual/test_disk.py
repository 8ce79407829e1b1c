"""Virtual disks: what a database holds after the power failed, or the process died."""

import gc
import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest

from simulator.virtual import vfs
from simulator.virtual.disk import SECTOR_BYTES, Disk, Disks, open_disks
from simulator.virtual.errors import UnavailableError

CRASHES = 12
ROWS = 40
WALL_CLOCK_S = 1_000_000_000.0
HOME = Path(__file__).parents[3]


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Disks]:
    (tmp_path / "disks").mkdir()
    with disks_in(tmp_path / "disks") as disks:
        yield disks


@pytest.fixture
def disk(disks: Disks) -> Disk:
    return disks.disk("server", chance=random.Random(7))


def disks_in(directory: Path, seed: int = 7) -> AbstractContextManager[Disks]:
    try:
        vfs.shim(directory.resolve())
    except UnavailableError as error:
        pytest.skip(str(error))
    return open_disks(
        directory, chance=random.Random(seed), wall_clock_s=lambda: WALL_CLOCK_S
    )


def connect(disk: Disk, mode: str = "wal", synchronous: str = "full") -> sqlite3.Connection:
    """A connection on the one database of these tests, its table made."""
    connection = sqlite3.connect(disk.directory / "a.db", isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA wal_autocheckpoint = 20")
    connection.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x BLOB)")
    return connection


def insert(connection: sqlite3.Connection, row: int, size: int = 10) -> None:
    connection.execute("INSERT INTO t VALUES (?, ?)", (row, b"x" * size))


def rows(disk: Disk) -> list[int]:
    """What the next life reads."""
    with closing(sqlite3.connect(disk.directory / "a.db")) as connection:
        found = [row for (row,) in connection.execute("SELECT id FROM t ORDER BY id")]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return found


def digest(directory: Path) -> str:
    """Of the names and contents of all files but shared memory."""
    total = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.name.endswith("-shm"):
            total.update(f"{path.relative_to(directory)}\0".encode() + path.read_bytes())
    return total.hexdigest()


def verdict(disk: Disk, acked: int) -> str:
    """What became of the rows from 1 through `acked`."""
    try:
        found = rows(disk)
    except (sqlite3.DatabaseError, AssertionError) as error:
        if "no such table" in str(error):
            return "lost" if acked else "ok"
        return "corrupt"
    if found != list(range(1, len(found) + 1)):
        return "corrupt"
    return "ok" if len(found) >= acked else "lost"


def crash(disk: Disk, chance: random.Random, mode: str, synchronous: str) -> int:
    """Write rows until the disk dies at some write; how many were acknowledged."""
    disk.die_at(write=chance.randint(6, 200))
    acked = 0
    try:
        connection = connect(disk, mode, synchronous)
        for row in range(1, ROWS + 1):
            insert(connection, row, chance.randint(10, 3000))
            acked = row
    except sqlite3.OperationalError:
        pass
    return acked


def crashes(
    disks: Disks, mode: str, synchronous: str, *, kill: bool = False, **knobs: bool
) -> Counter[str]:
    """How many of so many crashes ended in which way."""
    verdicts: Counter[str] = Counter()
    for seed in range(CRASHES):
        chance = random.Random(f"{seed}/{mode}/{synchronous}")
        disk = disks.disk(f"disk{seed}", chance=chance)
        for name, value in knobs.items():
            setattr(disk, name, value)
        acked = crash(disk, chance, mode, synchronous)
        if kill:
            disk.process_died()
        else:
            disk.power_lost()
        verdicts[verdict(disk, acked)] += 1
    return verdicts


# What SQLite promises, and what it does not.


@pytest.mark.parametrize("synchronous", ["full", "extra"])
@pytest.mark.parametrize("mode", ["wal", "delete", "truncate", "persist"])
def test_what_was_synced_survives_a_power_loss(
    disks: Disks, mode: str, synchronous: str
) -> None:
    assert crashes(disks, mode, synchronous) == {"ok": CRASHES}


def test_a_wal_that_is_seldom_synced_loses_the_last_rows_and_is_never_corrupt(
    disks: Disks,
) -> None:
    verdicts = crashes(disks, "wal", "normal")
    assert verdicts["lost"] > 0
    assert verdicts["corrupt"] == 0


def test_a_journal_that_is_synced_once_loses_nothing(disks: Disks) -> None:
    # It may be corrupt, if very seldom: the checksum of a journal reads but every 200th
    # byte of a page, and so takes an empty page for one that was lost.
    assert crashes(disks, "delete", "normal")["lost"] == 0


@pytest.mark.parametrize("mode", ["wal", "delete", "truncate", "persist"])
def test_without_a_sync_rows_are_lost_and_files_broken(disks: Disks, mode: str) -> None:
    verdicts = crashes(disks, mode, "off")
    assert verdicts["lost"] > 0
    assert verdicts["corrupt"] > 0


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_sync_that_lies_is_as_good_as_none(disks: Disks, mode: str) -> None:
    verdicts = crashes(disks, mode, "full", lies=True)
    assert verdicts["lost"] > 0
    assert verdicts["corrupt"] > 0


@pytest.mark.parametrize("synchronous", ["off", "full"])
@pytest.mark.parametrize("mode", ["wal", "delete", "truncate", "persist"])
def test_a_killed_process_loses_nothing(disks: Disks, mode: str, synchronous: str) -> None:
    assert crashes(disks, mode, synchronous, kill=True) == {"ok": CRASHES}


def test_a_deleted_journal_comes_back_where_its_directory_was_not_synced(
    disks: Disks, tmp_path: Path
) -> None:
    verdicts = crashes(disks, "delete", "full", forgets_names=True)
    assert verdicts["lost"] > 0
    assert verdicts["corrupt"] == 0


@pytest.mark.parametrize(("mode", "synchronous"), [("delete", "extra"), ("wal", "full")])
def test_names_that_are_forgotten_hurt_nobody_who_has_synced_them(
    disks: Disks, mode: str, synchronous: str
) -> None:
    assert crashes(disks, mode, synchronous, forgets_names=True) == {"ok": CRASHES}


def test_a_wal_holds_at_every_single_write_and_sync(disks: Disks) -> None:
    def life(name: str, **at: int) -> tuple[Disk, int]:
        disk = disks.disk(name, chance=random.Random(name))
        acked = 0
        called: list[int] = []
        if at:
            disk.die_at(**at, call=lambda: called.append(disk.writes))
        try:
            connection = connect(disk)
            for row in range(1, 6):
                insert(connection, row, 3000)
                acked = row
            connection.close()
        except sqlite3.OperationalError:
            pass
        assert len(called) == len(at)
        disk.power_lost()
        return disk, acked

    golden, acked = life("golden")
    writes, syncs = golden.writes, golden.syncs
    assert verdict(golden, acked) == "ok"
    for write in range(1, writes + 1):
        assert verdict(*life(f"write{write}", write=write)) == "ok"
    for sync in range(1, syncs + 1):
        assert verdict(*life(f"sync{sync}", sync=sync)) == "ok"


def test_dead_at_a_write_means_that_the_write_is_the_last(disk: Disk) -> None:
    connection = connect(disk)
    wal = disk.directory / "a.db-wal"
    before = wal.stat().st_size
    called: list[int] = []
    disk.die_at(write=disk.writes + 2, call=lambda: called.append(disk.writes))
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        insert(connection, 1)
    assert called == [disk.writes]
    image = everything(disk)
    with pytest.raises(sqlite3.OperationalError):
        insert(connection, 2)
    assert everything(disk) == image
    assert wal.stat().st_size == before + 24 + 4096  # the frame's header, and its page
    disk.process_died()
    assert (disk.directory / "a.db-wal").stat().st_size == before + 24 + 4096


def test_writes_are_torn_where_sectors_meet(disks: Disks) -> None:
    torn = 0
    for seed in range(10):
        disk = disks.disk(f"disk{seed}", chance=random.Random(seed))
        insert(connect(disk, "off", "off"), 1, 200_000)
        written = (disk.directory / "a.db").read_bytes()
        disk.power_lost()
        found = (disk.directory / "a.db").read_bytes()
        for page in range(0, len(found), 4096):
            sectors = Counter(
                found[start : start + SECTOR_BYTES] == written[start : start + SECTOR_BYTES]
                for start in range(page, page + 4096, SECTOR_BYTES)
            )
            torn += (
                len(sectors) == 2 and written[page : page + 4096].count(0) < SECTOR_BYTES
            )
    assert torn > 0


# Lives.


def test_the_next_life_goes_on_where_the_last_one_was(disk: Disk) -> None:
    for life in range(4):
        connection = connect(disk)
        for row in range(50):
            insert(connection, life * 50 + row)
        if life % 2:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        disk.power_lost()
    assert rows(disk) == list(range(200))


@pytest.mark.parametrize("lies", [False, True])
def test_what_was_not_synced_stays_so_when_only_the_process_dies(
    disks: Disks, lies: bool
) -> None:
    lost = 0
    for seed in range(CRASHES):
        disk = disks.disk(f"disk{seed}", chance=random.Random(seed))
        connection = connect(disk)
        disk.lies = lies
        insert(connection, 1)
        disk.process_died()
        disk.lies = False
        assert (disk.directory / "a.db-wal").stat().st_size > 0
        disk.power_lost()
        lost += verdict(disk, 1) == "lost"
    assert (lost > 0) == lies


def test_a_writer_and_a_reader_share_a_file(disk: Disk) -> None:
    writer, reader = connect(disk), connect(disk)
    reader.execute("BEGIN")
    insert(writer, 1)
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
    insert(writer, 2)
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
    reader.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (2,)
    disk.power_lost()
    assert rows(disk) == [1, 2]


def test_a_lock_of_the_dead_holds_nobody_up(disk: Disk) -> None:
    connect(disk, "delete").execute("BEGIN EXCLUSIVE")
    disk.process_died()
    insert(connect(disk, "delete"), 1)
    disk.process_died()
    assert rows(disk) == [1]


def test_a_lock_of_the_living_is_met_without_waiting(disk: Disk) -> None:
    first, second = connect(disk), connect(disk)
    first.execute("BEGIN IMMEDIATE")
    second.execute("PRAGMA busy_timeout = 3600000")  # an hour that nobody waits for
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        insert(second, 1)


def test_the_dead_have_no_connections(disk: Disk) -> None:
    connection = connect(disk)
    disk.process_died()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        insert(connection, 1)


@pytest.mark.parametrize("idle", [False, True])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_connection_that_outlives_its_process_changes_nothing(
    disk: Disk, mode: str, idle: bool
) -> None:
    zombies = []

    def work() -> None:
        zombie = connect(disk, mode, "normal")
        zombies.append(zombie)
        insert(zombie, 1)
        if idle:  # it has nothing left to write: it would delete its WAL, and its memory
            zombie.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:  # it would roll back, and delete its journal
            zombie.execute("BEGIN")
            insert(zombie, 2)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    disk.process_died()  # the connection is another thread's: it can't be closed from here
    living = connect(disk, mode)
    living.execute("BEGIN")
    insert(living, 3, 5000)
    before = everything(disk)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a newer Python's, for the zombie
        zombies.clear()
        gc.collect()
    assert everything(disk) == before
    living.execute("COMMIT")
    assert everything(disk) != before
    disk.power_lost()
    assert rows(disk) == [1, 3]


def everything(disk: Disk) -> tuple[object, ...]:
    """All that may change on a disk."""
    names = sorted(path.name for path in disk.directory.iterdir())
    return digest(disk.directory), names, disk.writes, disk.syncs


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a newer Python's feature")
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_the_dead_are_closed_in_the_midst_of_a_transaction(disk: Disk, mode: str) -> None:
    connect(disk, mode).close()
    newer: dict[str, Any] = {"autocommit": False}
    connection = sqlite3.connect(disk.directory / "a.db", **newer)
    connection.execute("PRAGMA cache_size = 1")
    insert(connection, 1, 100_000)
    disk.power_lost()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
    assert rows(disk) == []


def test_other_files_are_found_as_they_were_written(disk: Disk) -> None:
    (disk.directory / "notes").mkdir()
    (disk.directory / "notes" / "a.txt").write_text("as it was")
    (disk.directory / "a.lock").touch(0o600)
    inode = (disk.directory / "a.lock").stat().st_ino
    with (disk.directory / "a.lock").open():
        disk.power_lost()
        assert (disk.directory / "notes" / "a.txt").read_text() == "as it was"
        assert (disk.directory / "a.lock").stat().st_mode & 0o777 == 0o600
        assert (disk.directory / "a.lock").stat().st_ino != inode


def test_a_database_keeps_its_permissions(disk: Disk) -> None:
    (disk.directory / "a.db").touch(0o600)
    insert(connect(disk), 1)
    disk.power_lost()
    assert (disk.directory / "a.db").stat().st_mode & 0o777 == 0o600


def test_what_the_program_puts_in_place_of_a_database_is_taken_for_sure(
    disk: Disk,
) -> None:
    connect(disk).close()
    backup = (disk.directory / "a.db").read_bytes()
    connection = connect(disk)
    insert(connection, 1)
    connection.close()
    (disk.directory / "b.db").write_bytes(backup)
    (disk.directory / "b.db").rename(disk.directory / "a.db")
    disk.power_lost()
    assert rows(disk) == []


# Faults.


def test_a_full_disk_refuses_what_grows_and_takes_it_once_there_is_room(
    disk: Disk,
) -> None:
    connection = connect(disk)
    insert(connection, 1)
    disk.bytes_max = disk.bytes_used + 10_000
    with pytest.raises(sqlite3.OperationalError, match="full"):
        insert(connection, 2, 50_000)
    disk.bytes_max = None
    insert(connection, 3, 50_000)
    disk.power_lost()
    assert rows(disk) == [1, 3]


def test_a_write_fails_as_often_as_it_was_told(disk: Disk) -> None:
    connection = connect(disk)
    disk.failing("write", times=2)
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            insert(connection, 1)
    insert(connection, 2)
    disk.power_lost()
    assert rows(disk) == [2]


def test_a_read_fails_until_it_is_told_otherwise(disk: Disk) -> None:
    insert(connect(disk), 1)
    disk.process_died()
    connection = sqlite3.connect(disk.directory / "a.db")
    disk.failing("read")
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        connection.execute("SELECT * FROM t").fetchall()
    disk.failing()
    assert rows(disk) == [1]


def test_what_was_accepted_survives_syncs_that_failed_now_and_then(disks: Disks) -> None:
    refused = 0
    for seed in range(CRASHES):
        chance = random.Random(seed)
        disk = disks.disk(f"disk{seed}", chance=chance)
        connection = connect(disk)
        accepted = []
        for row in range(ROWS):
            if chance.random() < 0.3:
                disk.failing("sync", times=1)
            try:
                insert(connection, row, chance.randint(10, 3000))
                accepted.append(row)
            except sqlite3.OperationalError:
                refused += 1
        disk.power_lost()
        assert set(accepted) <= set(rows(disk))
    assert refused > CRASHES


def test_a_file_of_the_dead_takes_nothing(disks: Disks) -> None:
    for seed in range(CRASHES):
        disk = disks.disk(f"disk{seed}", chance=random.Random(seed))
        path = disk.directory / "file"
        path.touch()
        disk.life.admit(str(path), 0)
        file = disk.life.opened(str(path), 0)
        file.write(0, b"unsure")
        disk.process_died()
        before = everything(disk)
        assert file.write(0, b"never") == sqlite3.SQLITE_IOERR_WRITE
        assert file.truncate(0) == sqlite3.SQLITE_IOERR_TRUNCATE
        assert file.sync() == sqlite3.SQLITE_IOERR_FSYNC
        assert everything(disk) == before


def test_no_later_sync_mends_one_that_failed(disks: Disks) -> None:
    found = set()
    for seed in range(CRASHES):
        disk = disks.disk(f"disk{seed}", chance=random.Random(seed))
        path = disk.directory / "file"
        path.touch()
        assert disk.life.admit(str(path), 0) == (sqlite3.SQLITE_OK, 0)
        file = disk.life.opened(str(path), 0)
        assert file.write(0, b"first") == sqlite3.SQLITE_OK
        disk.failing("sync")
        assert file.sync() == sqlite3.SQLITE_IOERR_FSYNC
        disk.failing()
        assert file.write(5, b" last") == sqlite3.SQLITE_OK
        assert file.sync() == sqlite3.SQLITE_OK
        disk.power_lost()
        found.add(path.read_bytes())
    assert {b"first last", bytes(5) + b" last"} <= found


def test_a_disk_that_can_only_be_read_can_be_read(disk: Disk) -> None:
    connection = connect(disk, "delete")
    insert(connection, 1)
    disk.read_only = True
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        insert(connection, 2)  # there can't be a journal
    connection.close()
    connection = sqlite3.connect(disk.directory / "a.db")
    assert connection.execute("SELECT id FROM t").fetchall() == [(1,)]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        insert(connection, 3)


# One seed is one run.


def story(directory: Path, seed: int) -> tuple[str, list[str]]:
    """A few lives; the digest of the files that are left, and what was noted."""
    notes: list[str] = []

    def note(event: str, /, **fields: object) -> None:
        notes.append(f"{event} {fields}")

    with disks_in(directory, seed) as disks:
        disk = disks.disk("server", chance=random.Random(seed), note=note)
        for synchronous in ("off", "normal", "full"):
            try:
                connection = connect(disk, "wal", synchronous)
                connection.execute("INSERT INTO t SELECT NULL, randomblob(9000)")
                connection.execute("INSERT INTO t VALUES (NULL, datetime('now'))")
            except sqlite3.DatabaseError as error:
                notes.append(str(error))
            disk.power_lost()
        return digest(disk.directory), notes


def test_the_same_seed_leaves_the_same_files(tmp_path: Path) -> None:
    stories = []
    for number, seed in enumerate((1, 1, 2)):
        (tmp_path / str(number)).mkdir()
        stories.append(story(tmp_path / str(number), seed))
    assert stories[0] == stories[1]
    assert stories[0][0] != stories[2][0]


def test_the_same_seed_leaves_the_same_files_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from tests.simulator.virtual.test_disk import story;"
        "print(story(Path(sys.argv[1]), 1))"
    )
    told = set()
    for hash_seed in ("1", "2"):
        (tmp_path / hash_seed).mkdir()
        told.add(
            subprocess.run(
                [sys.executable, "-c", code, tmp_path / hash_seed],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                cwd=HOME,
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        )
    (tmp_path / "here").mkdir()
    assert told == {f"{story(tmp_path / 'here', 1)}\n".encode()}


def test_notes_name_files_as_the_machine_knows_them(tmp_path: Path) -> None:
    _, notes = story(tmp_path, 1)
    assert str(tmp_path) not in "".join(notes)
    assert notes[:2] == [
        "disk write {'file': 'a.db', 'offset': 0, 'size': 4096}",
        "disk write {'file': 'a.db-wal', 'offset': 0, 'size': 32}",
    ] or notes[0].startswith("disk write {'file': 'a.db-journal', 'offset': 0")


def test_sqlite_has_the_time_and_the_chance_of_the_world(disks: Disks) -> None:
    one = sqlite3.connect(":memory:")
    asked = "SELECT datetime('now'), julianday('now'), random()"
    now, days, number = one.execute(asked).fetchone()
    one.close()
    assert now == "2001-09-09 01:46:40"
    assert days == pytest.approx(2452161.57407)
    with open_disks(
        disks.disk("b", chance=random.Random(1)).directory,
        chance=random.Random(7),
        wall_clock_s=lambda: WALL_CLOCK_S,
    ):
        other = sqlite3.connect(":memory:")
        assert other.execute(asked).fetchone()[2] == number
        other.close()


# Beside the world.


def test_files_elsewhere_and_times_after_are_as_ever(tmp_path: Path) -> None:
    (tmp_path / "disks").mkdir()
    elsewhere = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    with disks_in(tmp_path / "disks") as disks:
        disk = disks.disk("server", chance=random.Random(7))
        disk.failing("read", "write", "sync")
        elsewhere.execute("CREATE TABLE t (x)")
        during = sqlite3.connect(tmp_path / "b.db", isolation_level=None)
        during.execute("CREATE TABLE t (x)")
        with pytest.raises(sqlite3.OperationalError):
            connect(disk)
    for connection in (elsewhere, during):
        (now,) = connection.execute("SELECT datetime('now')").fetchone()
        assert now > "2020"
        connection.execute("INSERT INTO t VALUES (1)")
        connection.close()
    after = sqlite3.connect(tmp_path / "disks" / "server" / "c.db")
    after.execute("CREATE TABLE t (x)")
    after.close()
    assert disk.writes == 0


def test_worlds_follow_one_another_under_the_same_path(tmp_path: Path) -> None:
    for seed in range(3):
        (tmp_path / "disks").mkdir()
        with disks_in(tmp_path / "disks", seed) as disks:
            disk = disks.disk("server", chance=random.Random(seed))
            connection = connect(disk)
            insert(connection, 1)
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            insert(connection, 2)
        (tmp_path / "disks").rename(tmp_path / f"old{seed}")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_disks_of_its_own(tmp_path: Path) -> None:
    told = []
    for child in ("a", "b"):
        (tmp_path / child).mkdir()
        vfs.shim(tmp_path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads, if any wait
            pid = os.fork()
        if not pid:
            (tmp_path / child / "told").write_text(story(tmp_path / child, 1)[0])
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        told.append((tmp_path / child / "told").read_text())
    assert told[0] == told[1]


def test_an_error_of_ours_is_no_success_for_sqlite(tmp_path: Path) -> None:
    def note(event: str, /, **fields: object) -> None:
        raise ZeroDivisionError(event)

    def write() -> None:
        with disks_in(tmp_path) as disks:
            disk = disks.disk("server", chance=random.Random(1), note=note)
            with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
                connect(disk)
            with pytest.raises(ZeroDivisionError, match="disk"):
                disks.check()
            with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
                connect(disk)

    with pytest.raises(ZeroDivisionError, match="disk"):
        write()


def test_a_statically_linked_sqlite_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise AttributeError("undefined symbol: sqlite3_vfs_find")

    monkeypatch.setattr(vfs, "_shims", [])
    monkeypatch.setattr(vfs, "load_library", missing)
    with pytest.raises(UnavailableError, match="no virtual disks: its SQLite is linked"):
        vfs.shim(tmp_path)


def test_a_sqlite_that_goes_by_another_door_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vfs, "_shims", [])
    monkeypatch.setattr(vfs.Shim, "opens", lambda *_: False)
    with pytest.raises(UnavailableError, match="a file that sqlite3 opened did not"):
        vfs.shim(tmp_path)
