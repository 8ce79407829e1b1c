"""The server's store on a disk that loses its power: what it accepted is there."""

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from simulator.virtual.disk import Disk, Disks, open_disks
from simulator.virtual.errors import UnavailableError
from trio_chat.errors import StoreError
from trio_chat.store.interface import Appended, Draft
from trio_chat.store.sqlite import open_sqlite_store
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
