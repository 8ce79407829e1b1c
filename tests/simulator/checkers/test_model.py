"""Histories by chance: clean ones raise no alarm, spoiled ones do, and none takes long."""

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FrameType
from typing import Any, Final, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.checkers import CHECKERS, Checker, Finding, judge
from simulator.history import (
    Cut,
    Event,
    Gone,
    History,
    Invoke,
    Joined,
    Left,
    Linked,
    Logged,
    Members,
    Ok,
    Opened,
    Record,
    Reset,
    Resources,
    Saw,
    Settled,
    TurnedAway,
)
from tests.simulator.checkers.model import KINDS, NICKS, ROOMS, STEP_S_MAX, Chat, Move

MOVES = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, len(NICKS) - 1),
        st.integers(0, len(ROOMS) - 1),
        st.floats(0.01, STEP_S_MAX),
    ),
    max_size=60,
)


def alarms(history: History) -> dict[str, Finding]:
    return {
        checker.name: finding
        for checker, finding in judge(history)
        if finding.answer != "ok" and not finding.idle
    }


def moves(seed: int, count: int) -> Iterator[Move]:
    """A lively evening, in which more is said than broken."""
    chance = random.Random(seed)
    weights = [
        12 if kind == "say" else 2 if kind in {"link", "up"} else 1 for kind in KINDS
    ]
    for kind in chance.choices(KINDS, weights, k=count):
        yield (
            kind,
            chance.randrange(9),
            chance.randrange(9),
            chance.uniform(0.01, STEP_S_MAX),
        )


# --- clean ---------------------------------------------------------------------------


@given(MOVES)
def test_a_chat_that_keeps_its_promises_raises_no_alarm(evening: list[Move]) -> None:
    """Whatever happens to links, clients and server; not even what is not built yet."""
    assert alarms(Chat().play(evening)) == {}


def test_in_a_lively_evening_every_checker_has_something_to_judge() -> None:
    """An alarm that nobody could raise would be no proof."""
    asked: set[str] = set()
    for seed in range(20):
        history = Chat().play(moves(seed, 150))
        assert alarms(history) == {}
        asked |= {checker.name for checker, finding in judge(history) if not finding.idle}
    assert asked == {checker.name for checker in CHECKERS} - {"epoch"}


# --- spoiled -------------------------------------------------------------------------

R = TypeVar("R", bound=Event)
Spoil = Callable[[list[Record], dict[str, list[Logged]], random.Random], None]


