"""Looking for a room by a few of its letters: Ctrl-K."""

from collections.abc import Callable, Sequence
from typing import Final

from prompt_toolkit.buffer import Buffer

from trio_chat.habits.actions import DEFAULT_KEYS, Keymap
from trio_chat.habits.key_names import label
from trio_chat.sanitise import LINE_END, clean
from trio_chat.ui.rooms import found
from trio_chat.ui.state import Room, View
from trio_chat.ui.status import Fragments, counts

ROWS_MAX: Final = 8
# So the toolkit keeps it on a low screen, too.
_SEEN: Final = ("[SetCursorPosition]", clean(""))


class Switcher:
    """A line in which one looks for a room, and the rooms that are meant.

    Shape:  `choose` is called once it is done, with the room, or None for none.
    """

    def __init__(
        self,
        view: Callable[[], View],
        choose: Callable[[str | None], None],
        keys: Keymap = DEFAULT_KEYS,
    ) -> None:
        self.line = Buffer(multiline=False, on_text_changed=lambda _: self._select(0))
        """What was typed of the name."""
        self._view = view
        self._choose = choose
        self._keys = keys
        self._selected = 0

    def begin(self) -> None:
        """Look for another one than the last time."""
        self.line.reset()
        self._select(0)

    def move(self, step: int) -> None:
        """Select the next one, or the one before, round and round."""
        rooms = self._rooms
        self._select((self._selected + step) % len(rooms) if rooms else 0)

    def take(self) -> None:
        """Go to the one that is selected; nothing if there is none."""
        rooms = self._rooms
        if rooms:
            self._choose(rooms[min(self._selected, len(rooms) - 1)].name)

    def give_up(self) -> None:
        """Stay where one is."""
        self._choose(None)

    @property
    def fragments(self) -> Fragments:
        """The rooms that are meant, a row each."""
        return rows(self._view(), self._rooms, self._selected, self._keys)

    @property
    def _rooms(self) -> Sequence[Room]:
        return found(self._view(), self.line.text)

    def _select(self, number: int) -> None:
        self._selected = number


def rows(
    view: View, rooms: Sequence[Room], selected: int, keys: Keymap = DEFAULT_KEYS
) -> Fragments:
    """Rooms as rows, ROWS_MAX at most, with a mark at the one that is selected.

    Shape:  each with the key that goes there without looking for it, if it has one.
    """
    if not rooms:
        return [("class:note", clean("no room is called so"))]
    first = max(0, min(selected - ROWS_MAX + 1, len(rooms) - ROWS_MAX))
    shown = enumerate(rooms[first : first + ROWS_MAX], first)
    drawn = [_row(view, room, keys, here=at == selected) for at, room in shown]
    return [part for row in drawn for part in (("", LINE_END), *row)][1:]


def _row(view: View, room: Room, keys: Keymap, *, here: bool) -> Fragments:
    name = [("class:prompt" if here else "", clean(f"#{room.name}"))]
    by_key = keys.get(f"room_{view.rooms.index(room) + 1}")
    return [
        *([_SEEN] if here else []),
        ("class:prompt", clean("> " if here else "  ")),
        *(counts(room) if room.unread else name),
        ("class:note", clean(f"  {label(by_key[0])}" if by_key else "")),
    ]
