"""SQLite's own door to its files, so that a disk of ours can stand behind it.

SQLite does all its input and output through a table of C functions (a VFS). This one is a
copy of the table that the machine's SQLite comes with, where opening, deleting, chance,
sleep and time are ours; of each file that is opened below a mounted directory, writing,
truncating, syncing and closing are ours too. Reads, locks and shared memory stay in C.

What must hold:
  1. The table, once made, lives as long as the process: a connection keeps it for life.
  2. Who has died opens, writes and deletes nothing more, although its paths are those of
     the life that follows. Whose a call is, is known by the file (writes) or by the
     address of the name (the journals of a database share its memory), not by the path.
     The shared memory of a WAL is beyond our reach: SQLite removes it by its path, but only
     if the database is still where it was.
  3. Connections end with their process. They can't be found when needed, so we keep each.
  4. An error of ours is never taken for success: it is kept, and raised at the end.
"""

import atexit
import ctypes
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, TypeAlias

from simulator.virtual.errors import UnavailableError

MAIN_DB: Final = 0x100
"""In the flags of an opening: the database itself. Others of SQLite's own follow."""
OPEN_READONLY: Final = 0x1
OPEN_READWRITE: Final = 0x2
OPEN_CREATE: Final = 0x4
JOURNALS: Final = 0x800 | 0x4000 | 0x80000
"""A journal, a super-journal, a WAL: when made, their directory is synced with them."""

_JULIAN_DAY_MS: Final = 86_400_000
_UNIX_EPOCH_MS: Final = 210_866_760_000_000  # as SQLite counts: from noon in 4714 BC

_Function: TypeAlias = Callable[..., Any]


class File(Protocol):
    """One file as one connection has it open. Each answer is a result code of SQLite's."""

    def write(self, offset: int, data: bytes) -> int:
        """Whether the real write may follow."""

    def truncate(self, size: int) -> int:
        """Whether the real truncation may follow."""

    def sync(self) -> int:
        """What a sync says; no real one follows."""

    def read(self) -> int:
        """Whether the real read may follow; only asked while the life says so."""


class Life(Protocol):
    """One machine's disk from one death to the next."""

    @property
    def ended(self) -> bool:
        """Whether what is left of it may change nothing more."""

    @property
    def reads_watched(self) -> bool:
        """Whether File.read() wants to be asked."""

    def admit(self, path: str, flags: int) -> tuple[int, int]:
        """A result code, and the flags to open it with."""

    def opened(self, path: str, flags: int) -> File:
        """It is open now."""

    def admit_delete(self, path: str) -> int:
        """Whether it may be deleted."""

    def deleted(self, path: str, *, synced: bool) -> None:
        """It is deleted now; `synced`: and its directory is to remember that."""


class Mount(Protocol):
    """What is behind the door while a world lasts."""

    def life(self, path: str) -> Life | None:
        """To whom this path belongs now; None: it is no business of ours."""

    def randomness(self, size: int) -> bytes:
        """So much chance, for row numbers, salts and random()."""

    def now_ms(self) -> int:
        """The time of day, in milliseconds since 1970."""


class _Vfs(ctypes.Structure):
    _fields_: ClassVar = [
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p),
        ("pAppData", ctypes.c_void_p),
        ("xOpen", ctypes.c_void_p),
        ("xDelete", ctypes.c_void_p),
        ("xAccess", ctypes.c_void_p),
        ("xFullPathname", ctypes.c_void_p),
        ("xDlOpen", ctypes.c_void_p),
        ("xDlError", ctypes.c_void_p),
        ("xDlSym", ctypes.c_void_p),
        ("xDlClose", ctypes.c_void_p),
        ("xRandomness", ctypes.c_void_p),
        ("xSleep", ctypes.c_void_p),
        ("xCurrentTime", ctypes.c_void_p),
        ("xGetLastError", ctypes.c_void_p),
        ("xCurrentTimeInt64", ctypes.c_void_p),
        ("xSetSystemCall", ctypes.c_void_p),
        ("xGetSystemCall", ctypes.c_void_p),
        ("xNextSystemCall", ctypes.c_void_p),
    ]


class _Methods(ctypes.Structure):
    _fields_: ClassVar = [
        ("iVersion", ctypes.c_int),
        ("xClose", ctypes.c_void_p),
        ("xRead", ctypes.c_void_p),
        ("xWrite", ctypes.c_void_p),
        ("xTruncate", ctypes.c_void_p),
        ("xSync", ctypes.c_void_p),
        ("xFileSize", ctypes.c_void_p),
        ("xLock", ctypes.c_void_p),
        ("xUnlock", ctypes.c_void_p),
        ("xCheckReservedLock", ctypes.c_void_p),
        ("xFileControl", ctypes.c_void_p),
        ("xSectorSize", ctypes.c_void_p),
        ("xDeviceCharacteristics", ctypes.c_void_p),
        ("xShmMap", ctypes.c_void_p),
        ("xShmLock", ctypes.c_void_p),
        ("xShmBarrier", ctypes.c_void_p),
        ("xShmUnmap", ctypes.c_void_p),
        ("xFetch", ctypes.c_void_p),
        ("xUnfetch", ctypes.c_void_p),
    ]


