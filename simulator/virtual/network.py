"""The network of a world: its machines, what lies between them, and all that breaks.

Everything here is a plain function that acts at once, at the present instant of the
timeline. A machine is named by its host or by its name.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeAlias

import trio

from simulator.virtual.host import Host
from simulator.virtual.link import LOOPBACK, Link
from simulator.virtual.names import Resolver, look_up
from simulator.virtual.path import Path
from simulator.virtual.pipe import End, Medium, Watch
from simulator.virtual.seeds import Seed
from simulator.virtual.sockets import Factory
from simulator.virtual.stack import Stack
from simulator.virtual.tcp import Endpoint
from simulator.virtual.timeline import Timeline
from simulator.virtual.trace import Trace

Machine: TypeAlias = Host | str
Machines: TypeAlias = Machine | Iterable[Machine]

PATIENCE_S: Final = 15 * 60.0


class Network:
    """All machines of a world, and the ways between them.

    Shape:  `segments`: how many with bytes in them were delivered so far.
    Units:  `patience_s`: after so long without an answer, a connection has timed out.
    """

    def __init__(
        self,
        timeline: Timeline,
        trace: Trace,
        seed: Seed,
        *,
        link: Link | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.medium = Medium(timeline, trace)
        self.patience_s = patience_s
        self._timeline = timeline
        self._trace = trace
        self._seed = seed
        self._default = link or Link()
        self._links: dict[tuple[str, str], Link] = {}
        self._paths: dict[tuple[str, str], Path] = {}
        self._cuts: set[tuple[str, str]] = set()
        self._stalled: set[str] = set()
        self._stacks: dict[str, Stack] = {}
        self._by_address: dict[str, Stack] = {}
        self._aliases: dict[str, list[str]] = {}

    # Machines.

    def attach(self, host: Host) -> None:
        """Put a machine on the network, with its power on.

        Raises: ValueError: its name or its address is somebody else's.
        """
        if host.name in self._stacks or host.address in self._by_address:
            raise ValueError(f"{host.name} ({host.address}) is there already")
        stack = Stack(host, self)
        self._stacks[host.name] = self._by_address[host.address] = stack

    def factory(self, host: Machine) -> trio.abc.SocketFactory:
        """What makes the sockets of the programs on that machine."""
        return Factory(self._stack(host), lambda name: look_up(self, name)[0])

    def resolver(self, host: Machine) -> trio.abc.HostnameResolver:
        """What the programs on that machine look names up with."""
        self._stack(host)
        return Resolver(self)

    def alias(self, name: str, machines: Machines) -> None:
        """One more name, for one machine or for several, which are tried in that order."""
        found = [self._stack(machine).host.address for machine in _many(machines)]
        self._aliases[name.lower()] = found

    def open_sockets(self, host: Machine) -> int:
        """How many sockets the programs on that machine hold."""
        return len(self._stack(host).sockets)

    @property
    def segments(self) -> int:
        """How many segments with bytes in them were delivered so far."""
        return self.medium.segments

    # Their lives.

    def process_died(self, host: Machine) -> None:
        """The program was killed: its kernel closes all its sockets, and lives on."""
        stack = self._stack(host)
        self._trace.add(stack.host.name, "process_died", sockets=len(stack.sockets))
        stack.orphan_all()

    def power_off(self, host: Machine) -> None:
        """Nothing is sent from there any more, and what arrives vanishes."""
        stack = self._stack(host)
        self._trace.add(stack.host.name, "power_off", sockets=len(stack.sockets))
        peers = [endpoint.peer for endpoint in stack.endpoints]
        stack.lose_power()
        for path in self._paths.values():
            if path.target == stack.host.name:
                path.set(dead=True)
        for peer in peers:
            peer.path_closed()

    def power_on(self, host: Machine) -> None:
        """The machine is there again, and knows nothing of what was: it answers RST."""
        stack = self._stack(host)
        self._trace.add(stack.host.name, "power_on")
        stack.powered = True
        for path in self._paths.values():
            if path.target == stack.host.name:
                path.set(dead=False)
        self._resume()

    # Links.

    def set_default_link(self, link: Link) -> None:
        """What lies between two machines of which nothing else was said."""
        self._default = link
        for (source, target), path in self._paths.items():
            path.use(self._link(source, target))

    def set_link(self, a: Machines, b: Machines, link: Link) -> None:
        """What lies between these and those, in both directions.

        Shape:  what is on its way already keeps its time.
        """
        for source, target in self._pairs(a, b):
            for pair in ((source, target), (target, source)):
                self._links[pair] = link
                if pair in self._paths:
                    self._paths[pair].use(link)

    def _link(self, source: str, target: str) -> Link:
        default = LOOPBACK if source == target else self._default
        return self._links.get((source, target), default)

    def path(self, source: str, target: str) -> Path:
        """The way between two machines, by name."""
        pair = source, target
        path = self._paths.get(pair)
        if path is None:
            link = self._link(source, target)
            path = Path(source, target, link, self._timeline, self._seed)
            path.set(
                cut=pair in self._cuts,
                dead=not self._stacks[target].powered,
                stalled=target in self._stalled,
            )
            self._paths[pair] = path
        return path

    # Faults.

    def partition(self, a: Machines, b: Machines, *, one_way: bool = False) -> None:
        """Nothing gets from these to those, nor back unless it is one way.

        Shape:  what is on its way, and all that is sent later, is held until heal().
        """
        closed = []
        for source, target in self._pairs(a, b):
            if source == target:
                continue
            closed.append((source, target))
            if not one_way:
                closed.append((target, source))
        for pair in closed:
            self._trace.add(pair[0], "cut", to=pair[1])
            self._cuts.add(pair)
            if pair in self._paths:
                self._paths[pair].set(cut=True)
        self._tell_closed(set(closed))

    def heal(self, a: Machines | None = None, b: Machines | None = None) -> None:
        """All get through again; or only these and those.

        Shape:  what was held arrives with the next retransmission, which is the later the
                longer it was held.
        """
        healed = self._cuts
        if a is not None and b is not None:
            pairs = list(self._pairs(a, b))
            healed = healed & {*pairs, *((target, source) for source, target in pairs)}
        self._trace.add("", "heal", paths=len(healed))
        for pair in sorted(healed):
            if pair in self._paths:
                self._paths[pair].set(cut=False)
        self._cuts = self._cuts - healed
        self._resume()

    def reset(self, a: Machines, b: Machines) -> int:
        """Reset all connections between these and those, at both ends; how many."""
        pairs = set(self._pairs(a, b))
        pairs |= {(target, source) for source, target in pairs}
        hit = dict.fromkeys(
            endpoint.number
            for endpoint in self._endpoints()
            if (endpoint.name, endpoint.peer.name) in pairs
        )
        self._trace.add("", "reset_all", connections=len(hit))
        for endpoint in self._endpoints():
            if endpoint.number in hit:
                endpoint.sever()
        return len(hit)

    def stall(self, host: Machine) -> None:
        """Its kernel takes in no more bytes, as if nobody read there.

        Shape:  connecting works, and so does sending from there; a reset gets through.
        """
        self._set_stalled(self._stack(host).host.name, stalled=True)

    def unstall(self, host: Machine) -> None:
        """It takes in bytes again."""
        name = self._stack(host).host.name
        self._set_stalled(name, stalled=False)
        for pipe in list(self.medium.lossy):
            if pipe.path.target == name and pipe.path.takes:
                pipe.wanted_now()

    def _set_stalled(self, name: str, *, stalled: bool) -> None:
        self._trace.add(name, "stall" if stalled else "unstall")
        (self._stalled.add if stalled else self._stalled.discard)(name)
        for path in self._paths.values():
            if path.target == name:
                path.set(stalled=stalled)

    def limit_sockets(self, host: Machine, at_most: int | None) -> None:
        """Programs on that machine get EMFILE for more sockets; None: as many as they like.

        Shape:  with the number that they have they can neither connect nor accept.
        """
        stack = self._stack(host)
        self._trace.add(stack.host.name, "limit_sockets", at_most=at_most)
        stack.sockets_max = at_most

    # What happens at a certain byte.

    def after_segments(
        self, count: int, call: Callable[[], object], *, host: Machine | None = None
    ) -> None:
        """Have this called once so many more segments were delivered, before the reader
        goes on; with a host, only those that it sent or got are counted."""
        self._watch(lambda _endpoint: call(), host, segments=_positive(count))

    def after_bytes(
        self, count: int, call: Callable[[], object], *, host: Machine | None = None
    ) -> None:
        """As after_segments(); a segment is cut where the last of these bytes is."""
        self._watch(lambda _endpoint: call(), host, octets=_positive(count))

    def cut_after(
        self,
        host: Machine,
        n_bytes: int | None = None,
        *,
        segments: int | None = None,
    ) -> None:
        """Reset the connection of that host on which the last of so many bytes, or so many
        segments, is delivered: this one still is, and nothing after it."""
        if n_bytes is None:
            self._watch(self._cut, host, segments=_positive(segments))
        else:
            self._watch(self._cut, host, octets=_positive(n_bytes))

    def _watch(
        self,
        call: Callable[[End], object],
        host: Machine | None,
        *,
        segments: int | None = None,
        octets: int | None = None,
    ) -> None:
        machine = None if host is None else self._stack(host).host.name
        make = partial(Watch, call, machine=machine)
        self.medium.watches.append(make(segments=segments, octets=octets))

    def _cut(self, endpoint: End) -> None:
        self._trace.add(endpoint.name, "cut_connection", connection=endpoint.number)
        endpoint.sever()

    # Who is who.

    def stack_at(self, address: str) -> Stack | None:
        """Whose address that is."""
        return self._by_address.get(address)

    def addresses_of(self, name: str) -> list[str]:
        """All addresses of a name; none: nobody is called that."""
        name = name.lower()
        if name in self._aliases:
            return self._aliases[name]
        return [
            stack.host.address
            for stack in self._stacks.values()
            if stack.host.name.lower() == name
        ]

    def name_of(self, address: str) -> str | None:
        """What the machine with this address is called."""
        stack = self._by_address.get(address)
        return None if stack is None else stack.host.name

    def _stack(self, machine: Machine) -> Stack:
        name = machine if isinstance(machine, str) else machine.name
        try:
            return self._stacks[name]
        except KeyError:
            raise ValueError(f"no machine called {name!r} is on the network") from None

    def _pairs(self, a: Machines, b: Machines) -> Iterable[tuple[str, str]]:
        for one in _many(a):
            for other in _many(b):
                yield self._stack(one).host.name, self._stack(other).host.name

    def _endpoints(self) -> list[Endpoint]:
        return [end for stack in self._stacks.values() for end in stack.endpoints]

    def _tell_closed(self, pairs: set[tuple[str, str]]) -> None:
        for endpoint in self._endpoints():
            ways = {
                (endpoint.name, endpoint.peer.name),
                (endpoint.peer.name, endpoint.name),
            }
            if ways & pairs:
                endpoint.path_closed()

    def _resume(self) -> None:
        for pipe in list(self.medium.lossy):
            pipe.resume_later()


def _many(machines: Machines) -> list[Machine]:
    if isinstance(machines, str):
        return [machines]
    if isinstance(machines, Iterable):
        return list(machines)
    return [machines]


def _positive(count: int | None) -> int:
    if count is None or count < 1:
        raise ValueError("something happens after at least one")
    return count
