"""The bench from end to end, with real processes: nothing is lost, whatever it takes."""

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import pytest
import trio

from simulator.bench import command
from simulator.bench.dialects import OURS
from simulator.bench.plan import LoadError, Plan, Talked
from simulator.bench.run import put_load
from simulator.bench.stream import Faults
from simulator.bench.workloads import WORKLOADS, Case, Talk, Variant, Workload
from simulator.cli import main
from trio_chat.errors import lone_exception
from trio_chat.protocol.framing import client_messages, encode
from trio_chat.protocol.messages import (
    Accepted,
    Entry,
    Hello,
    Members,
    Message,
    Refused,
    Say,
)

pytestmark = pytest.mark.processes

PATIENCE_S: Final = 60
SMALL: Final = Talk(
    members=8,
    senders=2,
    rooms=2,
    window=4,
    fill_bytes=64 * 1024,
    stalled=1,
    sipping=1,
)
TINY: Final = Workload(
    "W0",
    "as small as it gets",
    cases=(Case("", (Variant("some do not read", SMALL),)),),
    ours_only=True,
)


def test_a_very_short_bench_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On disk and in memory; how fast it was is nobody's business here."""
    monkeypatch.setattr(command, "WORKLOADS", {"W0": TINY})
    file = tmp_path / "bench.json"
    picture = tmp_path / "bench.svg"
    files = (f"--json={file}", f"--svg={picture}")
    assert main(["bench", "--only=W0", "--runs=1", "--seconds=0.2", *files]) == 0
    out = capsys.readouterr().out
    assert "W0: as small as it gets; one run of 0.2 s" in out
    assert out.count("some do not read") == 2
    report = json.loads(file.read_bytes())
    for measured in report["measured"]:
        outcome = msgspec.convert(measured["outcome"], Talked)
        assert outcome.faults == []
        assert outcome.caught_up_s is not None
    # In so short a time a busy disk may have stored nothing.
    assert any(each["outcome"]["deliveries"] for each in report["measured"])
    assert [row["cell"]["store"] for row in report["rows"]] == ["memory", "disk"]

    # And once more, from the file.
    drawn = picture.read_text(encoding="utf-8")
    assert report["machine"]["date"] in drawn
    picture.unlink()
    assert main(["bench", f"--from={file}", f"--svg={picture}"]) == 0
    tables = out[out.index("W0:") :]
    assert capsys.readouterr().out.endswith(tables)
    assert picture.read_text(encoding="utf-8") == drawn


@pytest.mark.parametrize(
    "arguments",
    [("--only", "W99"), ("--runs", "0"), ("--seconds", "0"), ("--seconds", "1000")],
)
def test_wrong_usage_is_2(arguments: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["bench", *arguments])
    assert end.value.code == 2


def test_a_file_that_can_not_be_written_is_said_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever waits for minutes wants the figures."""
    assert main(["bench", f"--json={tmp_path / 'nowhere' / 'bench.json'}"]) == 1
    assert "can't be written" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(None, "the figures can't be read"), ("{}", "has no figures of a bench")],
)
def test_a_file_without_figures_is_told_from_one_with(
    text: str | None, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bench.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert main(["bench", f"--from={file}"]) == 1
    assert sentence in capsys.readouterr().out


def test_each_workload_has_its_name() -> None:
    assert all(name == workload.name for name, workload in WORKLOADS.items())
    for workload in WORKLOADS.values():
        for case in workload.cases:
            talks = [each.load for each in case.variants if isinstance(each.load, Talk)]
            for load in talks:
                assert load.members - load.slow >= load.senders
                assert bool(load.window) != bool(load.rate_per_s)


# --- a server that errs --------------------------------------------------------------


Lie: TypeAlias = Callable[[int, Entry], Sequence[Message]]
"""What the last member gets for an entry."""


def loss(seq: int, entry: Entry) -> Sequence[Message]:
    return [] if seq == 3 else [entry]


def repeat(seq: int, entry: Entry) -> Sequence[Message]:
    return [entry, entry] if seq == 3 else [entry]


def swap(seq: int, entry: Entry) -> Sequence[Message]:
    early = msgspec.structs.replace(entry, seq=4, text="4 ".ljust(len(entry.text), "x"))
    return {3: [early, entry], 4: []}.get(seq, [entry])


def refuse(seq: int, entry: Entry) -> Sequence[Message]:
    return [Refused(code="not_now", reason="not now", n=seq)]


class Liar:
    """A room that numbers what is said, and tells its last member lies."""

    def __init__(self, lie: Lie) -> None:
        self._lie = lie
        self._streams: list[trio.SocketStream] = []
        self._head = 0

    async def serve(self, stream: trio.SocketStream) -> None:
        place, decoder, nick = len(self._streams), client_messages(), ""
        self._streams.append(stream)
        try:
            async for data in stream:
                for message in decoder.feed(bytes(data)):
                    match message:
                        case Hello():
                            nick = message.nick
                            await self._tell(place, Members(room="room-0", nicks=()))
                        case Say():
                            await self._say(place, nick, message)
        except trio.BrokenResourceError:
            pass  # the load has what it wanted

    async def _say(self, place: int, nick: str, say: Say) -> None:
        self._head += 1
        seq, room = self._head, say.room
        entry = Entry(room=room, seq=seq, nick=nick, text=say.text, ts=1.0)
        for reader in range(len(self._streams)):
            lied = self._lie(seq, entry) if reader == 2 else [entry]
            await self._tell(reader, *lied)
        await self._tell(place, Accepted(room=room, n=say.n, seq=seq))

    async def _tell(self, place: int, *messages: Message) -> None:
        if messages:
            await self._streams[place].send_all(encode(messages))


async def load_on(liar: Liar) -> Talked:
    with trio.fail_after(PATIENCE_S), lone_exception():
        async with trio.open_nursery() as nursery:
            serve = partial(trio.serve_tcp, liar.serve, 0, host="127.0.0.1")
            (listener,) = await nursery.start(serve)
            plan = Plan(
                host="127.0.0.1",
                port=listener.socket.getsockname()[1],
                server_pid=os.getpid(),
                dialect=OURS,
                load=Talk(members=3, senders=1, window=1),
                seconds=0.1,
                warm_s=0.0,
                core=None,
            )
            try:
                outcome = await put_load(plan)
                assert isinstance(outcome, Talked)
                return outcome
            finally:
                nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("lie", "found"),
    [(loss, Faults(lost=1)), (repeat, Faults(repeated=1)), (swap, Faults(swapped=1))],
)
async def test_what_a_server_does_wrong_is_found(lie: Lie, found: Faults) -> None:
    """At the one member who is concerned; the others have all of it."""
    outcome = await load_on(Liar(lie))
    assert outcome.faults == [f"m2: {found}"]


async def test_a_server_that_refuses_can_not_be_measured() -> None:
    """And says why."""
    with pytest.raises(LoadError, match="m2 is told: not now"):
        await load_on(Liar(refuse))