_SIGNATURES: Final[dict[str, tuple[Any, ...]]] = {
    "xOpen": (*(ctypes.c_void_p,) * 3, ctypes.c_int, ctypes.c_void_p),
    "xDelete": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int),
    "xRandomness": (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p),
    "xSleep": (ctypes.c_void_p, ctypes.c_int),
    "xCurrentTime": (ctypes.c_void_p, ctypes.c_void_p),
    "xCurrentTimeInt64": (ctypes.c_void_p, ctypes.c_void_p),
    "xClose": (ctypes.c_void_p,),
    "xRead": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64),
    "xWrite": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64),
    "xTruncate": (ctypes.c_void_p, ctypes.c_int64),
    "xSync": (ctypes.c_void_p, ctypes.c_int),
}


def _real(name: str, table: ctypes.Structure) -> _Function:
    """SQLite's own function; it is short, so nobody else gets a turn meanwhile."""
    function: _Function = ctypes.PYFUNCTYPE(ctypes.c_int, *_SIGNATURES[name])(
        getattr(table, name)
    )
    return function


class _Io:
    """The functions of one kind of file: SQLite's own, and the tables with ours in them."""

    def __init__(self, address: int, ours: dict[str, int]) -> None:
        own = _Methods.from_address(address)
        self.address = address
        self.close = _real("xClose", own)
        self.read = _real("xRead", own)
        self.write = _real("xWrite", own)
        self.truncate = _real("xTruncate", own)
        self._plain = _Methods.from_buffer_copy(own)
        for name in ("xClose", "xWrite", "xTruncate", "xSync"):
            setattr(self._plain, name, ours[name])
        self._watched = _Methods.from_buffer_copy(self._plain)
        self._watched.xRead = ours["xRead"]

    def table(self, *, watched: bool) -> int:
        return ctypes.addressof(self._watched if watched else self._plain)


class _Handle:
    __slots__ = ("connection", "file", "io", "life", "names")

    def __init__(self, io: _Io, life: Life, file: File, names: tuple[int, ...]) -> None:
        self.connection: sqlite3.Connection | None = None  # for a database itself only
        self.io = io
        self.life = life
        self.file = file
        self.names = names


