"""What people are connected by: four ways, from a cable to a train in the mountains."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from simulator.virtual.link import Link

LINKS: Final = {
    "calm": Link(latency_s=0.002, jitter_s=0.001),
    "wifi": Link(
        latency_s=0.01, jitter_s=0.03, bandwidth_bytes_per_s=2_000_000, fragment=0.05
    ),
    "train": Link(
        latency_s=0.08,
        jitter_s=0.4,
        bandwidth_bytes_per_s=100_000,
        fragment=0.2,
        send_buffer_bytes=16 * 1024,
        receive_buffer_bytes=16 * 1024,
    ),
    "harsh": Link(
        latency_s=0.3,
        jitter_s=1.5,
        bandwidth_bytes_per_s=20_000,
        fragment=0.5,
        send_buffer_bytes=4 * 1024,
        receive_buffer_bytes=4 * 1024,
    ),
}
"""By name, from good to bad."""


def any_of(chance: random.Random, names: Sequence[str] = tuple(LINKS)) -> Link:
    """One of them, by chance."""
    return LINKS[chance.choice(names)]


def small_buffers(link: Link) -> Link:
    """The same, between machines that can't keep much."""
    return replace(link, send_buffer_bytes=4 * 1024, receive_buffer_bytes=4 * 1024)
