"""Stories played against a server and a client with a planted bug: the verdict names it.

All in one process and on virtual time: the real server, the real client library, the real
story, and one thing that is wrong.
"""

import itertools
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trio

from simulator.recorder import Recorder
from simulator.run import Run, run
from simulator.scenarios import SCENARIOS
from simulator.virtual.seeds import Seed
from tests.simulator.inside import (
    DoublingStore,
    ForgetfulStore,
    Store,
    open_inside_server,
    virtual_time,
)
from trio_chat import Client
from trio_chat.client.events import ClientEvent, Entry
from trio_chat.client.mailbox import Mailbox
from trio_chat.protocol import messages
from trio_chat.server.journal import Journal
from trio_chat.server.peer import Peer
from trio_chat.server.room import Room
from trio_chat.store import Appended

Play = Callable[..., Any]


@pytest.fixture
def play() -> Play:
    """Play a suite in memory; a Run."""

    async def play(suite: str, seed: int = 1, store: Callable[[], Store] = Store) -> Run:
        server = open_inside_server(store)
        return await run(SCENARIOS[suite], Seed(seed), server, Recorder())

    return play


def violated(played: Run) -> set[str]:
    """The names of the checkers that found something."""
    found = {
        checker.name: finding.answer
        for checker, finding in played.findings
        if finding.answer != "ok"
    }
    assert "unknown" not in found.values()
    assert not played.passed
    return set(found)


# --- nothing is wrong ----------------------------------------------------------------


@pytest.mark.parametrize("suite", SCENARIOS)
@pytest.mark.parametrize("seed", range(3))
@virtual_time
async def test_a_clean_system_raises_no_alarm(play: Play, suite: str, seed: int) -> None:
    """Nothing is wrong, and nothing is found."""
    played = await play(suite, seed)
    assert played.troubles == ()
    assert [finding.reason for _, finding in played.findings] == [""] * 6
    assert played.passed


# --- in the client -------------------------------------------------------------------


def plant_in_mailbox(
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Entry], list[Entry]],
    *,
    unlucky: str = "reader-2",
) -> None:
    """Let one bot get something else than every tenth entry that is for it."""
    honest = Mailbox.offer
    begun = Mailbox.__init__
    mailboxes: list[Mailbox] = []

    def remember(self: Mailbox, *arguments: Any, **options: Any) -> None:
        begun(self, *arguments, **options)
        mailboxes.append(self)

    def offer(self: Mailbox, event: ClientEvent) -> bool:
        # reader-2 is the eighteenth to come.
        if self is not mailboxes[17] or not isinstance(event, Entry) or event.seq % 10:
            return honest(self, event)
        return all(honest(self, each) for each in change(event))

    monkeypatch.setattr(Mailbox, "__init__", remember)
    monkeypatch.setattr(Mailbox, "offer", offer)


