"""Disks that know what an fsync promised: what a machine finds there after it has died.

Real SQLite reads and writes real files; beside each file we keep what is sure, the image
as of its last sync, and what is not: the writes since. When the power is lost, a file
becomes that image with a subset of those writes, some of them torn; when only the process
dies, the file stays as it is, and so does what is known of it.

A machine's directory keeps its path over all its lives, but each life has files of its
own: at a death the directory is replaced by a copy. Locks, shared memory and late writes
of the dead belong to files that have no name any more, and so touch nobody.

What is modelled is what SQLite does to its files. Any other file, such as a lock, is found
after a death as it was written; nor does it feel a fault.
"""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

from simulator.virtual import vfs

SECTOR_BYTES: Final = 512
"""What a disk writes whole or not at all."""

Operation: TypeAlias = Literal["read", "write", "sync"]

_OK: Final = sqlite3.SQLITE_OK
_KEPT: Final = (0.0, 0.2, 0.5, 0.8, 1.0)
"""How much of what was not synced may survive: each power loss draws one of these."""
_SHARED_MEMORY: Final = "-shm"
"""How the name of a WAL's shared memory ends; SQLite makes it anew when it is missing."""
_TORN: Final = 0.25
"""Of the writes that neither survive nor vanish for sure, this many are torn."""


class Note(Protocol):
    """Is told what happens on a disk."""

    def __call__(self, event: str, /, **fields: str | int | bool | None) -> None:
        """`file` is its name in the machine's directory; offset and size are bytes."""


@contextmanager
def open_disks(
    directory: Path, *, chance: random.Random, wall_clock_s: Callable[[], float]
) -> Iterator["Disks"]:
    """Disks below `directory`, which exists, for as long as the block lasts.

    Shape:  meanwhile SQLite's own chance, such as random() and the salts of a WAL, comes
            from `chance`, and its time of day from `wall_clock_s`, in this whole process.
            Nobody waits for a lock in real time. Files elsewhere are left alone. A
            connection that a program drops without closing it stays open until the
            program dies: it does not hang on when the garbage is collected.
    Raises: UnavailableError: this Python's SQLite can't be reached.
            Whatever `wall_clock_s`, a note, or the call of Disk.die_at() raised meanwhile,
            at the end or at Disks.check(): SQLite was told that the disk failed.
    """
    root = directory.resolve(strict=True)
    shim = vfs.shim(root)
    disks = Disks(root, shim, chance, wall_clock_s)
    with shim.mounted(disks):
        try:
            yield disks
        finally:
            disks.close()


class Disks:
    """The disks of a world; get them from open_disks()."""

    def __init__(
        self,
        root: Path,
        shim: vfs.Shim,
        chance: random.Random,
        wall_clock_s: Callable[[], float],
    ) -> None:
        self._root = root
        self._prefix = f"{root}{os.sep}"
        self._shim = shim
        self._chance = chance
        self._wall_clock_s = wall_clock_s
        self._disks: dict[str, Disk] = {}

    def disk(self, name: str, *, chance: random.Random, note: Note | None = None) -> "Disk":
        """A new disk for the machine of that name.

        Shape:  `chance` decides what survives a loss of power; `note`, if there is one, is
                told of every write.
        """
        assert name not in self._disks, f"{name} has a disk already"
        assert name == Path(name).name, f"{name} is no name for a directory"
        directory = self._root / name
        directory.mkdir()
        disk = self._disks[name] = Disk(directory, self._shim, chance, note)
        return disk

    def check(self) -> None:
        """Raise what went wrong behind SQLite's back; else that waits for the end."""
        self._shim.check()

    def close(self) -> None:
        """All lives end; what connections they left open are closed."""
        for disk in self._disks.values():
            disk.halt()
            disk.close_connections()

    # For the VFS.

    def life(self, path: str) -> vfs.Life | None:
        if not path.startswith(self._prefix):
            return None
        name = path[len(self._prefix) :].partition(os.sep)[0]
        disk = self._disks.get(name)
        return disk.life if disk is not None else None

    def randomness(self, size: int) -> bytes:
        return self._chance.randbytes(size)

    def now_ms(self) -> int:
        return int(self._wall_clock_s() * 1000)


