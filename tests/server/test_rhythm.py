"""Who is waited for before a batch leaves, and who is not."""

import pytest

from trio_chat.server.rhythm import MOMENT_S, TALK_S, Rhythm
from trio_chat.store.interface import Draft


def said(device: str, log: str = "lobby", lines: int = 1) -> list[Draft]:
    return [
        Draft(log=log, device=device, n=n + 1, nick=device, text="x") for n in range(lines)
    ]


def test_nobody_is_waited_for_before_anybody_spoke() -> None:
    assert not Rhythm().awaits([said("ada")])
    assert Rhythm().until_s <= 0


def test_who_was_in_the_rooms_last_batch_is_waited_for_a_moment() -> None:
    rhythm = Rhythm()
    rhythm.delivered([said("ada"), said("ben")], now_s=5.0)
    assert rhythm.awaits([said("ada")])
    assert not rhythm.awaits([said("ada"), said("ben")])
    assert rhythm.until_s == pytest.approx(5.0 + MOMENT_S)


def test_who_speaks_alone_is_not_waited_for_and_waits_for_nobody() -> None:
    rhythm = Rhythm()
    rhythm.delivered([said("ada")], now_s=5.0)
    assert not rhythm.awaits([said("ada")])


def test_nobody_of_another_room_is_waited_for() -> None:
    rhythm = Rhythm()
    rhythm.delivered([said("ada"), said("eve", "dev")], now_s=5.0)
    assert not rhythm.awaits([said("ada")])


def test_a_long_batch_waits_for_nobody_and_nobody_for_its_authors() -> None:
    rhythm = Rhythm()
    rhythm.delivered([said("ada"), said("ben")], now_s=5.0)
    assert not rhythm.awaits([said("ada", lines=500)])
    rhythm.delivered([said("ada", lines=500), said("ben")], now_s=5.0)
    assert not rhythm.awaits([said("ada")])


def test_a_talk_goes_on_for_a_while_after_a_line() -> None:
    rhythm = Rhythm()
    assert rhythm.talking_until_s <= 0
    rhythm.delivered([said("ada")], now_s=5.0)
    assert rhythm.talking_until_s == pytest.approx(5.0 + TALK_S)
