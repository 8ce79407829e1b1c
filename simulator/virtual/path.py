"""The way from one machine to another: how long it takes, and whether it is open."""

from simulator.virtual.link import Link
from simulator.virtual.seeds import Seed
from simulator.virtual.timeline import NS, Timeline, to_ns

_HEADER_BYTES = 40


class Path:
    """One direction between two machines.

    Shape:  `open`: what is sent arrives. `takes`: and the far end takes in bytes.
    """

    __slots__ = (
        "_bandwidth",
        "_chance",
        "_cut",
        "_dead",
        "_jitter_ns",
        "_stalled",
        "_timeline",
        "fragment",
        "free_ns",
        "gap_ns",
        "latency_ns",
        "link",
        "open",
        "segment_bytes",
        "source",
        "takes",
        "target",
    )

    def __init__(
        self, source: str, target: str, link: Link, timeline: Timeline, seed: Seed
    ) -> None:
        self.source = source
        self.target = target
        self._timeline = timeline
        self._chance = seed.stream("link", f"{source}->{target}")
        self._cut = self._dead = self._stalled = False
        self.open = self.takes = True
        self.free_ns = 0
        """When a limited link has sent all that it was given."""
        self.use(link)

    def use(self, link: Link) -> None:
        """From now on it is like that; what is on its way already keeps its time."""
        self.link = link
        self.latency_ns = to_ns(link.latency_s)
        self._jitter_ns = to_ns(link.jitter_s)
        self.gap_ns = to_ns(link.fragment_gap_s)
        self.fragment = link.fragment
        self.segment_bytes = link.segment_bytes
        self._bandwidth = link.bandwidth_bytes_per_s
        if self._bandwidth is None:
            self.free_ns = 0

    def set(
        self,
        *,
        cut: bool | None = None,
        dead: bool | None = None,
        stalled: bool | None = None,
    ) -> None:
        """Cut by a partition; its far end without power; its far end taking nothing in."""
        self._cut = self._cut if cut is None else cut
        self._dead = self._dead if dead is None else dead
        self._stalled = self._stalled if stalled is None else stalled
        self.open = not (self._cut or self._dead)
        self.takes = self.open and not self._stalled

    def arrival_ns(self, octets: int) -> int:
        """When a segment that is sent now arrives, if all is well."""
        when = self._timeline.now_ns
        if self._bandwidth is not None:
            duration_ns = (octets + _HEADER_BYTES) * NS // self._bandwidth
            when = self.free_ns = max(when, self.free_ns) + duration_ns
        when += self.latency_ns
        if self._jitter_ns:
            when += int(self._chance.random() * self._jitter_ns)
        return when

    def pieces(self, octets: int) -> list[int]:
        """How a segment is cut: the sizes of its pieces, in order."""
        sizes = []
        while octets > 1 and self._chance.random() < self.fragment:
            size = self._chance.randrange(1, octets)
            sizes.append(size)
            octets -= size
        return [*sizes, octets]

    def gap(self) -> int:
        """How much later the next piece comes."""
        return int(self._chance.random() * self.gap_ns)

    def retry_ns(self, since_ns: int) -> int:
        """When what was lost at `since_ns` is tried next, from now on."""
        step = to_ns(self.link.retransmit_s)
        longest = to_ns(self.link.retransmit_s_max)
        when = since_ns + step
        while when < self._timeline.now_ns:
            step = min(2 * step, longest)
            when += step
        return when