class Disk:
    """The disk of one machine; get it from Disks.disk()."""

    def __init__(
        self, directory: Path, shim: vfs.Shim, chance: random.Random, note: Note | None
    ) -> None:
        self.directory = directory
        """Where its files are, by the same plain path in all its lives."""
        self.note = note
        self.bytes_max: int | None = None
        """What fits on it; a write that needs more finds the disk full."""
        self.lies = False
        """A sync says that it was done, and nothing is done."""
        self.read_only = False
        """It can't be written any more, as a file system that has met with an error."""
        self.forgets_names = False
        """That a file was made or removed is only sure once its directory was synced, as
        POSIX has it; else it is sure at once. SQLite syncs the directory when it has made
        a journal or a WAL, but on removing one only with synchronous = EXTRA: a
        transaction that was committed so may be undone by the journal that comes back."""
        self.writes = 0
        """Writes, truncations and removals so far, over all its lives."""
        self.syncs = 0
        """Syncs so far, over all its lives; those that lied, too."""
        self.chance = chance
        self._shim = shim
        self._failing: dict[Operation, int | None] = {}
        self._death: tuple[int | None, int | None, Callable[[], object]] | None = None
        self._calling = False
        self.life = Life(self)

    @property
    def bytes_used(self) -> int:
        """What its files take; the shared memory of a WAL is none of them."""
        return sum(path.stat().st_size for path in _files(self.directory))

    def failing(self, *operations: Operation, times: int | None = None) -> None:
        """From now on these end with an I/O error; none named: all work again.

        Shape:  `times`: for so many of each; None: until the next call. What a failed sync
                was to make sure stays so or not by chance, and no later sync mends that:
                the kernel takes it for written (as Linux does).
        """
        self._failing = dict.fromkeys(operations, times)
        self._shim.watch_reads(self.life)

    def die_at(
        self,
        *,
        write: int | None = None,
        sync: int | None = None,
        call: Callable[[], object] = lambda: None,
    ) -> None:
        """Have everything end with that write or sync, counted as `writes` and `syncs` do.

        Shape:  the last call counts, over all deaths; with neither, nothing is planned any
                more. That write is the last one: a power loss may keep, tear or lose it;
                after a process's death it is there. That sync is not done. SQLite finds an
                I/O error there and from then on, and `call` is called at once. It runs
                inside SQLite: it may note that the machine is dead, and have
                process_died() or power_lost() called later. The files are those of this
                instant.
        """
        assert write is None or write > self.writes, f"write {write} has happened"
        assert sync is None or sync > self.syncs, f"sync {sync} has happened"
        self._death = (write, sync, call)

    def halt(self) -> None:
        """From now on the process changes nothing more; it may not have noticed yet."""
        self.life.ended = True

    def process_died(self) -> None:
        """The process is killed: what it wrote is there, synced or not.

        Shape:  its connections are closed, and change nothing. The next life may begin.
        """
        self._reborn(self.life.contents_now)

    def power_lost(self) -> None:
        """The power fails: what was synced is there, and the rest by chance.

        Shape:  as process_died().
        """
        self._reborn(self.life.contents_after_power_loss)

    def close_connections(self) -> None:
        """Close all that SQLite has open of this life: what is left has no use."""
        self._shim.close_connections(self.life)

    def _reborn(self, contents: Callable[[], "Life"]) -> None:
        assert not self._calling, "SQLite is at work: the call has to come later"
        self.halt()
        self.close_connections()
        next_life = contents()
        born, dead = (self.directory.with_name(f".{kind}") for kind in ("born", "dead"))
        shutil.copytree(self.directory, born, symlinks=True, ignore=_shared_memory)
        next_life.put_down(born)
        self.directory.rename(dead)
        born.rename(self.directory)
        shutil.rmtree(dead)
        self.life = next_life

    # For its life.

    def fails(self, operation: Operation) -> bool:
        """Whether this one has an I/O error."""
        if operation not in self._failing:
            return False
        times = self._failing[operation]
        if times is not None:
            if times == 1:
                del self._failing[operation]
            else:
                self._failing[operation] = times - 1
        return True

    @property
    def reads_fail(self) -> bool:
        return "read" in self._failing

    def is_full(self, growth: int) -> bool:
        return self.bytes_max is not None and self.bytes_used + growth > self.bytes_max

    def wrote(self) -> None:
        """A write was done; perhaps it was the last one."""
        self.writes += 1
        if self._death is not None:
            self._strike()

    def synced(self) -> bool:
        """A sync is asked for; whether the machine is still there to do it."""
        self.syncs += 1
        if self._death is not None:
            self._strike()
        return not self.life.ended

    def _strike(self) -> None:
        assert self._death is not None
        write, sync, call = self._death
        if write != self.writes and sync != self.syncs:
            return
        self._death = None
        self.halt()
        self._calling = True
        try:
            call()
        finally:
            self._calling = False


