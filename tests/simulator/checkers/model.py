"""A chat that keeps every promise, also those that are not built, in a hundred lines.

It plays a list of moves and writes down what its bots would write down: what clean
histories are made of. Time passes with each move; nothing else takes any.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

from simulator.history import (
    Closed,
    Cut,
    Down,
    Fault,
    Gone,
    Healed,
    History,
    Invoke,
    Joined,
    Killed,
    Left,
    Linked,
    Logged,
    Maybe,
    Members,
    Ok,
    Opened,
    Record,
    Resources,
    Restarted,
    Resumed,
    Saw,
    Settled,
    Stalled,
    Up,
)

Kind: TypeAlias = Literal[
    "say", "lose", "cut", "link", "leave", "join", "kill", "rise", "stall", "read",
    "down", "end", "up", "heal",
]  # fmt: skip
Move: TypeAlias = tuple[Kind, int, int, float]
"""What happens, to which bot, in which room, after how many seconds."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
ROOMS: Final = ("lobby", "attic")
NICKS: Final = ("ada", "ben", "cyd", "dan")
STEP_S_MAX: Final = 3.0
_GRACE_S: Final = 10.0


@dataclass
class _Bot:
    nick: str
    alive: bool = True
    linked: bool = False
    stalled: bool = False
    rooms: set[str] = field(default_factory=lambda: set(ROOMS))
    cursors: dict[str, int] = field(default_factory=dict)
    outbox: dict[int, tuple[str, str]] = field(default_factory=dict)
    said: int = 0
    inbox: deque[Record] = field(default_factory=deque)
    lost_s: float = 0.0


