"""How a server knows that its data file is an older copy: a second file remembers.

A copy of a database can't tell that it is one. So each opening and each closing of the
data file counts its `life` up, in the file and then, beside it, in the marker. A file that
has lived less than its marker, or that has another epoch, was put in the place of the one
that was here: its past is not what clients have seen, and it gets a new epoch.

A file whose server was killed leaves its last changes in a WAL beside it, which SQLite
would take for those of any file of that name: see database.py for what is done about it.

What this does not find: the marker was restored or lost as well (a machine set back as a
whole), or the copy was taken in the middle of the last life, by other means than `backup`,
and that life was ended by kill -9. Then a client that had read further than the log goes
now tells by its cursor, and begins anew alone; see docs/wire.md §9.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COPIED: Final = "copied"
"""What a backup says of itself, until a server has opened it."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What was known of a data file when it was opened or closed last."""

    epoch: str
    life: int

    def knows(self, epoch: str, life: int) -> bool:
        """Whether that is the same file, and no older copy of it."""
        return epoch == self.epoch and life >= self.life


def marker_path(data: Path) -> Path:
    """Where the marker of a data file is."""
    return data.with_name(f"{data.name}.epoch")


def read_marker(data: Path) -> Marker | None:
    """The marker of a data file; None if there is none that can be read.

    Shape:  none is no reason to fail: there was none before the first opening either.
    """
    with suppress(OSError, ValueError):
        epoch, life = marker_path(data).read_text(encoding="ascii").split()
        return Marker(epoch, int(life))
    return None


def why_another_past(
    before: dict[str, str], marker: Marker | None, *, asked: bool, put_there: bool
) -> str:
    """Why clients must not take what is in the file for what they know; empty: they may.

    Shape:  `before` is what the file says about itself; it was `put_there` when a WAL of
            another one was found beside it.
    """
    if asked:
        return "a new epoch was asked for"
    if COPIED in before:
        return "the file is a backup"
    if marker is not None and not marker.knows(before["epoch"], int(before["life"])):
        return "the file is not the one that was here last, or an older copy of it"
    if put_there:
        return "the file was put in the place of another one"
    return ""


def write_marker(data: Path, marker: Marker) -> None:
    """Put the marker beside the data file, whole or not at all.

    Shape:  called when the data file has the same for sure: a loss of power leaves the
            marker behind the file, never before it.
    Raises: OSError.
    """
    path = marker_path(data)
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, f"{marker.epoch} {marker.life}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(path)
