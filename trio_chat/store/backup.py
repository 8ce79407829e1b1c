"""A copy of a data file that is in use: one moment of it, taken in bounded steps."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from trio_chat.database import sync_directory
from trio_chat.errors import StoreError, StoreOpenError
from trio_chat.store.marker import COPIED
from trio_chat.store.verify import Verdict, open_for_reading, verify

_STEP_PAGES: Final = 1_024
"""Four megabytes, as a rule."""


def backup(path: Path, to: Path) -> Verdict:
    """Copy a data file, also that of a live server; what verify() says of the copy.

    Shape:  the copy is of one moment, nobody's but the owner's to read, and says of itself
            that it is one: the server that opens it first gives it a new epoch. It has
            its name when it is complete, and not before. One that is not whole is left,
            for it may be the last there is.
    Raises: StoreOpenError: there is no such data file, or something with that name already.
            StoreError: it can't be read or written; there is no copy.
    """
    part = to.with_name(f"{to.name}.part")
    with open_for_reading(path) as source:
        if to.exists():
            raise StoreOpenError(f"{to} is there already; it was left as it is")
        _make(part)
        try:
            _copy(source, part)
            verdict = verify(part)
            _name(part, to)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{path} can't be copied to {to}: {error}") from error
        finally:
            part.unlink(missing_ok=True)
    return verdict


def _make(part: Path) -> None:
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise StoreOpenError(
            f"{part} is there: another backup is under way, or one was broken off;"
            " in that case remove it"
        ) from None
    except OSError as error:
        raise StoreOpenError(f"{part} can't be made: {error.strerror}") from error


def _copy(source: sqlite3.Connection, part: Path) -> None:
    # Within one read transaction: without it every write of the server would have the
    # copying begin again. The server waits for nothing; its WAL grows meanwhile.
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM meta").fetchone()
    with closing(sqlite3.connect(part, isolation_level=None)) as copy:
        source.backup(copy, pages=_STEP_PAGES, sleep=0)
        # No WAL: the copy is one file, and can be read where nothing can be written. And
        # it is by this that a server knows that a WAL beside it is another file's.
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("INSERT OR REPLACE INTO meta VALUES (?, '')", (COPIED,))
    source.execute("ROLLBACK")


def _name(part: Path, to: Path) -> None:
    """Give the copy its name, unless something else has it by now."""
    if os.name == "nt":
        part.rename(to)
    else:
        os.link(part, to)
    sync_directory(to.parent)