class Shim:
    """The VFS of this process; get it from shim()."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for name in ("vfs_find", "filename_journal", "filename_wal"):
            function = getattr(library, f"sqlite3_{name}")
            function.restype = ctypes.c_void_p
            function.argtypes = [ctypes.c_void_p]
        library.sqlite3_vfs_register.argtypes = [ctypes.c_void_p, ctypes.c_int]
        library.sqlite3_vfs_unregister.argtypes = [ctypes.c_void_p]
        library.sqlite3_randomness.argtypes = [ctypes.c_int, ctypes.c_void_p]
        library.sqlite3_randomness.restype = None
        self._base: int = library.sqlite3_vfs_find(None)
        self._own = _Vfs.from_address(self._base)
        self._vfs = _Vfs.from_buffer_copy(self._own)
        self._vfs.zName = b"virtual disk"
        self._real_open = _real("xOpen", self._own)
        self._real_delete = _real("xDelete", self._own)
        self._mounts: list[Mount] = []
        self._io: dict[int, _Io] = {}
        self._handles: dict[int, _Handle] = {}  # address of the file -> its handle
        self._owners: dict[int, Life] = {}  # address of a database's names -> whose it is
        self._last_path = ""
        self._newest: tuple[int, _Handle] | None = None  # which thread opened what last
        self._trouble: list[BaseException] = []
        functions: dict[str, _Function] = {
            "xOpen": self._open,
            "xDelete": self._delete,
            "xRandomness": self._randomness,
            "xSleep": self._sleep,
            "xCurrentTime": self._current_time,
            "xCurrentTimeInt64": self._current_time_int64,
            "xClose": self._close,
            "xRead": self._read,
            "xWrite": self._write,
            "xTruncate": self._truncate,
            "xSync": self._sync,
        }
        self._callbacks: list[_Function] = []
        self._ours = {name: self._callback(name, call) for name, call in functions.items()}
        self._vfs.xOpen = self._ours["xOpen"]
        self._vfs.xDelete = self._ours["xDelete"]
        atexit.register(self._restore)
        sys.addaudithook(self._audit)

    @contextmanager
    def mounted(self, mount: Mount) -> Iterator[None]:
        """Have all of SQLite that this process opens go by this mount, and then as ever.

        Raises: whatever of ours went wrong meanwhile behind SQLite's back.
        """
        if not self._mounts:
            self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)
        self._mounts.append(mount)
        self._world_changed()
        try:
            yield
        finally:
            self._mounts.remove(mount)
            if not self._mounts:
                self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs))
            self._world_changed()
            trouble = self._trouble.copy()
            self._trouble.clear()
        if trouble:
            raise trouble[0]

    def check(self) -> None:
        """Raise the first error of ours on which SQLite was told that the disk failed."""
        if self._trouble:
            first = self._trouble[0]
            self._trouble.clear()
            raise first

    def opens(self, path: Path) -> bool:
        """Whether sqlite3 comes through this door: a file is opened there, and removed."""
        self._last_path = ""
        sqlite3.connect(path).close()
        path.unlink()
        return Path(self._last_path) == path

    def close_connections(self, life: Life) -> None:
        """Close all that were made in that life: nobody else is left to do it."""
        for handle in list(self._handles.values()):
            if handle.life is life and handle.connection is not None:
                connection, handle.connection = handle.connection, None
                # One that belongs to another thread has to stay.
                with suppress(sqlite3.ProgrammingError):
                    if sys.version_info >= (3, 12):
                        # Else it would first want to roll back, which can't be done.
                        connection.autocommit = sqlite3.LEGACY_TRANSACTION_CONTROL
                    connection.close()

    def watch_reads(self, life: Life) -> None:
        """What life.reads_watched says has changed."""
        for address, handle in self._handles.items():
            if handle.life is life:
                _set_methods(address, handle.io.table(watched=life.reads_watched))

    # What follows is called by SQLite.

    def _open(
        self, _vfs: int, name: int | None, file: int, flags: int, out_flags: int | None
    ) -> int:
        if not name:
            return self._really_open(name, file, flags, out_flags)
        path = self._last_path = os.fsdecode(ctypes.string_at(name))
        life = self._owners.get(name) or self._life(path)
        if life is None:
            return self._really_open(name, file, flags, out_flags)
        code, flags = life.admit(path, flags)
        if code:
            _set_methods(file, None)  # there is nothing to close
            return code
        code = self._really_open(name, file, flags, out_flags)
        if code:
            return code
        address = ctypes.c_void_p.from_address(file).value
        assert address is not None
        io = self._io.get(address)
        if io is None:
            io = self._io[address] = _Io(address, self._ours)
        names = self._names(name) if flags & MAIN_DB else ()
        self._owners.update(dict.fromkeys(names, life))
        handle = _Handle(io, life, life.opened(path, flags), names)
        self._handles[file] = handle
        if names:
            self._newest = threading.get_ident(), handle
        _set_methods(file, io.table(watched=life.reads_watched))
        return sqlite3.SQLITE_OK

    def _really_open(
        self, name: int | None, file: int, flags: int, out_flags: int | None
    ) -> int:
        code: int = self._real_open(self._base, name, file, flags, out_flags)
        return code

    def _delete(self, _vfs: int, name: int, sync_directory: int) -> int:
        path = os.fsdecode(ctypes.string_at(name))
        life = self._owners.get(name) or self._life(path)
        code: int
        if life is None:
            code = self._real_delete(self._base, name, sync_directory)
            return code
        code = life.admit_delete(path)
        if code:
            return code
        code = self._real_delete(self._base, name, 0)
        if code == sqlite3.SQLITE_OK:
            life.deleted(path, synced=bool(sync_directory))
        return sqlite3.SQLITE_IOERR_DELETE if life.ended else code

    def _close(self, file: int) -> int:
        handle = self._handles.pop(file)
        for name in handle.names:
            self._owners.pop(name, None)
        code: int = handle.io.close(file)
        return code

    def _read(self, file: int, buffer: int, size: int, offset: int) -> int:
        handle = self._handles[file]
        return handle.file.read() or handle.io.read(file, buffer, size, offset)

    def _write(self, file: int, data: int, size: int, offset: int) -> int:
        handle = self._handles[file]
        code = handle.file.write(offset, ctypes.string_at(data, size))
        if code:
            return code
        code = handle.io.write(file, data, size, offset)
        return sqlite3.SQLITE_IOERR_WRITE if handle.life.ended else code

    def _truncate(self, file: int, size: int) -> int:
        handle = self._handles[file]
        code = handle.file.truncate(size)
        if code:
            return code
        code = handle.io.truncate(file, size)
        return sqlite3.SQLITE_IOERR_TRUNCATE if handle.life.ended else code

    def _sync(self, file: int, _flags: int) -> int:
        return self._handles[file].file.sync()

    def _randomness(self, _vfs: int, size: int, buffer: int) -> int:
        ctypes.memmove(buffer, self._mounts[-1].randomness(size), size)
        return size

    def _sleep(self, _vfs: int, duration_us: int) -> int:
        # It waits for a lock, and nobody else runs meanwhile who could let go of it.
        return duration_us

    def _current_time(self, _vfs: int, days: int) -> int:
        now = (_UNIX_EPOCH_MS + self._mounts[-1].now_ms()) / _JULIAN_DAY_MS
        ctypes.c_double.from_address(days).value = now
        return sqlite3.SQLITE_OK

    def _current_time_int64(self, _vfs: int, time_ms: int) -> int:
        now = _UNIX_EPOCH_MS + self._mounts[-1].now_ms()
        ctypes.c_int64.from_address(time_ms).value = now
        return sqlite3.SQLITE_OK

    # And this by us.

    def _callback(self, name: str, function: Callable[..., int]) -> int:
        otherwise = 0 if name == "xRandomness" else sqlite3.SQLITE_IOERR

        def call(*arguments: int) -> int:
            try:
                return function(*arguments)
            except BaseException as error:  # noqa: BLE001 (ctypes would call it success)
                self._trouble.append(error)
                return otherwise

        callback = ctypes.CFUNCTYPE(ctypes.c_int, *_SIGNATURES[name])(call)
        self._callbacks.append(callback)  # SQLite does not keep it alive
        address = ctypes.cast(callback, ctypes.c_void_p).value
        assert address is not None
        return address

    def _life(self, path: str) -> Life | None:
        for mount in reversed(self._mounts):
            life = mount.life(path)
            if life is not None:
                return life
        return None

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Python tells of whatever is done: here we learn whose connection a file is."""
        if event != "sqlite3.connect/handle" or self._newest is None:
            return
        thread, handle = self._newest
        if thread == threading.get_ident():
            self._newest = None
            handle.connection = arguments[0]

    def _names(self, name: int) -> tuple[int, ...]:
        """Where SQLite keeps the names of a database, of its journal and of its WAL."""
        others = (
            self._library.sqlite3_filename_journal(name),
            self._library.sqlite3_filename_wal(name),
        )
        return (name, *(other for other in others if other))

    def _world_changed(self) -> None:
        """Time, sleep and chance are the world's while there is one."""
        for name in ("xRandomness", "xSleep", "xCurrentTime", "xCurrentTimeInt64"):
            ours = self._ours[name] if self._mounts else getattr(self._own, name)
            setattr(self._vfs, name, ours)
        self._library.sqlite3_randomness(0, None)  # draw a new seed when next asked

    def _restore(self) -> None:
        """The process ends: what SQLite does from here on, it does without Python."""
        for address, handle in self._handles.items():
            _set_methods(address, handle.io.address)
        self._vfs.xOpen = self._own.xOpen
        self._vfs.xDelete = self._own.xDelete
        self._mounts.clear()
        self._world_changed()


