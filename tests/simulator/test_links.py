"""What people are connected by, as numbers that can be looked at."""

import random
from itertools import pairwise

from simulator.links import LINKS, any_of, small_buffers
from simulator.virtual.link import Link


def test_they_go_from_good_to_bad() -> None:
    """In each respect."""
    for good, bad in pairwise(LINKS.values()):
        assert good.latency_s < bad.latency_s
        assert good.jitter_s < bad.jitter_s
        assert good.fragment < bad.fragment
        assert good.receive_buffer_bytes >= bad.receive_buffer_bytes


def test_chance_takes_all_of_them_or_some() -> None:
    rng = random.Random(1)
    assert {any_of(rng) for _ in range(100)} == set(LINKS.values())
    assert {any_of(rng, ["calm"]) for _ in range(10)} == {LINKS["calm"]}


def test_small_buffers_change_nothing_else() -> None:
    wifi = LINKS["wifi"]
    small = small_buffers(wifi)
    assert small.receive_buffer_bytes < wifi.receive_buffer_bytes
    assert (small.latency_s, small.fragment) == (wifi.latency_s, wifi.fragment)
    assert small_buffers(Link()).send_buffer_bytes < Link().send_buffer_bytes
