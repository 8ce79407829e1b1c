"""The server's store on a disk that loses its power: what it accepted is there."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from simulator.virtual.disk import Disk, Disks, open_disks
from simulator.virtual.errors import UnavailableError
from tests.store.version_1 import EPOCH, write_version_1
from trio_chat.errors import StoreError
from trio_chat.store.backup import backup
from trio_chat.store.interface import (
    Appended,
    Draft,
    Keep,
    Trimmed,
)
from trio_chat.store.sqlite import open_sqlite_store
from trio_chat.store.verify import verify
from trio_chat.worker import open_inline_worker

SEEDS = 6


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Disks]:
    try:
        with open_disks(
            tmp_path, chance=random.Random(1), wall_clock_s=lambda: 1e9
        ) as disks:
            yield disks
    except UnavailableError as error:
        pytest.skip(str(error))


async def live(disk: Disk, chance: random.Random, accepted: dict[str, int]) -> None:
    """One life of a store, in which it finds all that was accepted, and accepts more."""
    first = len(accepted) + 1
    path = disk.directory / "chat.db"
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        found = await store.read("lobby", after=0, through=10_000, limit=10_000)
        assert [entry.seq for entry in found] == list(range(1, len(found) + 1))
        texts = {entry.text: entry.seq for entry in found}
        assert accepted.items() <= texts.items()
        for n in range(first, first + chance.randint(1, 400)):
            text = f"{n} in life {disk.writes} " + "x" * chance.randint(0, 900)
            drafts = [Draft(log="lobby", device="d", n=disk.writes, nick="ada", text=text)]
            (outcome,) = await store.append(drafts, n)
            assert isinstance(outcome, Appended)
            accepted[text] = outcome.seq


@pytest.mark.parametrize("forgets_names", [False, True])
async def test_a_store_keeps_what_it_accepted_over_power_losses(
    disks: Disks, forgets_names: bool
) -> None:
    for seed in range(SEEDS):
        chance = random.Random(seed)
        disk = disks.disk(f"server{seed}", chance=chance)
        disk.forgets_names = forgets_names
        accepted: dict[str, int] = {}
        for _ in range(4):
            disk.die_at(write=disk.writes + chance.randint(1, 600))
            try:
                await live(disk, chance, accepted)
            except StoreError:
                disk.power_lost()
        disk.die_at()
        await live(disk, chance, accepted)
        assert accepted


async def test_what_a_killed_store_left_is_durable_before_anybody_reads_it(
    disks: Disks,
) -> None:
    """At whichever write it was killed: who reads on may be told of what was not synced."""
    for write in range(1, 60):
        disk = disks.disk(f"server{write}", chance=random.Random(write))
        disk.die_at(write=write)
        with suppress(StoreError):
            await live(disk, random.Random(write), {})
        disk.process_died()
        disk.die_at()
        path = disk.directory / "chat.db"
        async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
            seen = (await store.heads()).get("lobby", 0)
            disk.power_lost()
        async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
            assert (await store.heads()).get("lobby", 0) >= seen


# --- trimming and making over, when the power fails ----------------------------------


async def trim_on(
    disk: Disk, chance: random.Random, heads: dict[str, int], stored: list[int]
) -> None:
    """One life, in which all is whole, and lines are said, sent again, and given up.

    Shape:  `stored` are the numbers of the lines that were accepted.
    """
    path = disk.directory / "chat.db"
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        heads["epochs"] = heads.get("epochs", 0) + bool(store.found.another_past)
        head = (await store.heads()).get("lobby", 0)
        assert head >= heads.get("accepted", 0)
        assert await store.trimmed("lobby") >= heads.get("trimmed", 0)
        for n in range(heads.get("said", 0) + 1, heads.get("said", 0) + 60):
            heads["said"] = n
            lines = [line(n), line(chance.choice([*stored, n]))]
            new, again = await store.append(lines, float(n))
            assert isinstance(again, Appended | Trimmed)
            if again.seq <= heads.get("trimmed", 0):
                assert again == Trimmed(again.seq)
            assert isinstance(new, Appended)
            stored.append(n)
            heads["accepted"] = max(new.seq, again.seq)
            if n % 7 == 0:
                await store.trim("lobby", Keep(entries=5), limit=4)
                heads["trimmed"] = await store.trimmed("lobby")


def line(n: int) -> Draft:
    return Draft(log="lobby", device="d", n=n, nick="ada", text=f"line {n} " + "x" * 300)


async def test_a_power_loss_during_trimming_leaves_a_whole_store(disks: Disks) -> None:
    for seed in range(SEEDS):
        chance = random.Random(seed)
        disk = disks.disk(f"server{seed}", chance=chance)
        heads: dict[str, int] = {}
        stored: list[int] = []
        for _ in range(4):
            disk.die_at(write=disk.writes + chance.randint(20, 300))
            with suppress(StoreError):
                await trim_on(disk, chance, heads, stored)
            disk.power_lost()
        disk.die_at()
        await trim_on(disk, chance, heads, stored)
        verdict = verify(disk.directory / "chat.db")
        assert verdict.whole, verdict.faults
        assert verdict.trimmed > 10
        # What was lost with the power was never accepted: nobody has to begin anew.
        assert heads["epochs"] == 0


async def test_a_power_loss_during_the_making_over_leaves_one_version_or_the_other(
    disks: Disks,
) -> None:
    old = [("lobby", n, "d", n, f"line {n} " + "x" * 300) for n in range(1, 300)]
    versions = set()
    for seed in range(20):
        disk = disks.disk(f"server{seed}", chance=random.Random(seed))
        path = disk.directory / "chat.db"
        write_version_1(path, old)
        disk.die_at(write=disk.writes + 1 + seed * 6)
        with suppress(StoreError):
            async with open_sqlite_store(path, open_worker=open_inline_worker):
                pass
        disk.power_lost()
        disk.die_at()
        async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
            versions.add(store.found.migrated)
            assert store.epoch == EPOCH
            assert await store.heads() == {"lobby": len(old)}
        assert verify(path).whole
    assert versions == {None, len(old)}


# --- trouble that passes -------------------------------------------------------------

Trouble = Callable[[Disk], None]


def full(disk: Disk) -> None:
    disk.bytes_max = disk.bytes_used


def read_only(disk: Disk) -> None:
    disk.read_only = True


def writes_fail(disk: Disk) -> None:
    disk.failing("write")


def syncs_fail(disk: Disk) -> None:
    disk.failing("sync")


def reads_fail(disk: Disk) -> None:
    disk.failing("read", "write")


@pytest.mark.parametrize("trouble", [full, read_only, writes_fail, syncs_fail, reads_fail])
async def test_when_the_disk_does_the_store_does_again(
    disks: Disks, trouble: Trouble
) -> None:
    """By itself, with the same drafts under the same identities, and nothing in vain."""
    disk = disks.disk("server", chance=random.Random(1))
    path = disk.directory / "chat.db"
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        for n in range(1, 40):
            await store.append([line(n)], 1.0)
        for _ in range(3):
            trouble(disk)
            for _ in range(2):
                with pytest.raises(StoreError):
                    await store.append([line(n + 1), line(n + 2)], 1.0)
            disk.bytes_max, disk.read_only = None, False
            disk.failing()
            outcomes = await store.append([line(n + 1), line(n + 2)], 1.0)
            assert [o.seq for o in outcomes if isinstance(o, Appended)] == [n + 1, n + 2]
            n += 2
        seqs = [e.seq for e in await store.read("lobby", after=0, through=99, limit=99)]
        assert seqs == list(range(1, n + 1))
    disk.power_lost()
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        assert await store.heads() == {"lobby": n}
        assert store.found.another_past == ""
    assert verify(path).whole


async def test_a_failed_sync_is_not_asked_for_again_on_the_same_handle(
    disks: Disks,
) -> None:
    """The kernel would say that all is well, and have nothing on the disk."""
    disk = disks.disk("server", chance=random.Random(1))
    path = disk.directory / "chat.db"
    async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
        await store.append([line(1)], 1.0)
        assert store._log is not None
        before = store._log._connection
        disk.failing("sync", times=1)
        with pytest.raises(StoreError):
            await store.append([line(2)], 1.0)
        await store.append([line(2)], 1.0)
        assert store._log._connection is not before


async def test_a_backup_put_over_a_killed_servers_file_is_whole_wherever_the_power_fails(
    disks: Disks, tmp_path: Path
) -> None:
    """Also when it fails while what the killed one had left is put aside."""
    for write in range(1, 40):
        disk = disks.disk(f"server{write}", chance=random.Random(write))
        disk.forgets_names = bool(write % 2)
        path, copy = disk.directory / "chat.db", tmp_path / f"copy{write}.db"
        async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
            await store.append([line(n) for n in range(1, 10)], 1.0)
            backup(path, copy)
            await store.append([line(n) for n in range(10, 40)], 2.0)
            disk.process_died()
        assert path.with_name("chat.db-wal").stat().st_size
        copy.replace(path)
        disk.die_at(write=disk.writes + write)
        with suppress(StoreError):
            async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
                await store.append([line(10)], 3.0)
        disk.power_lost()
        disk.die_at()
        async with open_sqlite_store(path, open_worker=open_inline_worker) as store:
            heads = await store.heads()
        assert heads in ({"lobby": 9}, {"lobby": 10})
        assert verify(path).whole
