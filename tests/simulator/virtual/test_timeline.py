"""The calendar of a world: what happens at which instant, in which order."""

from functools import partial

import pytest

from simulator.virtual.timeline import Timeline, to_ns


def test_what_is_due_at_one_instant_happens_in_the_order_of_its_entry() -> None:
    timeline = Timeline()
    seen: list[str] = []
    for name in "abc":
        timeline.at(5, partial(seen.append, name))
    timeline.at(4, partial(seen.append, "first"))
    assert timeline.advance(5) == 4
    assert seen == ["first", "a", "b", "c"]


def test_time_goes_to_the_instant_it_was_told_and_not_back() -> None:
    timeline = Timeline()
    timeline.advance(7)
    timeline.advance(3)
    assert timeline.now_ns == 7


def test_what_is_entered_for_the_past_happens_now() -> None:
    timeline = Timeline()
    timeline.advance(10)
    timeline.at(3, lambda: None)
    assert timeline.next_ns() == 10


def test_what_happens_may_enter_more_for_the_same_instant() -> None:
    timeline = Timeline()
    seen: list[str] = []
    timeline.at(1, lambda: timeline.after(0, partial(seen.append, "and then")))
    assert timeline.advance(1) == 2
    assert seen == ["and then"]


def test_a_cancelled_timer_is_not_waited_for() -> None:
    timeline = Timeline()
    timeline.at(3, pytest.fail).cancel()
    timeline.at(8, lambda: None)
    assert timeline.next_ns() == 8
    timeline.advance(8)
    assert timeline.next_ns() is None


def test_a_timer_can_cancel_another_one_at_its_own_instant() -> None:
    timeline = Timeline()
    second = timeline.at(2, pytest.fail)
    timeline.at(1, second.cancel)
    assert timeline.advance(2) == 1


def test_cancelling_what_has_happened_does_no_harm() -> None:
    timeline = Timeline()
    timer = timeline.at(1, lambda: None)
    timeline.advance(1)
    timer.cancel()
    assert timeline.next_ns() is None


@pytest.mark.parametrize(
    ("arrival_ns", "noticed_ns"),
    [(0, 0), (1, 1_000_000), (1_000_000, 1_000_000), (1_000_001, 2_000_000)],
)
def test_what_arrives_within_a_tick_is_noticed_at_its_end(
    arrival_ns: int, noticed_ns: int
) -> None:
    assert Timeline(tick_s=0.001).end_of_tick(arrival_ns) == noticed_ns


def test_without_a_tick_all_is_noticed_when_it_arrives() -> None:
    assert Timeline().end_of_tick(123_456_789) == 123_456_789


@pytest.mark.parametrize(("seconds", "ns"), [(0, 0), (1.5, 1_500_000_000), (1e-10, 1)])
def test_a_part_of_a_nanosecond_is_a_whole_one(seconds: float, ns: int) -> None:
    assert to_ns(seconds) == ns
