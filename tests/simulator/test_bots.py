"""Seeds and scripts: all chance comes from one number, and nobody disturbs anybody."""

import pytest

from simulator.bots import Join, Pause, Say, Script, latecomer, reader, talker
from simulator.scenarios import smoke
from simulator.virtual.seeds import Seed, any_seed

ROOMS = ("attic", "cellar", "yard")


def script(seed: int = 7, nick: str = "ada", lines: int = 40) -> Script:
    stream = Seed(seed).stream("script", nick)
    return talker(stream, nick, ROOMS, lines=lines, pause_s=0.1)


def test_one_seed_is_one_script() -> None:
    """The same number, the same words; another number or name, others."""
    assert script() == script()
    assert script() != script(seed=8)
    assert script().steps != script(nick="ben").steps


def test_a_stream_is_the_same_on_every_machine() -> None:
    """What a seed means does not depend on the process that asks."""
    assert Seed(7).stream("script", "ada").randrange(1_000_000) == 978_067


def test_one_more_bot_changes_nothing_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Streams are keyed by purpose and name, not drawn one after the other."""
    before = {each.nick: each for each in smoke.cast(Seed(3))}
    monkeypatch.setattr(smoke, "TALKERS", smoke.TALKERS + 1)
    after = {each.nick: each for each in smoke.cast(Seed(3))}
    assert after.keys() - before.keys() == {"talker-17"}
    assert {nick: after[nick] for nick in before} == before


def test_a_seed_that_nobody_chose_is_another_one_each_time() -> None:
    """There is no default seed."""
    assert len({any_seed().number for _ in range(20)}) > 15


def test_a_talker_says_so_many_lines_none_of_them_twice() -> None:
    """A line is known by its author, room and text."""
    says = [step for step in script().steps if isinstance(step, Say)]
    texts = [text for say in says for text in say.texts]
    assert script().lines == len(texts) == len(set(texts)) == 40
    assert {say.room for say in says} <= set(script().places)
    assert any(len(say.texts) > 1 for say in says)


def test_a_reader_is_everywhere_and_silent() -> None:
    """All it does is read."""
    assert reader("ben", ROOMS) == Script("ben", ROOMS, ())


def test_a_latecomer_is_in_the_rooms_in_the_end() -> None:
    """It is nowhere before."""
    late = latecomer("cyd", ROOMS, after_s=2.0)
    assert late.rooms == ()
    assert late.places == ROOMS
    assert late.steps == (Pause(2.0), *(Join(room) for room in ROOMS))