class Life:
    """What is known of a disk's files, from one death to the next."""

    def __init__(self, disk: Disk) -> None:
        self.ended = False
        self.disk = disk
        self._prefix_length = len(str(disk.directory)) + 1
        self._known: dict[str, _Content] = {}  # name -> what SQLite has had open
        self._names: list[tuple[str, _Content, bool]] = []
        """Which names were made (True) or removed, and whether that lasts is not sure."""
        self._forgotten: set[str] = set()
        """What the last life has left, and this one does not find."""

    # For the VFS.

    @property
    def reads_watched(self) -> bool:
        return self.disk.reads_fail

    def admit(self, path: str, flags: int) -> tuple[int, int]:
        if self.ended:
            return sqlite3.SQLITE_CANTOPEN, flags
        if self.disk.read_only:
            flags &= ~(vfs.OPEN_READWRITE | vfs.OPEN_CREATE)
            flags |= vfs.OPEN_READONLY
        self._know(path)
        return _OK, flags

    def opened(self, path: str, flags: int) -> vfs.File:
        name = self._name(path)
        content = self._known.get(name)
        if content is None:
            content = self._known[name] = _Content(bytearray(), Path(path).stat())
            content.names_directory = bool(flags & vfs.JOURNALS)
            self._named(name, content, made=True)
        return _File(self, name, content)

    def admit_delete(self, path: str) -> int:
        if self.ended or self.disk.read_only or self.disk.fails("write"):
            return sqlite3.SQLITE_IOERR_DELETE
        if self.disk.forgets_names:
            self._know(path)  # it may come back
        return _OK

    def deleted(self, path: str, *, synced: bool) -> None:
        name = self._name(path)
        content = self._known.pop(name, None)
        if content is not None:
            self._named(name, content, made=False)
        if synced and not self.disk.lies:
            self._names.clear()
        if self.disk.note is not None:
            self.disk.note("disk remove", file=name)
        self.disk.wrote()

    # For its files.

    def made_sure(self, content: "_Content") -> None:
        """A file was synced: so is its own name, and its directory if it is a journal."""
        if content.names_directory:
            content.names_directory = False
            self._names.clear()
        for index, (_, other, made) in enumerate(self._names):
            if made and other is content:
                del self._names[: index + 1]
                return

    # For its death.

    def contents_now(self) -> "Life":
        """The next life, after one that ended without the machine."""
        after = Life(self.disk)
        after._known = {
            name: content
            for name, content in self._known.items()
            if content.is_at(self.disk.directory / name)
        }
        after._names = self._names.copy()
        return after

    def contents_after_power_loss(self) -> "Life":
        """The next life, after one that ended with the machine."""
        chance = self.disk.chance
        after = self.contents_now()
        names, after._names = after._names, []  # what lasts is sure from here on
        if self.disk.forgets_names:
            # File systems keep a journal of their names: the last ones are forgotten.
            for _ in range(chance.randint(0, len(names))):
                after._forget(*names.pop())
        kept = chance.choice(_KEPT)
        for name in sorted(after._known):
            after._known[name].lose_power(chance, kept)
        return after

    def put_down(self, directory: Path) -> None:
        """Make the copies of the last life's files what they are in this one."""
        for name in self._forgotten:
            (directory / name).unlink(missing_ok=True)
        for name, content in self._known.items():
            content.put_down(directory / name)

    def _forget(self, name: str, content: "_Content", made: bool) -> None:
        """It was never made, or never removed."""
        if made:
            self._known.pop(name, None)
            self._forgotten.add(name)
        else:
            self._known[name] = content
            self._forgotten.discard(name)

    def _name(self, path: str) -> str:
        return path[self._prefix_length :]

    def _know(self, path: str) -> None:
        """Take what a file holds for sure, unless more is known of it."""
        name = self._name(path)
        file = Path(path)
        content = self._known.get(name)
        if content is not None and not content.is_at(file):
            del self._known[name]  # the program has removed it, or put another there
            content = None
        if content is None and file.is_file():
            self._known[name] = _Content(bytearray(file.read_bytes()), file.stat())

    def _named(self, name: str, content: "_Content", *, made: bool) -> None:
        if self.disk.forgets_names:
            self._names.append((name, content, made))
        else:
            self._names.clear()


