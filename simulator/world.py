"""What a story has: a stage, the waits between the acts, and a record of what was done.

A story says what happens and in which order; a stage makes it happen (in a virtual world,
or with real processes); a world is what the story sees of it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import trio

from simulator import history
from simulator.bots import Hostile, Script
from simulator.errors import StoryError
from simulator.links import small_buffers
from simulator.recorder import Recorder
from simulator.stage import Stage, Way
from simulator.virtual.link import Link
from simulator.virtual.seeds import Seed

_HELD: Final = {"both": "gets to or from", "up": "gets from", "down": "gets to"}
_LATE_S: Final = 10.0
"""So much longer a story waits than it allows: its checkers are to see what was late."""


class World:
    """The server and the people of one run."""

    def __init__(self, seed: Seed, stage: Stage, recorder: Recorder) -> None:
        self.seed = seed
        self.stage = stage
        self._recorder = recorder
        self._scripts: dict[str, Script] = {}
        self._absent: set[str] = set()
        self._attackers: list[str] = []
        self._served = False
        self._lives: Counter[str] = Counter()

    @property
    def people(self) -> tuple[str, ...]:
        """Who is here, in the order in which they came."""
        return tuple(nick for nick in self._scripts if nick not in self._absent)

    @property
    def time_is_free(self) -> bool:
        """Whether a minute of this stage takes less than a minute."""
        return self.stage.time_is_free

    @property
    def loses_power(self) -> bool:
        """Whether the machines of this stage can."""
        return self.stage.loses_power

    def places(self, nick: str) -> tuple[str, ...]:
        """The rooms that somebody is, or was, to be in at the end."""
        return self._scripts[nick].places

    def life(self, nick: str) -> int:
        """How often somebody has come; 1 for who never died."""
        return self._lives[nick]

    # --- the server ------------------------------------------------------------------

    async def start_server(self) -> None:
        """Start it, or start it again.

        Raises: ServerError: it does not serve.
        Cancel: may have happened.
        """
        await self.stage.start_server()
        if self._served:
            self._add(history.Up)
        else:
            self.count()
        self._served = True

    async def stop_server(self) -> None:
        """Ask it to end (SIGTERM), and see it end.

        Raises: ServerError: it ended badly, or not at all.
        Cancel: may have happened.
        """
        self._add(history.Down, kindly=True)
        await self.stage.stop_server()

    async def kill_server(self) -> None:
        """kill -9.

        Cancel: may have happened.
        """
        self._add(history.Down, kindly=False)
        await self.stage.kill_server()

    async def power_off_server(self) -> None:
        """Pull its plug.

        Cancel: may have happened.
        """
        self.note("the server loses its power")
        self._add(history.Down, kindly=False)
        await self.stage.power_off_server()

    def pause_server(self) -> None:
        """It does nothing at all, for a while."""
        self.note("the server is paused")
        self.stage.pause_server()

    def resume_server(self) -> None:
        """It goes on where it was."""
        self.note("the server goes on")
        self.stage.resume_server()

    async def server_dies_at(self, number: int, *, sync: bool, power: bool) -> None:
        """It dies in the middle of a write or a sync, counted from here; once it has.

        Shape:  with `power` its machine dies as well. Whoever gives up waiting kills it.
        Cancel: the server is dead.
        """
        what = "sync" if sync else "write"
        how = "loses its power" if power else "is killed"
        self.note(f"the server {how} at the {number}. {what} from here")
        try:
            await self.stage.server_dies_at(number, sync=sync, power=power)
        finally:
            self._add(history.Down, kindly=False)

    # --- the people ------------------------------------------------------------------

    def enter(self, scripts: Iterable[Script]) -> None:
        """These people come, and stay until the story ends."""
        for script in scripts:
            self._scripts[script.nick] = script
            self._lives[script.nick] += 1
            self.stage.enter(script)

    async def until_attackers_gave_up(self) -> None:
        """Wait until all of them have played all their tricks.

        Raises: StoryError: one is still at it after a long time.
        Cancel: atomic.
        """
        await self.stage.until_gone(self._attackers)

    def attack(self, hostiles: Iterable[Hostile]) -> None:
        """These come too, and mean no good."""
        for hostile in hostiles:
            self._add(history.Stranger, nick=hostile.nick, tricks=hostile.tricks)
            self._attackers.append(hostile.nick)
            self.stage.enter(hostile)

    async def end(self) -> None:
        """The story is over: everyone goes home, and the server has time to notice.

        Raises: StoryError: somebody does not go.
        Cancel: may have happened.
        """
        for nick in self.people:
            self._add(history.Gone, bot=nick)
            self._recorder.leave_open(nick)
            self.stage.send_home(nick)
        await self.stage.until_gone(self._scripts)

    async def kill(self, nick: str) -> None:
        """kill -9 of somebody's program.

        Cancel: may have happened.
        """
        await self.stage.kill(nick)
        self._gone(nick)

    async def power_off(self, nick: str) -> None:
        """Somebody is gone from one moment to the next: no goodbye, no FIN.

        Cancel: may have happened.
        """
        self.note(f"{nick} loses power")
        await self.stage.power_off(nick)
        self._gone(nick)

    def come_back(self, script: Script) -> None:
        """Somebody who was killed is here again, with something else to say."""
        self._add(history.Restarted, bot=script.nick)
        self._absent.discard(script.nick)
        self.enter([script])

    # --- the network -----------------------------------------------------------------

    def cut(self, nicks: Sequence[str]) -> None:
        """The connections of these people break."""
        self.note(f"the connections of {_names(nicks)} break")
        self.stage.cut(nicks)

    def stall(
        self, nicks: Sequence[str], *, others_within_s: float, lives: bool = False
    ) -> None:
        """These people's machines take in nothing more.

        Units:  `others_within_s`: what the others' lines may take from being said to being
                seen meanwhile.
        """
        for nick in nicks:
            self._add(
                history.Stalled, bot=nick, lives=lives, others_within_s=others_within_s
            )
        self.stage.stall(nicks)

    def crawl(
        self, nicks: Sequence[str], *, bytes_per_s: int, others_within_s: float
    ) -> None:
        """These people get so little, from now on; but they get it, and answer.

        Units:  `others_within_s`: as in stall().
        """
        for nick in nicks:
            self._add(
                history.Stalled, bot=nick, lives=True, others_within_s=others_within_s
            )
        # In pieces as small as such a link's are: a large one would be a long silence.
        link = Link(latency_s=0.05, bandwidth_bytes_per_s=bytes_per_s, segment_bytes=512)
        self.connect(nicks, small_buffers(link))

    def walk(self, nicks: Sequence[str]) -> None:
        """They get as much as everyone again."""
        self.connect(nicks, Link())
        for nick in nicks:
            self._add(history.Resumed, bot=nick)

    def unstall(self, nicks: Sequence[str]) -> None:
        """They do again."""
        self.stage.unstall(nicks)
        for nick in nicks:
            self._add(history.Resumed, bot=nick)

    def partition(self, nicks: Sequence[str], way: Way = "both") -> None:
        """Nothing gets from these people to the server, nor back; or only back."""
        self.note(f"nothing {_HELD[way]} {_names(nicks)}", holds=True)
        self.stage.partition(nicks, way)

    def heal(self) -> None:
        """Everything gets everywhere again."""
        self.note("the network is whole", holds=True)  # what was held is still to come
        self.stage.heal()

    def connect(self, nicks: Sequence[str], link: Link) -> None:
        """From now on these people are connected like that."""
        for nick in nicks:
            self.stage.connect(nick, link)

    def healed(self, *, within_s: float) -> None:
        """No more faults: from here on everything has to get done.

        Units:  `within_s`: what coming back, an answer, or catching up may take.
        """
        self.stage.heal()
        self._add(history.Healed, within_s=within_s)

    # --- the waits -------------------------------------------------------------------

    async def until_accepted(self, lines: int, *, within_s: float) -> None:
        """Wait until the server has accepted so many lines.

        Raises: StoryError: it did not in time.
        Cancel: atomic.
        """
        with trio.move_on_after(within_s) as patience:
            await self._recorder.until(lambda: self._recorder.counts[history.Ok] >= lines)
        if patience.cancelled_caught:
            count = self._recorder.counts[history.Ok]
            raise StoryError(f"after {within_s:g} s {count} of {lines} lines were accepted")

    async def until_unanswered(self, lines: int, *, within_s: float) -> None:
        """Wait for a moment in which so many lines are on their way.

        Raises: StoryError: there was none in time.
        Cancel: atomic.
        """
        with trio.move_on_after(within_s) as patience:
            await self._recorder.until(lambda: len(self._recorder.unsettled) >= lines)
        if patience.cancelled_caught:
            raise StoryError(f"within {within_s:g} s never {lines} lines were on their way")

    async def until_settled(self, *, within_s: float) -> None:
        """Wait until all is said, answered, and seen by everyone who is in the room.

        Raises: StoryError: it was not in time; the text says who waits for what.
        Cancel: atomic.
        """
        with trio.move_on_after(within_s + _LATE_S) as patience:
            await self._recorder.until(self._settled)
        if patience.cancelled_caught:
            open_still = f"after {within_s:g} s {self._what_is_open()}"
            self.note(f"the story is given up: {open_still}")
            raise StoryError(open_still)

    async def rest(self, for_s: float) -> None:
        """Nobody does anything for a while: what has not come by its end will not come.

        Cancel: atomic.
        """
        await trio.sleep(for_s)
        self._add(history.Settled)

    def count(self) -> None:
        """Count what the server holds."""
        tasks, sockets = self.stage.resources()
        if tasks is not None and sockets is not None:
            self._add(history.Resources, tasks=tasks, sockets=sockets)

    def _settled(self) -> bool:
        return not (
            self._recorder.unsettled
            or self._busy()
            or self._empty_seats()
            or self._recorder.behind()
        )

    def _busy(self) -> list[str]:
        return [nick for nick in self.people if nick not in self._recorder.done]

    def _empty_seats(self) -> list[str]:
        return [
            f"{nick} is not in #{room}"
            for nick in self.people
            for room in self._scripts[nick].places
            if not self._recorder.inside(nick, room)
        ]

    def _what_is_open(self) -> str:
        busy = self._busy()
        if busy:
            return f"{len(busy)} bots are not done, {busy[0]} among them"
        if self._recorder.unsettled:
            line = next(iter(self._recorder.unsettled.values()))
            return (
                f"{len(self._recorder.unsettled)} lines have no answer, one of {line.bot}"
                f" in #{line.room} among them"
            )
        absent = self._empty_seats()
        if absent:
            return f"{len(absent)} seats are empty: {absent[0]}, for one"
        behind = self._recorder.behind()
        bot, room, cursor, head = behind[0]
        return (
            f"{len(behind)} views are not at their end: {bot} has #{room} up to {cursor}"
            f" of {head}, for one"
        )

    def _gone(self, nick: str) -> None:
        self._absent.add(nick)
        self._add(history.Killed, bot=nick)
        self._recorder.leave_open(nick)

    def keeps_only(self, entries: int) -> None:
        """The server was told to keep so many entries of each room."""
        self._add(history.Keeps, entries=entries)

    def note(self, what: str, *, holds: bool = False) -> None:
        """Write down that something was done to the server, to a link or to a bot.

        Shape:  with `holds` what is under way may come late for it, and all at once.
        """
        self._add(history.Fault, what=what, holds=holds)

    def _add(self, kind: Callable[..., history.Record], **fields: object) -> None:
        self._recorder.add(kind(self._recorder.now_s, **fields))


def _names(nicks: Sequence[str]) -> str:
    shown = ", ".join(nicks[:3])
    return shown if len(nicks) <= 3 else f"{shown} and {len(nicks) - 3} more"