def _set_methods(file: int, methods: int | None) -> None:
    ctypes.c_void_p.from_address(file).value = methods


_shims: list[Shim] = []


def shim(directory: Path) -> Shim:
    """The VFS of this process; `directory` is where a file may be made to try it.

    Raises: UnavailableError: this Python's SQLite can't be reached.
    """
    if not _shims:
        _shims.append(_new_shim(directory))
    return _shims[0]


def _new_shim(directory: Path) -> Shim:
    if os.name != "posix":
        raise _unavailable(f"on {sys.platform} SQLite keeps its files in another way")
    try:
        made = Shim(load_library())
    except (ImportError, AttributeError, OSError) as error:
        raise _unavailable(
            "its SQLite is linked statically, or is older than 3.31:"
            " the functions of libsqlite3 can't be found"
        ) from error
    with made.mounted(_Nobody()):
        reached = made.opens(directory / "probe")
    if not reached:
        raise _unavailable(
            "its SQLite is another one than the libsqlite3 that is found: a file that"
            " sqlite3 opened did not come by"
        )
    return made


def load_library() -> ctypes.CDLL:
    """The libsqlite3 that the module sqlite3 itself uses.

    Raises: ImportError, AttributeError, OSError: it can't be found.
    """
    import _sqlite3  # noqa: PLC0415 (where it is missing, all else still works)

    return ctypes.CDLL(_sqlite3.__file__)


class _Nobody:
    """A mount to which no path belongs."""

    def life(self, path: str) -> Life | None:  # noqa: ARG002
        return None

    def randomness(self, size: int) -> bytes:
        return bytes(size)

    def now_ms(self) -> int:
        return 0


def _unavailable(why: str) -> UnavailableError:
    return UnavailableError(
        f"this Python has no virtual disks: {why}."
        " Use a Python for Linux or macOS whose sqlite3 uses the shared libsqlite3 of the"
        " system (Debian's and pyenv's do), or leave out what needs disks"
    )
