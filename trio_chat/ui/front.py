"""What those who hear, look back and mark need of a front end, whatever it looks like."""

from collections.abc import Callable
from typing import Protocol

from trio_chat.ui.state import Line, Update, View


class Front(Protocol):
    """One person's view, and where its lines are printed."""

    view: View
    """What is known now."""
    on_change: list[Callable[[], object]]
    """Called when something new is known."""

    def follow(self, update: Update) -> None:
        """This is what is known now, and this is to be printed."""

    def print(self, *lines: Line) -> None:
        """Print these, after all others."""

    def heard(self) -> None:
        """All that came together was followed."""

    def refresh(self) -> None:
        """What is shown of the view, besides what is printed, may be another now."""

    @property
    def drawings(self) -> int:
        """How often what is shown was drawn, for whatever reason."""

    async def ready(self) -> None:
        """Wait until there is space for more to be printed.

        Cancel: atomic.
        """

    async def drained(self) -> None:
        """Wait until all up to now is printed, but for who came and went.

        Cancel: atomic.
        """
