"""What lies between two machines, as numbers."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How one machine is reached from another; the same in both directions.

    Shape:  bytes are never lost, doubled or reordered within a connection: on a stream
            all trouble is delay, or the end. Buffers count for connections that are made
            while the link is as it is.
    """

    latency_s: float = 0.001
    """From one end to the other."""
    jitter_s: float = 0.0
    """At most so much more, evenly drawn for every segment."""
    bandwidth_bytes_per_s: int | None = None
    """Shared by all connections of one direction; None: more than anybody sends."""
    fragment: float = 0.0
    """The chance that a segment is cut at a random byte, its rest coming later. The rest
    may be cut again."""
    fragment_gap_s: float = 0.01
    """At most so much later."""
    segment_bytes: int = 16 * 1024
    """What is sent at once is sent in pieces of at most that."""
    send_buffer_bytes: int = 128 * 1024
    """What a sender's kernel takes before the other end has taken it in."""
    receive_buffer_bytes: int = 128 * 1024
    """What a receiver's kernel takes before its program has read it."""
    retransmit_s: float = 0.2
    """What went unanswered is tried again after that; then after twice that; and so on."""
    retransmit_s_max: float = 120.0
    """No two tries are further apart: what was held comes at most so long after a heal."""

    def __post_init__(self) -> None:
        """Numbers that no link can have are a ValueError."""
        if not 0 <= self.fragment <= 1:
            raise ValueError(f"a chance is between 0 and 1, not {self.fragment}")
        if min(self.latency_s, self.jitter_s, self.fragment_gap_s) < 0:
            raise ValueError("nothing arrives before it was sent")
        sizes = (self.segment_bytes, self.send_buffer_bytes, self.receive_buffer_bytes)
        if min(*sizes, self.bandwidth_bytes_per_s or 1) < 1:
            raise ValueError("sizes and bandwidth are at least one byte")
        if not 0 < self.retransmit_s <= self.retransmit_s_max:
            raise ValueError("tries grow apart, from retransmit_s to retransmit_s_max")


LOOPBACK: Final = Link(latency_s=0.00002)
"""How a machine reaches itself."""
