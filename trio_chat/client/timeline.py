"""A room as a client has it: a cursor that moves by one, and over no hole untold."""

from dataclasses import dataclass
from enum import Enum, auto


class Place(Enum):
    """Where an entry stands, seen from the cursor."""

    NEXT = auto()
    """It follows at once: the cursor moves."""
    HAD = auto()
    """It was had before: a repeat, of no concern."""
    BEYOND = auto()
    """Something is missing before it: ask again from the cursor."""


@dataclass(slots=True)
class Timeline:
    """What is had of one room's log: everything up to and including `cursor`.

    Shape:  `cursor` is None before the server has said where the room begins for us.
    """

    cursor: int | None = None

    def opened(self, after: int) -> None:
        """The server will send what follows `after`."""
        self.cursor = after

    def place(self, seq: int) -> Place:
        """Where the entry stands; moves the cursor if it is the next."""
        if self.cursor is None or seq > self.cursor + 1:
            return Place.BEYOND
        if seq <= self.cursor:
            return Place.HAD
        self.cursor = seq
        return Place.NEXT

    def place_gap(self, after: int, through: int) -> Place:
        """Where entries stand that can't be had; moves the cursor over them if it can."""
        if self.cursor is None or after > self.cursor:
            return Place.BEYOND
        if through <= self.cursor:
            return Place.HAD
        self.cursor = through
        return Place.NEXT

    def back(self, seq: int) -> None:
        """What begins with this could not be shown after all: it is asked for again."""
        self.cursor = seq - 1
