"""What the parts of a chat have in common: what is known, what is typed, what is shown."""

import math
from collections.abc import Callable, Mapping
from typing import Final

import trio
from msgspec.structs import replace
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

from trio_chat.ui.paper import Paper
from trio_chat.ui.rooms import skipped, switched
from trio_chat.ui.screen import Screen
from trio_chat.ui.state import Line, Note, Skipped, Update, View

UNAWARE_S: Final = 0.7
"""Whoever types on so soon has not seen that a line came back."""


class Desk:
    """One person's view, the line they type, and the paper above it."""

    def __init__(self, view: View, line: Buffer, screen: Screen, paper: Paper) -> None:
        self.view = view
        """What is known now."""
        self.line = line
        """The line being typed."""
        self.screen = screen
        self.paper = paper
        paper.on_skipped.append(self._skipped)
        self.leaving = False
        """Whether one has gone, but for the answers to one's last lines."""
        self.saving = False
        """Whether the line in the input is on its way into the outbox."""
        self.on_change: list[Callable[[], object]] = []
        """Called when something new is known."""
        self._drafts: dict[str, Document] = {}
        self._draft_of = view.current
        self._came_back = ("", -math.inf)

    def follow(self, update: Update) -> None:
        """This is what is known now, and this is to be printed."""
        self.view = update.view
        self.print(*update.lines)
        if update.back:
            self._give_back(update.back)
        for changed in self.on_change:
            changed()

    def print(self, *lines: Line) -> None:
        """Print these above the prompt."""
        self.paper.print(*lines)

    def heard(self) -> None:
        """All that came together was followed: the input is for the room that is here."""
        self.change_drafts()

    def refresh(self) -> None:
        """Draw what is around the input anew."""
        self.screen.invalidate()

    @property
    def drawings(self) -> int:
        """How often the screen was drawn."""
        return self.screen.render_counter

    async def ready(self) -> None:
        """Wait until there is space for more to be printed.

        Cancel: atomic.
        """
        await self.paper.ready()

    async def drained(self) -> None:
        """Wait until all up to now is printed, but for who came and went.

        Cancel: atomic.
        """
        await self.paper.drained()

    def _skipped(self, row: Skipped) -> None:
        self.view = skipped(self.view, row)

    def look_at(self, room: str | None) -> None:
        """Look at a room that one is in; None: stay where one is."""
        if room is not None and room != self.view.current:
            self.follow(switched(self.view, room))

    def leave(self) -> None:
        """One has gone; what is refused from now on is for the history."""
        self.leaving = True
        self.view = replace(self.view, leaving=True)

    def remember(self, text: str) -> None:
        """Put a text where Up finds it at once."""
        selection = self.line.selection_state
        self.line.history.append_string(text)
        self.line.reset(self.line.document)
        self.line.selection_state = selection

    # --- drafts ----------------------------------------------------------------------

    @property
    def drafts(self) -> dict[str, str]:
        """What is typed for each room, and not sent; "" is no room."""
        drafts = {room: draft.text for room, draft in self._drafts.items()}
        drafts[self._draft_of] = self.line.text
        return {room: text for room, text in drafts.items() if text}

    def take_out(self, drafts: Mapping[str, str]) -> None:
        """Here is what was typed the last time."""
        found = {room: Document(text) for room, text in drafts.items()}
        self.line.reset(found.pop(self._draft_of, None))
        self._drafts |= {r: text for r, text in found.items() if self.view.find(r)}

    def change_drafts(self) -> None:
        """Put away what is typed for one room, and take out what was for another.

        Shape:  what was typed for a room that is gone stays, if there is nothing else.
        """
        before, now = self._draft_of, self.view.current
        if before == now or self.saving:
            return
        self._draft_of = now
        draft = self._drafts.pop(now, Document())
        typed = self.line.document
        if self.view.find(before) is not None:
            self._drafts[before] = typed
        elif typed.text and not draft.text:
            return
        elif typed.text:
            self.remember(typed.text)
        self.line.reset(draft)

    # --- a line that comes back ------------------------------------------------------

    def _give_back(self, text: str) -> None:
        if self.line.text or self.leaving or self.screen.keys_wait:
            self._say_where_it_is(text)
        else:
            self.line.reset(Document(text))
            self._came_back = (text, trio.current_time())

    def _say_where_it_is(self, text: str) -> None:
        self.remember(text)
        self.print(Note(f"it is in the history, Up brings it back: {text}"))

    def just_came_back(self) -> bool:
        """Whether a line came back this very moment, and nobody can know of it."""
        text, since_s = self._came_back
        return self.line.text == text and trio.current_time() - since_s < UNAWARE_S

    def put_aside(self) -> None:
        """Somebody was about to type as a line came back: their own goes first."""
        text = self.line.text
        self.line.reset()
        self._say_where_it_is(text)
