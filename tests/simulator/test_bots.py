"""Seeds and scripts: all chance comes from one number, and nobody disturbs anybody."""

from itertools import pairwise

import pytest

from simulator.bots import (
    Dawdle,
    Drop,
    Hostile,
    Join,
    Leave,
    Pause,
    Say,
    Script,
    flapper,
    hostile,
    laggard,
    latecomer,
    reader,
    roamer,
    talker,
)
from simulator.bots.hostile import TRICKS
from simulator.scenarios import cast
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


def test_one_more_bot_changes_nothing_for_the_others() -> None:
    """Streams are keyed by purpose and name, not drawn one after the other."""
    some = cast.talkers(Seed(3), 4, lines=10)
    assert cast.talkers(Seed(3), 5, lines=10)[:4] == some
    assert cast.talkers(Seed(4), 4, lines=10) != some


def test_nobody_in_a_cast_has_the_name_of_another() -> None:
    """A name is a machine of the world."""
    seed = Seed(1)
    everyone: list[Script | Hostile] = [
        *cast.talkers(seed, 12, lines=1),
        *cast.readers(2),
        *cast.lurkers(2),
        *cast.latecomers(seed, 2),
        *cast.roamers(seed, 2, visits=3, pause_s=1),
        *cast.laggards(seed, 2, breaks=1, break_s=1),
        *cast.flappers(seed, 2, drops=1, pause_s=1),
        *cast.hostiles(seed, 2, tricks=3),
    ]
    assert len({each.nick for each in everyone}) == len(everyone) == 26


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


def test_a_talker_goes_on_from_the_number_it_is_given() -> None:
    """Somebody's next life says other lines."""
    stream = Seed(7).stream("script", "ada")
    later = talker(stream, "ada", ROOMS, lines=3, pause_s=1, first=1000)
    texts = [text for step in later.steps if isinstance(step, Say) for text in step.texts]
    assert [text.split(".")[0] for text in texts] == ["1000", "1001", "1002"]


@pytest.mark.parametrize("seed", range(10))
def test_a_roamer_is_where_it_talks_and_everywhere_in_the_end(seed: int) -> None:
    """It joins before it says something, and leaves only where it is."""
    script = roamer(Seed(seed).stream("x"), "ada", ROOMS, visits=12, pause_s=1)
    inside: set[str] = set(script.rooms)
    for step in script.steps:
        match step:
            case Join(room=room):
                assert room not in inside
                inside.add(room)
            case Leave(room=room):
                inside.remove(room)
            case Say(room=room):
                assert room in inside
            case _:
                pass
    assert inside == set(script.places) == set(ROOMS)
    assert script.lines == 12


def test_a_laggard_takes_nothing_again_and_again() -> None:
    """And reads in between."""
    script = laggard(Seed(1).stream("x"), "ada", ROOMS, breaks=4, break_s=2)
    assert [type(step) for step in script.steps] == [Pause, Dawdle] * 4
    assert script.places == ROOMS


def test_a_flapper_says_something_before_each_loss() -> None:
    """Often right before it."""
    script = flapper(Seed(1).stream("x"), "ada", ROOMS, drops=20, pause_s=1)
    kinds = [type(step) for step in script.steps if not isinstance(step, Pause)]
    assert kinds == [Say, Drop] * 20
    behind = [one for one, other in pairwise(script.steps) if isinstance(other, Drop)]
    assert {type(step) for step in behind} == {Say, Pause}


def test_a_hostile_bot_plays_tricks_from_the_table() -> None:
    """The same ones for the same seed."""
    one = hostile(Seed(1).stream("x"), "mal", tricks=8)
    assert one == hostile(Seed(1).stream("x"), "mal", tricks=8)
    assert len(one.tricks) == 8
    assert TRICKS.keys() >= set(one.tricks)


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_is_the_same_bytes_for_the_same_seed(name: str) -> None:
    """However nasty they are, they can be sent again; and there is an end to them."""
    chunks = [b"".join(TRICKS[name].chunks(Seed(5).stream("x"), "mal")) for _ in range(2)]
    assert chunks[0] == chunks[1] != b""
    assert len(chunks[0]) < 2_000_000
