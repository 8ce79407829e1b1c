"""Where a story is played: what it can be given of a server, people, and faults."""

from collections.abc import Iterable
from typing import Literal, Protocol, TypeAlias

from simulator.bots import Hostile, Script
from simulator.history import Log
from simulator.virtual.disk import Disk
from simulator.virtual.link import Link

Way: TypeAlias = Literal["both", "up", "down"]
"""Between people and the server: up is towards the server."""


class Stage(Protocol):
    """A server, the people, and a network between them, in a world or as processes.

    Shape:  what a stage can't do it refuses with a StoryError: processes lose no power.
    """

    @property
    def rest_s(self) -> float:
        """After so long without anybody doing anything, all has come to rest."""

    @property
    def time_is_free(self) -> bool:
        """Whether a minute takes less than a minute."""

    @property
    def loses_power(self) -> bool:
        """Whether machines can."""

    async def start_server(self) -> None:
        """Serve; from the second time on with the same data, at the same address.

        Raises: ServerError: it does not.
        Cancel: may have happened.
        """

    async def stop_server(self) -> None:
        """Ask it to end, as its operator would, and see it end.

        Raises: ServerError: it ended badly, or had to be killed.
        Cancel: may have happened.
        """

    async def kill_server(self) -> None:
        """kill -9.

        Cancel: may have happened.
        """

    async def power_off_server(self) -> None:
        """Pull its plug; start_server() boots it.

        Cancel: may have happened.
        """

    async def server_dies_at(self, number: int, *, sync: bool, power: bool) -> None:
        """It dies at that write or sync of its disk, counted from here; once it has.

        Shape:  with `power` its machine dies as well.
        Cancel: it is killed where it is.
        """

    def disk(self) -> Disk:
        """The server's disk, to do something to it.

        Raises: StoryError: nobody can.
        """

    def pause_server(self) -> None:
        """SIGSTOP."""

    def resume_server(self) -> None:
        """SIGCONT."""

    def enter(self, script: Script | Hostile) -> None:
        """This person comes, and plays the script."""

    def send_home(self, nick: str) -> None:
        """This person says goodbye as soon as the script is done."""

    async def until_gone(self, nicks: Iterable[str]) -> None:
        """Wait until these people's programs have ended.

        Raises: StoryError: somebody does not go.
        Cancel: atomic.
        """

    async def kill(self, nick: str) -> None:
        """kill -9 of this person's program.

        Cancel: may have happened.
        """

    async def power_off(self, nick: str) -> None:
        """This person is gone, and nobody is told: no byte, no FIN.

        Cancel: may have happened.
        """

    def connect(self, nick: str, link: Link) -> None:
        """From now on this person's connection is like that."""

    def cut(self, nicks: Iterable[str]) -> None:
        """Break the connections of these people; both ends notice."""

    def stall(self, nicks: Iterable[str]) -> None:
        """These people's machines take in nothing more."""

    def unstall(self, nicks: Iterable[str]) -> None:
        """They do again."""

    def partition(self, nicks: Iterable[str], way: Way = "both") -> None:
        """Nothing gets from these people to the server (up), back (down), or both."""

    def heal(self) -> None:
        """Everything gets everywhere again."""

    def resources(self) -> tuple[int | None, int | None]:
        """The server's tasks and its sockets; None: there is no way to know."""

    async def log(self) -> Log | None:
        """What is in the store, once the server has ended; None if nobody can know.

        Cancel: atomic.
        """

    def words(self) -> list[str]:
        """The last lines of what the server said, for whoever looks for the reason."""
