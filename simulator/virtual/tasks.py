"""The tasks of a run as lines of text, each with the place where it waits."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import trio

_TASKS_MAX: Final = 60
_NOBODYS: Final = (str(Path(inspect.getfile(trio)).parent), str(Path(__file__).parent))
"""Where it waits inside trio, or inside a socket of ours, says nothing to its author."""


def tree(name: str, root: trio.lowlevel.Task | None, *, paused: bool = False) -> list[str]:
    """One line for each task of a node, indented by nursery."""
    if root is None:
        return [f"{name}: not begun"]
    if paused:
        name = f"{name} (paused)"
    lines = list(_below(root, 1))
    more = [f"    … and {len(lines) - _TASKS_MAX} more"] if len(lines) > _TASKS_MAX else []
    return [f"{name}:", *lines[:_TASKS_MAX], *more]


def _below(task: trio.lowlevel.Task, depth: int) -> Iterator[str]:
    for nursery in task.child_nurseries:
        # Sorted: trio keeps the tasks of a nursery in a set.
        for child in sorted(nursery.child_tasks, key=_line):
            if not _is_system(child):
                yield "    " * depth + _line(child)
            yield from _below(child, depth + (not _is_system(child)))


def _line(task: trio.lowlevel.Task) -> str:
    frames = [
        (frame.f_code.co_filename, number) for frame, number in task.iter_await_frames()
    ]
    own = [place for place in frames if not place[0].startswith(_NOBODYS)]
    if not own:
        return task.name
    path, number = own[-1]
    place = "/".join(path.replace("\\", "/").split("/")[-2:])
    return f"{task.name} waits at {place}:{number}"


def _is_system(task: trio.lowlevel.Task) -> bool:
    return task.name.startswith("<")
