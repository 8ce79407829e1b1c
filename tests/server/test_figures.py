"""Each figure moves when its thing happens, by as much as happened, and no other does."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields as attributes
from typing import Any

import pytest
import trio
from trio.testing import MockClock, lockstep_stream_pair

from tests.server.harness import Json, Unsure, World, open_world
from tests.server.test_journal import SlowStore
from tests.server.test_retention import filled
from trio_chat.protocol.codes import Code
from trio_chat.server.figures import FIGURES, Figures, Histogram, duration, fields

COUNTED = [figure.name for figure in FIGURES if figure.type != "gauge"]
LINE: Json = {"t": "say", "room": "lobby", "n": 1, "text": "hi"}


def counts(world: World) -> dict[str, float]:
    """All that only ever grows: by name, or by name and label."""
    said = fields(world.running.look())
    flat: dict[str, float] = {}
    for name in COUNTED:
        value = said[name]
        if not isinstance(value, dict):
            flat[name] = value
        elif "at_most" in value:
            flat[name] = value["count"]
        else:
            flat |= {f"{name} {key}": count for key, count in value.items()}
    return flat


@contextmanager
def moved(world: World) -> Iterator[dict[str, float]]:
    """What has moved once the block is over, by how much."""
    found: dict[str, float] = {}
    before = counts(world)
    yield found
    for name, count in counts(world).items():
        if count != before.get(name, 0):
            found[name] = round(count - before.get(name, 0), 6)


# --- what is said, and what reaches the members --------------------------------------


async def test_a_line_is_one_entry_and_a_delivery_to_each_member(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada, bob = await world.person("ada"), await world.person("bob")
        await trio.sleep(1)
        with moved(world) as found:
            await ada.say("hi")
            await bob.texts(1)
        assert found == {"entries": 1, "deliveries": 2, "commit_drafts": 1, "commit_s": 1}


async def test_a_direct_message_is_an_entry_for_each_of_the_two(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada = await world.person("ada")
        await world.person("bob")
        with moved(world) as found:
            await ada.send({"t": "direct", "to": "bob", "n": 1, "text": "psst"})
            await ada.hear("accepted")
        assert found == {"entries": 2, "commit_drafts": 1, "commit_s": 1}


async def test_what_shares_a_transaction_is_one_batch_and_is_timed_as_one(
    autojump_clock: MockClock,
) -> None:
    async with open_world(SlowStore()) as world:
        ada = await world.person("ada")
        await ada.send(*({**LINE, "n": n} for n in range(1, 6)))
        await ada.texts(5)
        figures = world.running.look()
        sizes, times = figures.commit_drafts, figures.commit_s
        assert (sum(sizes.counts), sizes.total, sizes.largest) == (1, 5, 5)
        assert (sum(times.counts), round(times.total, 6)) == (1, 1)


async def test_a_line_that_is_sent_again_is_a_duplicate_and_no_entry(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        ada = await world.person("ada")
        await ada.send(LINE)
        await ada.hear("accepted")
        with moved(world) as found:
            await ada.send(LINE)
            await ada.hear("accepted")
        assert found == {"duplicate_drafts": 1, "commit_drafts": 1, "commit_s": 1}


async def test_a_line_whose_entry_is_gone_is_a_duplicate_too(
    autojump_clock: MockClock,
) -> None:
    async with open_world(keep_entries=1, trim_every_s=1) as world:
        ada = await world.person("ada")
        with moved(world) as found:
            await ada.send(LINE, {**LINE, "n": 2})
            await ada.rest()
            await trio.sleep(2)
        assert found.pop("trimmed_entries") == 1
        with moved(world) as found:
            await ada.send(LINE)
            await ada.hear("accepted")
        assert found == {"duplicate_drafts": 1, "commit_drafts": 1, "commit_s": 1}


async def test_what_this_server_has_tried_twice_is_nobodys_duplicate(
    autojump_clock: MockClock,
) -> None:
    async with open_world(Unsure(errors=1)) as world:
        ada = await world.person("ada")
        with moved(world) as found:
            await ada.send(LINE)
            await ada.hear("accepted")
            await ada.texts(1)
        assert found == {
            "entries": 1,
            "caught_up_entries": 1,
            "commits_failed": 1,
            "trouble_s": 0.05,
            "commit_drafts": 1,
            "commit_s": 1,
        }


async def test_trouble_is_counted_while_it_lasts(autojump_clock: MockClock) -> None:
    store = SlowStore()
    async with open_world(store) as world:
        ada = await world.person("ada")
        store.failing = True
        await ada.send(LINE)
        await trio.sleep(3)
        assert world.running.look().trouble_s == pytest.approx(2)
        await trio.sleep(10)
        assert world.running.look().trouble_s == pytest.approx(12)
        store.failing = False
        bob = await world.person("bob")
        await bob.say("and on")
        await bob.texts(1)
        ended_s = world.running.look().trouble_s
        await trio.sleep(10)
        assert world.running.look().trouble_s == ended_s


@pytest.mark.parametrize(
    ("message", "moves"),
    [
        ({**LINE, "room": "den"}, "drafts_refused not_joined"),
        ({**LINE, "room": "@"}, "drafts_refused not_joined"),
        ({**LINE, "room": "a b"}, "drafts_refused bad_room"),
        ({**LINE, "text": ""}, "drafts_refused empty_text"),
        ({**LINE, "text": "x" * 20_000}, "drafts_refused text_too_long"),
        ({**LINE, "text": "other"}, "drafts_refused same_id_other_text"),
        ({**LINE, "n": 2}, "drafts_refused out_of_order"),
        (
            {"t": "direct", "to": "nobody", "n": 9, "text": "x"},
            "drafts_refused no_such_nick",
        ),
        ({"t": "leave", "room": "den"}, "requests_refused not_joined"),
        ({"t": "join", "room": "a b"}, "requests_refused bad_room"),
        ({"t": "join", "room": "den"}, "requests_refused too_many_rooms"),
        ({"t": "nick", "nick": "bob"}, "requests_refused nick_taken"),
        ({"t": "nick", "nick": "a b"}, "requests_refused bad_nick"),
        (b"rubbish\n", "bad_lines not_json"),
        (b'{"t":"fly"}\n', "bad_lines unknown_type"),
        (b'{"t":"say"}\n', "bad_lines bad_message"),
        (b"\xff\n", "bad_lines bad_utf8"),
        ({"t": "hello", "v": 1, "nick": "x"}, "bad_lines out_of_place"),
    ],
)
async def test_what_is_refused_is_counted_by_its_code(
    autojump_clock: MockClock, message: Json | bytes, moves: str
) -> None:
    async with open_world(rooms_per_peer_max=1) as world:
        ada = await world.person("ada")
        await world.person("bob")
        await ada.send(LINE, {**LINE, "n": 3})
        await ada.rest()
        with moved(world) as found:
            await ada.send(message)
            await ada.rest()
        for name in ("commit_drafts", "commit_s"):  # to be looked up is a transaction
            found.pop(name, None)
        assert found == {moves: 1}


async def test_who_reads_too_slowly_is_set_aside_and_catches_up(
    autojump_clock: MockClock,
) -> None:
    async with open_world(queue_batches_max=2, page_entries=10) as world:
        slow = await world.person("slow", pair=lockstep_stream_pair)
        ada = await world.person("ada")
        with moved(world) as found:
            for _ in range(30):
                await ada.say("x")
                await ada.hear("entry")
            await slow.texts(30)
        assert found["members_set_aside"] == 1
        assert found["deliveries"] + found["caught_up_entries"] == 60
        assert found["entries"] == 30


async def test_a_gap_is_counted_with_what_is_in_it(autojump_clock: MockClock) -> None:
    async with open_world(await filled(10), keep_entries=3) as world:
        await trio.sleep(1)
        assert world.running.look().trimmed_entries == 7
        ada = await world.person("ada", "elsewhere")
        with moved(world) as found:
            await ada.send({"t": "join", "room": "lobby", "after": 2})
            await ada.rest()
        assert found == {"gaps": 1, "gap_entries": 5, "caught_up_entries": 3}


# --- connections ---------------------------------------------------------------------


async def quits(world: World) -> None:
    await (await world.person("ada")).send({"t": "bye"})


async def is_lost(world: World) -> None:
    await (await world.person("ada")).stream.aclose()


async def says_nothing(world: World) -> None:
    world.dial()


async def falls_silent(world: World) -> None:
    await world.person("ada")


async def comes_twice(world: World) -> None:
    await world.person("ada", device="d", attempt=1)
    await world.person("ada", device="d", attempt=2)


async def takes_nothing(world: World) -> None:
    stuck = world.dial(lockstep_stream_pair)
    await stuck.send({"t": "hello", "v": 1, "nick": "ada"})


async def says_too_much(world: World) -> None:
    await world.dial().send(b"x" * 70_000)


async def is_old(world: World) -> None:
    await world.dial().send({"t": "hello", "v": 0, "nick": "ada"})


async def is_sent_away(world: World) -> None:
    await world.person("ada")
    world.running.drain()


async def is_one_too_many(world: World) -> None:
    for _ in range(3):
        world.dial()
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("does", "how", "within_s"),
    [
        (quits, "quit", 5),
        (is_lost, "lost", 5),
        (says_nothing, Code.HELLO_TIMEOUT, 15),
        (falls_silent, Code.TIMED_OUT, 35),
        (comes_twice, Code.SUPERSEDED, 5),
        (takes_nothing, "stalled", 15),
        (says_too_much, Code.LINE_TOO_LONG, 5),
        (is_old, Code.VERSION, 5),
        (is_sent_away, "sent_away", 5),
        (is_one_too_many, Code.SERVER_FULL, 5),
    ],
)
async def test_a_link_that_ended_is_counted_by_how(
    autojump_clock: MockClock, does: Any, how: str, within_s: float
) -> None:
    async with open_world(stall_s=9, hello_s=10, peers_max=2) as world:
        await does(world)
        await trio.sleep(within_s)
        figures = world.running.look()
        assert +figures.links_ended == {how: 1}
        assert figures.links == figures.links_ended.total() + figures.peers


async def test_gauges_are_of_the_moment(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada = await world.person("ada", device="d")
        await world.person("bob")
        figures = world.running.look()
        assert (figures.peers, figures.sessions, figures.sessions_waiting) == (2, 2, 0)
        await ada.stream.aclose()
        await trio.sleep(1)
        figures = world.running.look()
        assert (figures.peers, figures.sessions, figures.sessions_waiting) == (1, 2, 1)
        await trio.sleep(10)
        figures = world.running.look()
        assert (figures.peers, figures.sessions, figures.sessions_waiting) == (1, 1, 0)
        assert figures.start_time_s == 1_000


async def test_drafts_that_wait_for_the_disk_are_seen(autojump_clock: MockClock) -> None:
    async with open_world(SlowStore()) as world:
        people = [await world.person(f"p{number}") for number in range(4)]
        for person in people:
            await person.say("hi")
        await trio.sleep(0.5)
        assert world.running.look().submissions_waiting == 3
        await trio.sleep(2)
        assert world.running.look().submissions_waiting == 0


# --- telling -------------------------------------------------------------------------


async def test_all_figures_are_told_when_they_are_asked_for_and_at_the_end(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        await world.person("ada")
        await trio.sleep(1)
        world.running.tell_figures()
        world.running.drain()
        await trio.sleep(5)
        asked, at_end = world.events("figures")
        assert (asked["at_end"], at_end["at_end"]) == (False, True)
        assert asked["after_s"] == pytest.approx(1)
        assert (asked["peers"], at_end["peers"]) == (1, 0)
        for event in asked, at_end:
            assert {figure.name for figure in FIGURES} <= event.keys()
        assert [event["event"] for event in world.log][-2:] == ["figures", "stopped"]


def test_every_figure_is_counted_and_every_count_is_a_figure() -> None:
    assert [each.name for each in attributes(Figures)] == [each.name for each in FIGURES]


def test_names_are_as_prometheus_wants_them() -> None:
    """Its own rules: a prefix, base units, counters that end in _total, nothing else."""
    for figure in FIGURES:
        assert re.fullmatch(r"trio_chat_[a-z]+(_[a-z]+)*", figure.metric)
        assert figure.metric.endswith("_total") == (figure.type == "counter")
        assert not re.search(r"_(s|ms|count|sum|bucket|info|created)$", figure.metric)
        assert figure.help
        assert bool(figure.label) <= (figure.type == "counter")
    assert len({figure.metric for figure in FIGURES}) == len(FIGURES)
    names = {figure.name: figure.metric for figure in FIGURES}
    assert names["reconnects"] == "trio_chat_reconnects_total"
    assert names["trouble_s"] == "trio_chat_trouble_seconds_total"
    assert names["commit_s"] == "trio_chat_commit_seconds"


def test_a_histogram_counts_what_is_at_most_each_bound() -> None:
    histogram = Histogram((1, 2.5))
    for value in (1, 1, 2, 3):
        histogram.add(value)
    assert histogram.at_most() == [("1", 2), ("2.5", 3), ("+Inf", 4)]
    assert (histogram.total, histogram.largest) == (7, 3)


@pytest.mark.parametrize(
    ("took_s", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min 0 s"),
        (7_380, "2 h 3 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_told_in_two_units(took_s: float, words: str) -> None:
    assert duration(took_s) == words