def some(records: list[Record], kind: type[R], chance: random.Random) -> tuple[int, R]:
    """One record of this kind, and where it is, from the part in which all is well."""
    places = [place for place, each in enumerate(records) if isinstance(each, kind)]
    place = chance.choice(places[len(places) // 4 :])
    record = records[place]
    assert isinstance(record, kind)
    return place, record


def drop_saw(records: list[Record], _log: Any, chance: random.Random) -> None:
    del records[some(records, Saw, chance)[0]]


def repeat_saw(records: list[Record], _log: Any, chance: random.Random) -> None:
    place, saw = some(records, Saw, chance)
    records.insert(place, saw)


def swap_saws(records: list[Record], _log: Any, chance: random.Random) -> None:
    place, saw = some(records, Saw, chance)
    before = next(
        i
        for i in range(place - 1, -1, -1)
        if isinstance(other := records[i], Saw | Opened)
        and (other.bot, other.room) == (saw.bot, saw.room)
    )
    if isinstance(records[before], Saw):
        records[before], records[place] = records[place], records[before]
    else:
        del records[before]  # it saw the room without being in it


def change_text(records: list[Record], _log: Any, chance: random.Random) -> None:
    place, saw = some(records, Saw, chance)
    records[place] = replace(saw, text=saw.text + "!")


def change_author(records: list[Record], _log: Any, chance: random.Random) -> None:
    place, saw = some(records, Saw, chance)
    records[place] = replace(saw, nick="dan" if saw.nick != "dan" else "ada")


def see_it_early(records: list[Record], _log: Any, chance: random.Random) -> None:
    _, saw = some(records, Saw, chance)
    line = next(
        i
        for i, each in enumerate(records)
        if isinstance(each, Invoke) and (each.bot, each.text) == (saw.nick, saw.text)
    )
    records.insert(line, replace(saw, at_s=records[line].at_s))


def lose_from_store(
    _records: list[Record], log: dict[str, list[Logged]], chance: random.Random
) -> None:
    log[max(log, key=lambda room: len(log[room]))].pop()


def hole_in_store(
    _records: list[Record], log: dict[str, list[Logged]], chance: random.Random
) -> None:
    entries = max(log.values(), key=len)
    del entries[len(entries) // 2]


def store_another(
    _records: list[Record], log: dict[str, list[Logged]], chance: random.Random
) -> None:
    entries = max(log.values(), key=len)
    entries[-1] = replace(entries[-1], text="something else")


def answer_twice(records: list[Record], _log: Any, chance: random.Random) -> None:
    place, ok = some(records, Ok, chance)
    records.insert(place + 1, replace(ok, seq=ok.seq + 1))


def answer_wrongly(records: list[Record], _log: Any, chance: random.Random) -> None:
    place, ok = some(records, Ok, chance)
    records[place] = replace(ok, seq=ok.seq + 1_000)


def answer_nothing(records: list[Record], _log: Any, chance: random.Random) -> None:
    place, ok = some(records, Ok, chance)
    records.insert(place, replace(ok, n=10_000))


def never_answer(records: list[Record], _log: Any, chance: random.Random) -> None:
    """The last one: nothing is wrong with what comes before Healed."""
    del records[max(i for i, each in enumerate(records) if isinstance(each, Ok))]


def say_backwards(records: list[Record], log: Any, chance: random.Random) -> None:
    """Two lines of one author in one room change their places everywhere."""
    first, second = _two_of_one_author(log)

    def other(text: str) -> str:
        return {first.text: second.text, second.text: first.text}.get(text, text)

    for place, record in enumerate(records):
        if isinstance(record, Invoke) and record.bot == first.nick:
            records[place] = replace(record, text=other(record.text))


def _two_of_one_author(log: dict[str, list[Logged]]) -> tuple[Logged, Logged]:
    entries = max(log.values(), key=len)
    first = entries[0]
    return first, next(each for each in reversed(entries) if each.nick == first.nick)


def shrink_room(records: list[Record], _log: Any, chance: random.Random) -> None:
    """Who comes back late finds a room that is too short."""
    saws = [each for each in records if isinstance(each, Saw)]
    place = records.index(Settled(at_s=_settled(records).at_s))
    last = saws[-1]
    records.insert(place, Opened(last.at_s, last.bot, last.room, last.seq, last.seq - 1))


def _settled(records: list[Record]) -> Settled:
    return next(each for each in records if isinstance(each, Settled))


def another_past(records: list[Record], _log: Any, chance: random.Random) -> None:
    records.insert(records.index(_settled(records)), Reset(90.0, "ada"))


def ghost(records: list[Record], _log: Any, chance: random.Random) -> None:
    """Somebody goes home before the end, and is in everybody's list."""
    place = records.index(_settled(records))
    records.insert(place, Gone(_settled(records).at_s, "dan"))


def lose_a_list(records: list[Record], _log: Any, chance: random.Random) -> None:
    """The last list that somebody was told is not told."""
    before = records.index(_settled(records))
    del records[max(i for i in range(before) if isinstance(records[i], Members))]


def forget_somebody(records: list[Record], _log: Any, chance: random.Random) -> None:
    before = records.index(_settled(records))
    place = max(i for i in range(before) if isinstance(records[i], Members))
    told = records[place]
    assert isinstance(told, Members)
    records[place] = replace(told, nicks=tuple(n for n in told.nicks if n != told.bot))


def join_twice(records: list[Record], _log: Any, chance: random.Random) -> None:
    place = records.index(_settled(records))
    records.insert(place, Joined(_settled(records).at_s, "ada", _room_of(records), "ada"))


def leave_for_nothing(records: list[Record], _log: Any, chance: random.Random) -> None:
    """Everyone is told that somebody left, who was there all the time, and came again."""
    at_s = _settled(records).at_s - 10.0
    place = records.index(_settled(records))
    room = _room_of(records)
    news = [kind for nick in NICKS for kind in _blink(at_s, nick, room) if nick != "ada"]
    records[place:place] = news


def _blink(at_s: float, bot: str, room: str) -> tuple[Record, Record]:
    return Left(at_s, bot, room, "ada", "?"), Joined(at_s, bot, room, "ada")


def _room_of(records: list[Record]) -> str:
    """A room in which all were at the end: ada says the last line there."""
    return ROOMS[0]


def lose_a_connection(records: list[Record], _log: Any, chance: random.Random) -> None:
    """After everything else, and long after."""
    end = _settled(records)
    at_s = end.at_s + 1000
    bot = some(records, Linked, chance)[1].bot
    place = records.index(end)
    news: list[Record] = [Linked(at_s, bot), Cut(at_s, bot, "?"), replace(end, at_s=at_s)]
    records[place : place + 1] = news


def underscore(records: list[Record], _log: Any, chance: random.Random) -> None:
    place, told = some(records, Members, chance)
    records[place] = replace(told, nicks=(*told.nicks, "ada_"))


def keep_out(records: list[Record], _log: Any, chance: random.Random) -> None:
    records.insert(records.index(_settled(records)), TurnedAway(99.0, "ben", "taken"))


def leak(records: list[Record], _log: Any, chance: random.Random) -> None:
    last = records[-1]
    assert isinstance(last, Resources)
    records[-1] = replace(last, tasks=last.tasks + 1)


def leak_a_socket(records: list[Record], _log: Any, chance: random.Random) -> None:
    last = records[-1]
    assert isinstance(last, Resources)
    records[-1] = replace(last, sockets=last.sockets + 1)


SPOILED: Final[list[tuple[Spoil, set[str]]]] = [
    (repeat_saw, {"once"}),
    (swap_saws, {"order"}),
    (change_text, {"once", "phantom", "stored"}),
    (change_author, {"once", "phantom", "stored"}),
    (see_it_early, {"phantom"}),
    (lose_from_store, {"stored", "accepted"}),
    (hole_in_store, {"stored", "accepted"}),
    (store_another, {"stored", "once", "phantom", "accepted"}),
    (answer_twice, {"acks"}),
    (answer_wrongly, {"acks"}),
    (answer_nothing, {"acks"}),
    (never_answer, {"liveness"}),
    (say_backwards, {"author"}),
    (shrink_room, {"monotonic"}),
    (another_past, {"epoch"}),
    (ghost, {"presence"}),
    (lose_a_list, {"presence"}),
    (forget_somebody, {"presence"}),
    (join_twice, {"told"}),
    (leave_for_nothing, {"absent"}),
    (lose_a_connection, {"linked"}),
    (underscore, {"names"}),
    (keep_out, {"names"}),
    (leak, {"hygiene"}),
    (leak_a_socket, {"hygiene"}),
]
"""What is done to a clean history, and who has to find it."""


@pytest.mark.parametrize(
    ("spoil", "finders"), SPOILED, ids=[spoil.__name__ for spoil, _ in SPOILED]
)
@pytest.mark.parametrize("seed", range(6))
def test_what_is_spoiled_is_found_by_whoever_is_named_for_it(
    spoil: Spoil, finders: set[str], seed: int
) -> None:
    """Whatever else happened that evening; the proof is part of the history."""
    clean = Chat().play(_quiet(seed))
    records, log = list(clean.records), {k: list(v) for k, v in (clean.log or {}).items()}
    spoil(records, log, random.Random(seed))
    spoiled = History(tuple(records), log)
    found = alarms(spoiled)
    assert finders <= found.keys()
    for name in finders:
        assert found[name].answer == "violated"
        whole = [*spoiled.records, *(each for entries in log.values() for each in entries)]
        assert all(record in whole for record in found[name].proof)


@pytest.mark.parametrize("seed", range(20))
def test_an_entry_that_somebody_does_not_see_is_found(seed: int) -> None:
    """In the middle it is a hole, at the end a view that is not complete."""
    clean = Chat().play(_quiet(seed))
    records = list(clean.records)
    drop_saw(records, None, random.Random(seed))
    assert {"order", "complete"} & alarms(History(tuple(records), clean.log)).keys()


def _quiet(seed: int) -> list[Move]:
    """An evening in which everybody is in all rooms, and then nothing more happens."""
    calm = {"leave", "stall", "down", "end", "kill"}
    evening = [move for move in moves(seed, 80) if move[0] not in calm]
    return [*evening, *(("say", who, 0, 1.0) for who in range(4)), ("say", 0, 0, 60.0)]


# --- quick ---------------------------------------------------------------------------

STEPS_MAX: Final = 40


def steps(checker: Checker, history: History) -> int:
    """How many lines of Python a checker executes: its time, on every machine the same."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        checker.check(history)
    finally:
        sys.settrace(before)
    return count


def size(history: History) -> int:
    """Records, names in them, and entries of the store."""
    names = (len(each.nicks) for each in history.records if isinstance(each, Members))
    entries = (len(entries) for entries in (history.log or {}).values())
    return len(history.records) + sum(names) + sum(entries)


@pytest.mark.parametrize("checker", CHECKERS, ids=[each.name for each in CHECKERS])
def test_a_checker_takes_time_in_proportion_to_the_history(checker: Checker) -> None:
    """However long the evening, it is so many steps for each record, and no more."""
    for count in (100, 1_000, 4_000):
        history = Chat().play(moves(7, count))
        assert steps(checker, history) < STEPS_MAX * size(history) + 500, size(history)
