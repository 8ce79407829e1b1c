"""The tasks of a run as text."""

from typing import Any

import trio

from simulator.virtual.tasks import tree


async def wait(started: trio.Event) -> None:
    started.set()
    await trio.sleep_forever()


async def tree_of(children: int) -> list[str]:
    """The tree of a run with so many children in a nursery within a child's nursery."""
    lines: list[str] = []

    async def parent() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(children):
                started = trio.Event()
                nursery.start_soon(wait, started)
                await started.wait()
            lines.extend(tree("server", trio.lowlevel.current_root_task()))
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(parent)
    return lines


def test_a_task_is_told_by_the_line_where_its_own_code_waits() -> None:
    lines = trio.run(tree_of, 2)
    waiting = [line for line in lines if "wait waits at" in line]
    assert len(waiting) == 2
    assert all("virtual/test_tasks.py:" in line for line in waiting)
    assert lines[0] == "server:"


def test_a_child_stands_below_its_parent() -> None:
    lines = trio.run(tree_of, 1)
    depths: list[Any] = [len(line) - len(line.lstrip()) for line in lines]
    child = next(at for at, line in enumerate(lines) if ".wait waits" in line)
    parent = next(at for at, line in enumerate(lines) if "parent" in line)
    assert depths[child] == depths[parent] + 4
    assert child > parent


def test_the_tasks_of_trio_itself_are_not_told() -> None:
    assert not any(line.strip().startswith("<") for line in trio.run(tree_of, 1))


def test_a_task_whose_name_looks_like_trios_is_told() -> None:
    async def initialise() -> list[str]:
        return tree("a", trio.lowlevel.current_root_task())

    assert any("initialise" in line for line in trio.run(initialise))


def test_of_very_many_tasks_the_first_are_told_and_the_rest_counted() -> None:
    lines = trio.run(tree_of, 100)
    assert len(lines) == 62
    assert lines[-1].strip().startswith("… and ")


def test_who_has_not_begun_has_no_tasks() -> None:
    assert tree("server", None) == ["server: not begun"]


def test_who_is_paused_is_called_so() -> None:
    async def look() -> list[str]:
        return tree("server", trio.lowlevel.current_root_task(), paused=True)

    assert trio.run(look)[0] == "server (paused):"
