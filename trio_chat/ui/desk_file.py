"""What a chat finds when it is started again: rooms and half-typed lines, in a file.

It stands beside the outbox, and belongs to whoever has that: two clients of one nick have
two. It is written whole, beside the old one, and then put in its place, so that a client
that is killed in any moment leaves the old one or the new one.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from trio_chat.client.outbox import Ticket
from trio_chat.errors import RefusedError
from trio_chat.protocol import names
from trio_chat.ui.history import is_secret
from trio_chat.ui.state import typed

DRAFTS_CHARS_MAX: Final = 1_000_000
"""Of all of them together; a draft that is too long for what is left is not kept."""
ROOMS_MAX: Final = 256
_FILE_BYTES_MAX: Final = 16 * 1024 * 1024


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept from one start to the next."""

    rooms: tuple[str, ...] = ()
    """The rooms that one was in, in the order of joining."""
    current: str = ""
    """The one that was looked at; empty: none."""
    drafts: Mapping[str, str] = {}
    """What was typed for each of them, and not sent."""


def desk_path(outbox: Path) -> Path:
    """Where the file of a client is that has this outbox."""
    return outbox.with_name(f"desk-{outbox.stem.removeprefix('outbox-')}.json")


def to_keep(rooms: Iterable[str], current: str, drafts: Mapping[str, str]) -> Kept:
    """What of this is kept: no draft that looks as if there was a secret in it."""
    left, kept = DRAFTS_CHARS_MAX, {}
    for room, text in drafts.items():
        if text and len(text) <= left and not is_secret(text):
            kept[room] = text
            left -= len(text)
    return Kept(rooms=tuple(rooms)[:ROOMS_MAX], current=current, drafts=kept)


def begun(kept: Kept, asked: str | None, default: str) -> tuple[list[str], str]:
    """The rooms that one is in at the start, and the one that is looked at.

    Shape:  those of the last time. A room that was asked for is one of them, and is looked
            at first; `default` is the only one where there is no other.
    """
    rooms = [*kept.rooms]
    if asked is not None and asked not in rooms:
        rooms.append(asked)
    rooms = rooms or [default]
    current = kept.current if asked is None else asked
    return rooms, current if current in rooms else rooms[0]


def not_queued(drafts: Mapping[str, str], lines: Iterable[Ticket]) -> dict[str, str]:
    """The drafts but for those that have come to the outbox after they were kept."""
    queued = {(line.room, typed(line)) for line in lines}
    return {room: text for room, text in drafts.items() if (room, text) not in queued}


# --- the file; all of this blocks --------------------------------------------------------


def read_desk(path: Path) -> tuple[Kept, str]:
    """What was kept, and what is wrong with it, for people; empty: nothing is."""
    what = f"the rooms and drafts of the last time ({path})"
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            return Kept(), f"{what} are too large to be read"
        return _checked(msgspec.json.decode(path.read_bytes(), type=Kept)), ""
    except FileNotFoundError:
        return Kept(), ""
    except OSError as error:
        return Kept(), f"{what} can't be read: {error.strerror or error}"
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Kept(), f"{what} are damaged: they begin anew"


def write_desk(path: Path, kept: Kept) -> None:
    """Keep this, in the place of what was kept before.

    Raises: OSError: it is not kept; what was before is.
    """
    new = path.with_suffix(".new")
    with suppress(FileNotFoundError):
        new.unlink()  # of somebody who was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(new, flags, 0o600), "wb") as file:  # noqa: PTH123 (it has a mode)
        file.write(msgspec.json.encode(kept))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _checked(kept: Kept) -> Kept:
    """Without what can't be: whoever wrote the file may have been another version."""
    rooms = []
    for room in kept.rooms[:ROOMS_MAX]:
        with suppress(RefusedError):
            rooms.append(names.room(room))
    return to_keep(dict.fromkeys(rooms), kept.current, kept.drafts)