class _Content:
    """One file: what is sure, and what was written since.

    Shape:  a piece without data is a truncation, to that offset.
    """

    def __init__(self, sure: bytearray, stat: os.stat_result) -> None:
        self.names_directory = False
        """It is a journal that was just made: its first sync is one of the directory."""
        self.size = len(sure)
        self._sure = sure
        self._since: list[tuple[int, bytes | None]] = []
        self._survived: bytearray | None = None
        self._mode = stat.st_mode & 0o7777
        self._inode = stat.st_ino

    def is_at(self, path: Path) -> bool:
        with suppress(OSError):
            return path.stat().st_ino == self._inode
        return False

    def write(self, offset: int, data: bytes) -> None:
        self._since.append((offset, data))
        self.size = max(self.size, offset + len(data))

    def truncate(self, size: int) -> None:
        self._since.append((size, None))
        self.size = min(self.size, size)

    @property
    def unsure(self) -> bool:
        return bool(self._since)

    def sync(self) -> None:
        """All is sure now."""
        for offset, data in self._since:
            _apply(self._sure, offset, data)
        self._since.clear()

    def sync_in_vain(self, chance: random.Random) -> None:
        """Some is sure now; the rest is never written, but whoever reads still sees it."""
        self._since_by_chance(chance, 0.5)

    def lose_power(self, chance: random.Random, kept: float) -> None:
        self._since_by_chance(chance, kept)
        self._survived = self._sure
        self.size = len(self._sure)

    def put_down(self, path: Path) -> None:
        """It begins a new life at `path`, where a copy of the old file may be."""
        if self._survived is not None:
            path.write_bytes(self._survived)
            path.chmod(self._mode)
            self._survived = None
        self._inode = path.stat().st_ino

    def _since_by_chance(self, chance: random.Random, kept: float) -> None:
        for offset, data in self._since:
            if data is not None and 0 < kept < 1 and chance.random() < _TORN:
                for start, sector in _sectors(offset, data):
                    if chance.random() < 0.5:
                        _apply(self._sure, start, sector)
            elif chance.random() < kept:
                _apply(self._sure, offset, data)
        self._since.clear()


class _File:
    """A file as one connection has it open."""

    __slots__ = ("_content", "_life", "_name")

    def __init__(self, life: Life, name: str, content: _Content) -> None:
        self._life = life
        self._name = name
        self._content = content

    def write(self, offset: int, data: bytes) -> int:
        disk = self._life.disk
        if self._life.ended or disk.read_only or disk.fails("write"):
            return sqlite3.SQLITE_IOERR_WRITE
        growth = offset + len(data) - self._content.size
        if growth > 0 and disk.is_full(growth):
            return sqlite3.SQLITE_FULL
        self._content.write(offset, data)
        if disk.note is not None:
            disk.note("disk write", file=self._name, offset=offset, size=len(data))
        disk.wrote()
        return _OK

    def truncate(self, size: int) -> int:
        disk = self._life.disk
        if self._life.ended or disk.read_only or disk.fails("write"):
            return sqlite3.SQLITE_IOERR_TRUNCATE
        self._content.truncate(size)
        if disk.note is not None:
            disk.note("disk truncate", file=self._name, size=size)
        disk.wrote()
        return _OK

    def sync(self) -> int:
        disk = self._life.disk
        if self._life.ended or not disk.synced():
            return sqlite3.SQLITE_IOERR_FSYNC
        if disk.fails("sync") or (disk.read_only and self._content.unsure):
            self._content.sync_in_vain(disk.chance)
            return sqlite3.SQLITE_IOERR_FSYNC
        if not disk.lies:
            self._content.sync()
            self._life.made_sure(self._content)
        if disk.note is not None:
            disk.note("disk sync", file=self._name, kept=not disk.lies)
        return _OK

    def read(self) -> int:
        return sqlite3.SQLITE_IOERR_READ if self._life.disk.fails("read") else _OK


def _apply(image: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del image[offset:]
        return
    if offset > len(image):
        image.extend(bytes(offset - len(image)))  # a hole reads as zeros
    image[offset : offset + len(data)] = data


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """The pieces of a write, cut where the disk's sectors meet."""
    start = 0
    while start < len(data):
        end = start + SECTOR_BYTES - (offset + start) % SECTOR_BYTES
        yield offset + start, data[start:end]
        start = end


def _files(directory: Path) -> list[Path]:
    """All files below, in an order that is the same everywhere."""
    return sorted(
        path
        for path in directory.rglob("*")
        if path.is_file() and not path.name.endswith(_SHARED_MEMORY)
    )


def _shared_memory(_directory: str, names: list[str]) -> list[str]:
    """What no life leaves to the next."""
    return [
        name
        for name in names
        if name.endswith(_SHARED_MEMORY) and name.removesuffix(_SHARED_MEMORY) in names
    ]