class Chat:
    """The reference: bots, a server, and what was written down."""

    def __init__(self) -> None:
        self.records: list[Record] = [Resources(0.0, 3, 1)]
        self.log: dict[str, list[Logged]] = {room: [] for room in ROOMS}
        self._now_s = 0.0
        self._up = True
        self._bots = [_Bot(nick) for nick in NICKS]
        self._members: dict[str, dict[str, None]] = {room: {} for room in ROOMS}
        self._given: dict[tuple[str, int], int] = {}
        self._moves: dict[Kind, Callable[[_Bot, str], None]] = {
            "say": self._say,
            "lose": self._lose,
            "cut": self._cut,
            "link": self._link,
            "leave": self._leave,
            "join": self._join,
            "kill": self._kill,
            "rise": self._rise,
            "stall": self._stall,
            "read": self._read,
            "down": self._down,
            "end": self._end,
            "up": self._rise_again,
            "heal": self._heal,
        }
        for bot in self._bots:
            self._link(bot, "")

    def play(self, moves: Iterable[Move]) -> History:
        """All of it, and then what every story ends with."""
        for kind, who, where, after_s in moves:
            self._wait(after_s)
            bot = self._bots[who % len(NICKS)]
            self._moves[kind](bot, ROOMS[where % len(ROOMS)])
            self._drain()
        self._finish()
        return History(tuple(self.records), self.log)

    def _finish(self) -> None:
        self._rise_again(self._bots[0], "")
        for bot in self._bots:
            self._rise(bot, "")
            self._read(bot, "")
            self._link(bot, "")
        self._drain()
        self._note(Healed(self._now_s, 60.0))
        self._wait(_GRACE_S + 1)
        self._join(self._bots[0], ROOMS[0])
        self._say(self._bots[0], ROOMS[0])
        self._drain()
        self._wait(100.0)
        self._note(Settled(self._now_s))
        for bot in self._bots:
            self._note(Gone(self._now_s, bot.nick))
            self._remove(bot, "quit")
            bot.linked = bot.alive = False
            self._drain()
        self._note(Resources(self._now_s, 3, 1))

    def _wait(self, after_s: float) -> None:
        self._now_s += after_s
        for bot in self._bots:
            if self._up and not bot.linked and self._now_s - bot.lost_s > _GRACE_S:
                self._remove(bot, "timed out")

    def _note(self, record: Record) -> None:
        self.records.append(record)

    def _drain(self) -> None:
        for bot in self._bots:
            while bot.inbox and not bot.stalled:
                self._hear(bot, bot.inbox.popleft())

    def _hear(self, bot: _Bot, record: Record) -> None:
        match record:
            case Saw(_, _, room, seq, nick, text):
                bot.cursors[room] = seq
                self._note(Saw(self._now_s, bot.nick, room, seq, nick, text))
            case Members(_, _, room, nicks):
                self._note(Members(self._now_s, bot.nick, room, nicks))
            case Joined(_, _, room, nick):
                self._note(Joined(self._now_s, bot.nick, room, nick))
            case Left(_, _, room, nick, reason):
                self._note(Left(self._now_s, bot.nick, room, nick, reason))
            case Opened(_, _, room, after, head):
                bot.cursors[room] = after
                self._note(Opened(self._now_s, bot.nick, room, after, head))

    def _tell(self, room: str, record: Record) -> None:
        for bot in self._bots:
            if bot.linked and bot.nick in self._members[room] and room in bot.rooms:
                bot.inbox.append(record)

    # --- the server ------------------------------------------------------------------

    def _take(self, bot: _Bot, n: int, *, answered: bool) -> None:
        room, text = bot.outbox[n]
        if (bot.nick, n) not in self._given:
            seq = len(self.log[room]) + 1
            self._given[bot.nick, n] = seq
            self.log[room].append(Logged(room, seq, bot.nick, text))
            self._tell(room, Saw(0.0, "", room, seq, bot.nick, text))
        if answered:
            del bot.outbox[n]
            self._note(Ok(self._now_s, bot.nick, room, n, self._given[bot.nick, n]))

    def _open(self, bot: _Bot, room: str) -> None:
        if bot.nick not in self._members[room]:
            self._tell(room, Joined(0.0, "", room, bot.nick))
            self._members[room][bot.nick] = None
        after = bot.cursors.get(room, 0)
        bot.inbox.append(Opened(0.0, "", room, after, len(self.log[room])))
        bot.inbox.append(Members(0.0, "", room, tuple(self._members[room])))
        for entry in self.log[room][after:]:
            bot.inbox.append(Saw(0.0, "", room, entry.seq, entry.nick, entry.text))

    def _remove(self, bot: _Bot, reason: str) -> None:
        for room, members in self._members.items():
            if members.pop(bot.nick, 0) is None:
                told = Left(0.0, "", room, bot.nick, reason)
                bot_is_linked, bot.linked = bot.linked, False
                self._tell(room, told)
                bot.linked = bot_is_linked

    # --- the moves -------------------------------------------------------------------

    def _say(self, bot: _Bot, room: str, *, lost: bool = False) -> None:
        if bot.alive and room in bot.rooms:
            bot.said += 1
            bot.outbox[bot.said] = room, f"{bot.said} of {bot.nick}"
            self._note(
                Invoke(self._now_s, bot.nick, room, bot.said, bot.outbox[bot.said][1])
            )
            if bot.linked:
                self._take(bot, bot.said, answered=not lost)

    def _lose(self, bot: _Bot, room: str) -> None:
        if bot.linked and room in bot.rooms:
            self._say(bot, room, lost=True)
            self._cut(bot, room)

    def _cut(self, bot: _Bot, _room: str) -> None:
        if bot.linked:
            self._note(Fault(self._now_s, f"{bot.nick} is cut off"))
            self._unlink(bot)
            self._note(Cut(self._now_s, bot.nick, "the connection broke", bot.said / 7))

    def _unlink(self, bot: _Bot) -> None:
        bot.linked = False
        bot.lost_s = self._now_s
        bot.inbox.clear()

    def _link(self, bot: _Bot, _room: str) -> None:
        if self._up and bot.alive and not bot.linked:
            bot.linked = True
            self._note(Linked(self._now_s, bot.nick))
            for room in sorted(bot.rooms):
                self._open(bot, room)
            for n in sorted(bot.outbox):
                self._take(bot, n, answered=True)

    def _leave(self, bot: _Bot, room: str) -> None:
        if bot.linked and not bot.stalled and not bot.inbox and room in bot.rooms:
            bot.rooms.discard(room)
            bot.cursors.pop(room, None)
            self._members[room].pop(bot.nick, None)
            self._note(Closed(self._now_s, bot.nick, room, "left"))
            self._tell(room, Left(0.0, "", room, bot.nick, "left"))

    def _join(self, bot: _Bot, room: str) -> None:
        if bot.linked and room not in bot.rooms:
            bot.rooms.add(room)
            self._open(bot, room)

    def _kill(self, bot: _Bot, _room: str) -> None:
        if bot.alive:
            self._note(Killed(self._now_s, bot.nick))
            for n, (room, _) in bot.outbox.items():
                self._note(Maybe(self._now_s, bot.nick, room, n))
            if bot.linked:
                self._unlink(bot)
            bot.alive = bot.stalled = False
            bot.cursors.clear()

    def _rise(self, bot: _Bot, room: str) -> None:
        if not bot.alive:
            bot.alive = True
            self._note(Restarted(self._now_s, bot.nick))
            self._link(bot, room)

    def _stall(self, bot: _Bot, _room: str) -> None:
        if bot.linked and not bot.stalled:
            bot.stalled = True
            self._note(
                Stalled(self._now_s, bot.nick, lives=True, others_within_s=STEP_S_MAX + 1)
            )

    def _read(self, bot: _Bot, _room: str) -> None:
        if bot.stalled:
            bot.stalled = False
            self._note(Resumed(self._now_s, bot.nick))

    def _down(self, _bot: _Bot, _room: str, *, kindly: bool = False) -> None:
        if self._up:
            self._note(Down(self._now_s, kindly))
            self._up = False
            for number, bot in enumerate(self._bots):
                if bot.linked:
                    self._unlink(bot)
                    retry_in_s = number + 0.5
                    self._note(Cut(self._now_s, bot.nick, "it goes", retry_in_s))

    def _end(self, bot: _Bot, room: str) -> None:
        self._down(bot, room, kindly=True)

    def _rise_again(self, _bot: _Bot, _room: str) -> None:
        if not self._up:
            self._up = True
            self._note(Up(self._now_s))

    def _heal(self, _bot: _Bot, _room: str) -> None:
        if self._up and all(bot.linked or not bot.alive for bot in self._bots):
            self._note(Healed(self._now_s, 60.0))
