"""One machine of a world, as the network and the disk know it."""

from typing import Protocol

import trio


class Host(Protocol):
    """A machine: it has a name and an address, whatever runs on it, and when."""

    @property
    def name(self) -> str:
        """What the others look it up by."""

    @property
    def address(self) -> str:
        """Its IPv4 address."""

    def wake(self, lot: trio.lowlevel.ParkingLot) -> None:
        """Have all tasks that are parked there go on, whoever's turn it is now.

        Shape:  they run when the machine runs next: not at all if it has died meanwhile,
                and later if it is paused.
        """
