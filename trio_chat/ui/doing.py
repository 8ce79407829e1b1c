"""What is typed becomes what is done."""

from collections.abc import Callable
from typing import assert_never

import trio
from prompt_toolkit.document import Document

from trio_chat.client import Client
from trio_chat.errors import RefusedError
from trio_chat.ui import commands
from trio_chat.ui.about import Draft, ToChange, Unclear, meant
from trio_chat.ui.asked import NO_ROOM
from trio_chat.ui.commands import Intent, parse
from trio_chat.ui.desk import Desk
from trio_chat.ui.errands import Errands
from trio_chat.ui.help import help_notes
from trio_chat.ui.lookback import LookingBack
from trio_chat.ui.looked_up import leave, looked_up
from trio_chat.ui.pointing import About
from trio_chat.ui.rooms import opening
from trio_chat.ui.state import Trouble
from trio_chat.ui.terminal import Terminal


class Doing:
    """Does what is typed at a desk: says it, asks for it, or shows what is known.

    Shape:  what has to wait is for the errands and for who looks back; `quit` is called
            when one wants to go.
    """

    def __init__(
        self,
        desk: Desk,
        client: Client,
        terminal: Terminal,
        errands: Errands,
        looking_back: LookingBack,
        quit_: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._client = client
        self._terminal = terminal
        self._errands = errands
        self._looking_back = looking_back
        self._quit = quit_

    @property
    def _current(self) -> str:
        """The room that one looks at; "" without any."""
        return self._desk.view.current

    def accept(self, text: str) -> bool:
        """Do what was typed; whether it stays in the input."""
        try:
            intent = parse(text)
            mistake = self._do(intent) if intent is not None else ""
        except RefusedError as error:
            mistake = error.reason
        except trio.WouldBlock:
            mistake = "as many lines as can wait are waiting: this one stays here"
        if mistake:
            self._desk.print(Trouble(mistake))
        # What is said leaves the input when it is in the outbox.
        return bool(mistake) or self._desk.saving or self._desk.line.text != text

    def _do(self, intent: Intent) -> str:
        """Do it; why it can't be done, or nothing."""
        match intent:
            case commands.Say() | commands.Tell() | About():
                return self._say(intent)
            case commands.Join(room=room):
                self._look_at(room)
            case commands.Leave(room=room):
                return leave(self._desk, self._client, room or "")
            case commands.Rename(nick=nick):
                self._client.rename_nowait(nick)
            case commands.Cancel():
                self._errands.cancel(intent)
            case commands.History() | commands.Search() | commands.Jump() | commands.Fill():
                return self._looking_back.ask(intent)
            case (
                commands.Who()
                | commands.ShowOutbox()
                | commands.ShowUnread()
                | commands.Mute()
            ):
                found = looked_up(self._desk, self._client, self._terminal, intent)
                self._desk.print(*found)
            case commands.Help(word=word):
                self._desk.print(*help_notes(self._terminal.habits, word))
            case commands.Quit():
                self._quit()
            case commands.Mistake(reason=reason):
                return reason
            case _:
                assert_never(intent)
        return ""

    def _say(self, intent: commands.Say | commands.Tell | About) -> str:
        match intent:
            case commands.Say(text=text, kind=kind):
                if not self._current:
                    return NO_ROOM
                return self._errands.post(self._current, text, kind)
            case commands.Tell(nick=nick, text=text):
                return self._errands.post(f"@{nick}", text, "text")
            case About():
                return self._say_about(intent)

    def _say_about(self, about: About) -> str:
        match meant(self._desk.view, about):
            case Draft(room=room, text=text, kind=kind, ref=ref):
                return self._errands.post(room, text, kind, ref) if room else NO_ROOM
            case ToChange(text=text):
                self._desk.line.document = Document(text)
            case Unclear(reason=reason):
                return reason if self._current else NO_ROOM
        return ""

    def _look_at(self, room: str) -> None:
        if self._desk.view.find(room) is not None:
            self._desk.look_at(room)
        else:
            self._client.join_nowait(room)
            self._desk.follow(opening(self._desk.view, room))