@virtual_time
async def test_an_entry_that_is_delivered_twice_is_found(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3 alone: order and completeness are not touched by a repeat."""
    plant_in_mailbox(monkeypatch, lambda entry: [entry, entry])
    assert violated(await play("smoke")) == {"once"}


@virtual_time
async def test_an_entry_that_is_skipped_is_found(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1: a hole; and the line's author was promised that everyone would see it."""
    plant_in_mailbox(monkeypatch, lambda _entry: [])
    assert {"order", "accepted"} <= violated(await play("smoke"))


@virtual_time
async def test_two_entries_that_are_swapped_are_found(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P1 alone: nothing is lost, nothing comes twice."""
    kept: list[tuple[Mailbox, Entry]] = []
    honest = Mailbox.offer

    def offer(self: Mailbox, event: ClientEvent) -> bool:
        if not isinstance(event, Entry) or event.room != "lobby":
            return honest(self, event)
        if event.seq == 20 and not kept:
            kept.append((self, event))
            return True
        if event.seq == 21 and kept[0][0] is self:
            return honest(self, event) and honest(self, kept[0][1])
        return honest(self, event)

    monkeypatch.setattr(Mailbox, "offer", offer)
    assert violated(await play("smoke")) == {"order"}


@virtual_time
async def test_a_text_that_is_not_the_same_for_everyone_is_found(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: one reader gets another text; the store and the author know better."""

    def change(entry: Entry) -> list[Entry]:
        return [Entry(entry.room, entry.seq, entry.nick, entry.text + "!", entry.ts)]

    plant_in_mailbox(monkeypatch, change)
    assert "once" in violated(await play("smoke"))


@virtual_time
async def test_a_resend_under_another_identity_is_found(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3 alone: who comes back is not known as who it was, so its lines are new lines."""
    honest = Client._hello
    numbers = itertools.count(1)

    def hello(self: Client) -> messages.Hello:
        return msgspec.structs.replace(honest(self), device=f"device-{next(numbers)}")

    monkeypatch.setattr(Client, "_hello", hello)
    # Only a kill between the fsync and the answer shows it: about five seeds in six.
    runs = [await play("restart", seed) for seed in range(4)]
    caught = [played for played in runs if not played.passed]
    assert {name for played in caught for name in violated(played)} == {"once"}


# --- in the server -------------------------------------------------------------------


@virtual_time
async def test_an_authors_lines_that_overtake_each_other_are_found(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4 alone: as if each line had a task of its own."""
    honest = Peer._append

    async def append(self: Peer, drafts: Any) -> None:
        await honest(self, drafts[::-1])

    monkeypatch.setattr(Peer, "_append", append)
    assert violated(await play("smoke")) == {"author"}


@virtual_time
async def test_a_line_that_is_stored_twice_is_found(play: Play) -> None:
    """P3 alone: as if a resend had not found its first copy."""
    assert violated(await play("smoke", store=DoublingStore)) == {"once"}


@virtual_time
async def test_accepted_before_it_is_durable_is_found(play: Play) -> None:
    """P2: the crash takes back what was seen and promised, and the numbers are reused."""
    found = violated(await play("restart", store=ForgetfulStore))
    assert {"stored", "accepted", "once"} <= found


@virtual_time
async def test_an_accepted_line_that_never_reaches_the_log_is_found(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2: the server says yes, and forgets one author's line."""
    honest = Store.append

    async def append(self: Store, drafts: Any, ts: float) -> Any:
        kept = [draft for draft in drafts if (draft.nick, draft.n) != ("talker-03", 5)]
        outcomes = iter(await honest(self, kept, ts))
        return [
            next(outcomes) if draft in kept else _forgotten(self, draft) for draft in drafts
        ]

    def _forgotten(store: Store, draft: Any) -> Appended:
        last = store.rooms()[draft.log][-1]
        return Appended((last,), duplicate=True)

    monkeypatch.setattr(Store, "append", append)
    assert violated(await play("smoke")) == {"accepted"}


@virtual_time
async def test_a_member_that_is_forgotten_by_the_fan_out_is_found(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5: the last entries do not come, and the story says who still waits for what."""
    honest = Room.deliver

    def deliver(self: Room, entries: Any) -> None:
        if self.name == "kitchen" and entries[-1].seq > 60:
            for member in list(self._live):
                if member.reader.nick == "reader-3":
                    del self._live[member]
        honest(self, entries)

    monkeypatch.setattr(Room, "deliver", deliver)
    played = await play("smoke")
    assert violated(played) == {"complete"}
    assert "reader-3 has #kitchen up to" in played.troubles[0].reason


@virtual_time
async def test_a_server_that_does_not_answer_is_found(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Safe and useless: the story says which lines have no answer."""

    async def never(self: Journal) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(Journal, "run", never)
    played = await play("smoke")
    assert not played.passed
    assert "lines have no answer" in played.troubles[0].reason


@virtual_time
async def test_a_server_that_refuses_a_bot_ends_the_story(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A story that can't be played has failed, with a sentence."""
    monkeypatch.setattr("trio_chat.client.client.PROTOCOL_VERSION", 0)
    played = await play("smoke")
    assert not played.passed
    assert "was refused" in played.troubles[0].reason


@virtual_time
async def test_a_bot_that_falls_over_fails_the_run_with_its_traceback(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in the client is found by a seed, like any other."""

    def fall_over(*_arguments: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(Client, "_accepted", fall_over)
    played = await play("smoke")
    assert not played.passed
    assert played.troubles[0].reason == "a bot met a bug: ZeroDivisionError: on purpose"
    assert "fall_over" in "".join(played.troubles[0].traceback)
