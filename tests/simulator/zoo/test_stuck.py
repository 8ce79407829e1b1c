"""What a story says when it can't go on: who waits for what, who fell over, and where."""

import pytest

from simulator.run import Run, Trouble, run_in_world
from simulator.virtual.seeds import Seed
from tests.simulator.zoo.in_peers import nothing_is_ever_stored
from tests.simulator.zoo.stories import quiet
from trio_chat import Client
from trio_chat.client import client
from trio_chat.server.room import Room
from trio_chat.store.interface import Entry


def played() -> Run:
    run = run_in_world(quiet(), Seed(1))
    assert not run.passed
    return run


def trouble() -> Trouble:
    return played().troubles[0]


def test_it_says_which_lines_have_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is safe and useless is found."""
    nothing_is_ever_stored(monkeypatch)
    assert "lines have no answer, one of " in trouble().reason


def test_it_says_who_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last entries do not come to somebody."""
    honest = Room.deliver

    def deliver(self: Room, entries: list[Entry]) -> None:
        for member in list(self._live):
            if member.resident.nick == "rea":
                del self._live[member]
        honest(self, entries)

    monkeypatch.setattr(Room, "deliver", deliver)
    assert "views are not at their end: rea has #" in trouble().reason


def test_it_says_who_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A story with somebody whom the server does not want can't be played."""
    monkeypatch.setattr(client, "PROTOCOL_VERSION", 0)
    assert "was refused: this server speaks version 1" in trouble().reason


def test_it_says_who_fell_over_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the client is found by a seed, like any other."""

    def fall_over(*_arguments: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(Client, "_accepted", fall_over)
    found = trouble()
    assert found.reason == "a bot met a bug: ZeroDivisionError: on purpose"
    assert "fall_over" in "".join(found.traceback)


def test_it_says_what_the_server_fell_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends by itself fails the run, with its last words."""

    def fall_over(*_arguments: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(Room, "deliver", fall_over)
    run = played()
    assert "ZeroDivisionError" in "".join([run.troubles[0].reason, *run.words])
