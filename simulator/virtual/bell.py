"""An event that is heard in every run of a world, whoever rings it."""

from collections.abc import Callable

import trio

from simulator.virtual.process import Process


class Bell:
    """trio.Event, across runs; it rings once.

    Shape:  `running` says whose turn it is.
    """

    def __init__(self, running: Callable[[], Process | None]) -> None:
        self._running = running
        self._lots: dict[Process, trio.lowlevel.ParkingLot] = {}
        self.has_rung = False

    def ring(self) -> None:
        """Have everyone go on who waits, or will."""
        self.has_rung = True
        lots, self._lots = self._lots, {}
        for process, lot in lots.items():
            process.call(lot.unpark_all)

    async def rung(self) -> None:
        """Wait until it rings.

        Cancel: atomic.
        """
        process = self._running()
        assert process is not None, "a bell is heard inside its world"
        if self.has_rung:
            await trio.lowlevel.checkpoint()
        else:
            lot = self._lots.setdefault(process, trio.lowlevel.ParkingLot())
            await lot.park()
