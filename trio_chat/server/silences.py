"""Who says nothing: asked after one heartbeat, given up after two; by one task for all.

Why no peer needs a timer of its own: all wait equally long, so those who have begun to
wait stand in a queue in the order in which their time is over, and whoever is heard goes
to its end. The first is the next. That is two steps in a dict for each read, where a timer
would be an object, a place in a heap, and a kilobyte for each of ten thousand who say
nothing at all.
"""

from typing import Protocol

import trio


class Silent(Protocol):
    """What is told to a peer that says nothing."""

    def ask(self) -> None:
        """Ask whether it is still there."""

    def give_up(self) -> None:
        """End: it did not answer."""


class Silences:
    """How long each peer has said nothing; run() does what follows from it."""

    def __init__(self, heartbeat_s: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._silent: dict[Silent, float] = {}
        self._asked: dict[Silent, float] = {}

    def begin(self, peer: Silent) -> None:
        """Something is awaited from this peer, from now on."""
        if self._silent.pop(peer, None) is None:
            self._asked.pop(peer, None)
        self._silent[peer] = trio.current_time() + self._heartbeat_s

    def end(self, peer: Silent) -> None:
        """Nothing is awaited from it for now."""
        self._silent.pop(peer, None)
        self._asked.pop(peer, None)

    async def run(self) -> None:
        """Ask, and give up, for ever.

        Cancel: atomic: nobody is asked any more.
        """
        while True:
            now_s = trio.current_time()
            then_s = now_s + self._heartbeat_s
            for peer in _taken(self._asked, now_s):
                peer.give_up()
            for peer in _taken(self._silent, now_s):
                self._asked[peer] = then_s
                peer.ask()
            # Whoever begins to be silent meanwhile has its time later than this.
            await trio.sleep_until(
                min(_first_s(self._silent, then_s), _first_s(self._asked, then_s))
            )


def _taken(queue: dict[Silent, float], now_s: float) -> list[Silent]:
    """Those whose time is over, taken out."""
    taken: list[Silent] = []
    for peer, ends_s in queue.items():
        if ends_s > now_s:
            break
        taken.append(peer)
    for peer in taken:
        del queue[peer]
    return taken


def _first_s(queue: dict[Silent, float], otherwise_s: float) -> float:
    return next(iter(queue.values()), otherwise_s)
