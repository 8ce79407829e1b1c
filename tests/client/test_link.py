"""One connection, from the hello to its end."""

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from tests.client.fake_server import FakePeer, entry
from trio_chat.client.link import HELLO_S, Link, LinkLostError
from trio_chat.errors import RefusedError, RemoteProtocolError
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import (
    Bye,
    Error,
    Hello,
    Message,
    Ping,
    Pong,
    Refused,
    Say,
    ServerMessage,
)

HELLO = Hello(v=1, nick="ada")
WELCOME = (
    b'{"t":"welcome","v":1,"nick":"a","epoch":"b","software":"c","heartbeat_s":1,'
    b'"text_bytes_max":1}\n'
)


class End:
    """The client's end of a link, and the fake server at the other one."""

    def __init__(self, lines: int = 0) -> None:
        ours, theirs = memory_stream_pair()
        self.peer = FakePeer(theirs)
        self.heard: list[ServerMessage] = []
        self.lines = lines
        self.link = Link(ours, self.heard.append, self._after)

    def _after(self, n: int) -> list[tuple[int, Message]]:
        numbers = range(n + 1, self.lines + 1)
        return [(n, Say(room="lobby", n=n, text=str(n))) for n in numbers]

    async def open(self, heartbeat_s: float = 15) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.link.open, HELLO)
            await self.peer.welcome(heartbeat_s=heartbeat_s)

    async def fails_to_open(self, *said: Message) -> Exception:
        await self.peer.say(*said)
        with pytest.raises((LinkLostError, RefusedError, RemoteProtocolError)) as raised:
            await self.link.open(HELLO)
        return raised.value


async def test_a_refused_hello_is_raised_with_its_code(autojump_clock: MockClock) -> None:
    error = await End().fails_to_open(Refused(code="nick_taken", reason="it is taken"))
    assert isinstance(error, RefusedError)
    assert (error.code, error.reason) == ("nick_taken", "it is taken")


async def test_an_error_for_the_hello_is_a_refusal_too(autojump_clock: MockClock) -> None:
    error = await End().fails_to_open(Error(code="version", reason="too old", end=True))
    assert isinstance(error, RefusedError)
    assert error.code == Code.VERSION


async def test_a_bye_for_the_hello_says_when_to_come_back(
    autojump_clock: MockClock,
) -> None:
    error = await End().fails_to_open(Bye(reason="stopping", back_in_s=3))
    assert isinstance(error, LinkLostError)
    assert error.back_in_s == 3


async def test_what_is_no_trio_chat_server_is_found_out(autojump_clock: MockClock) -> None:
    end = End()
    await end.peer.stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(LinkLostError, match="not a trio_chat server"):
        await end.link.open(HELLO)


async def test_a_server_that_hangs_up_on_the_hello(autojump_clock: MockClock) -> None:
    end = End()
    await end.peer.stream.send_eof()
    with pytest.raises(LinkLostError, match="closed the connection"):
        await end.link.open(HELLO)


async def test_a_server_that_never_answers_is_given_up(autojump_clock: MockClock) -> None:
    started_s = trio.current_time()
    with pytest.raises(LinkLostError, match="did not answer"):
        await End().link.open(HELLO)
    assert trio.current_time() - started_s == pytest.approx(HELLO_S)


async def test_an_entry_instead_of_a_welcome_is_against_the_protocol(
    autojump_clock: MockClock,
) -> None:
    error = await End().fails_to_open(entry(1))
    assert isinstance(error, RemoteProtocolError)
    assert error.code == Code.OUT_OF_PLACE


async def test_what_comes_right_behind_the_welcome_is_heard(
    autojump_clock: MockClock,
) -> None:
    end = End()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(end.link.open, HELLO)
        await end.peer.welcome(entry(1), entry(2))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(end.link.run)
        await wait_all_tasks_blocked()
        assert end.heard == [entry(1), entry(2)]
        end.link.close()


async def test_lines_go_out_once_in_order_and_requests_before_them(
    autojump_clock: MockClock,
) -> None:
    end = End(lines=250)
    await end.open()
    end.link.request(Ping(id=5))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(end.link.run)
        assert await end.peer.message() == Ping(id=5)
        for n in range(1, 251):
            assert (await end.peer.hear(Say)).n == n
        end.lines = 251
        end.link.wake()
        assert (await end.peer.hear(Say)).n == 251
        end.link.close()
        assert await end.peer.message() == Bye()


async def test_closing_says_all_that_is_due_and_then_bye(autojump_clock: MockClock) -> None:
    end = End(lines=3)
    await end.open()
    end.link.close()
    await end.link.run()
    said = [await end.peer.message() for _ in range(4)]
    assert [type(message) for message in said] == [Say, Say, Say, Bye]


async def test_pings_are_answered_once_for_all_that_wait(autojump_clock: MockClock) -> None:
    end = End()
    await end.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(end.link.run)
        await end.peer.say(*(Ping(id=n) for n in range(1, 1_000)))
        pong = await end.peer.message()
        assert isinstance(pong, Pong)
        end.link.close()


async def test_a_silent_server_is_pinged_and_after_two_heartbeats_given_up(
    autojump_clock: MockClock,
) -> None:
    end = End()
    await end.open(heartbeat_s=20)
    started_s = trio.current_time()
    with pytest.raises(RemoteProtocolError, match="40 s") as raised:
        await end.link.run()
    assert raised.value.code == Code.TIMED_OUT
    assert trio.current_time() - started_s == pytest.approx(40)
    assert isinstance(await end.peer.message(), Ping)


async def test_a_server_that_answers_pings_is_kept(autojump_clock: MockClock) -> None:
    end = End()
    await end.open(heartbeat_s=20)

    async def answer() -> None:
        while isinstance(await end.peer.message(), Ping):
            await end.peer.say(Pong())

    with trio.move_on_after(10_000) as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            await end.link.run()
    assert scope.cancelled_caught


async def test_a_client_with_nothing_to_say_pings_though_it_hears_much(
    autojump_clock: MockClock,
) -> None:
    """The server must hear something from us, however much it talks itself."""
    end = End()
    await end.open(heartbeat_s=20)
    pings_at_s: list[float] = []

    async def talk() -> None:
        for seq in range(1, 100):
            await trio.sleep(1)
            await end.peer.say(entry(seq))

    async def listen() -> None:
        while isinstance(await end.peer.message(), Ping):
            pings_at_s.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end.link.run)
        nursery.start_soon(listen)
        await talk()
        end.link.close()
    assert len(pings_at_s) == 4


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b'{"t":"say","room":"a","n":1,"text":"b"}\n', None),
        (b'{"t":"newfangled","x":1}\n', None),
        (b"rubbish\n", "the server sent: not one JSON object"),
        (b'{"t":"entry"}\n', "the server sent: Object missing required field"),
        (WELCOME, "after the welcome"),
        (b'{"t":"bye","reason":"stopping"}\n', "says goodbye: stopping"),
        (b'{"t":"error","code":"x","reason":"why","end":true}\n', "ended the link: why"),
        (b"x" * 300_000, "at most 262,144 bytes"),
    ],
)
async def test_what_ends_a_link_and_what_does_not(
    autojump_clock: MockClock, said: bytes, words: str | None
) -> None:
    end = End()
    await end.open()
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def run() -> None:
            if words is None:
                await end.link.run()
            else:
                with pytest.raises((LinkLostError, RemoteProtocolError), match=words):
                    await end.link.run()

        await end.peer.stream.send_all(said)
        await wait_all_tasks_blocked()
        if words is None:
            end.link.close()
    assert end.heard == []


class BreaksBothWays(trio.abc.Stream):
    """A stream whose two directions find out about the end in the same moment."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.broken = False
        self.reset = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if not self.broken:
            return await self._stream.send_all(data)
        await self.reset.wait()
        raise trio.BrokenResourceError

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if not self.broken:
            return await self._stream.receive_some(max_bytes)
        await self.reset.wait()
        return b""

    async def wait_send_all_might_not_block(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        await self._stream.aclose()


async def test_both_directions_breaking_at_once_is_one_lost_link(
    autojump_clock: MockClock,
) -> None:
    end = End()
    stream = BreaksBothWays(end.link._stream)
    end.link._stream = end.link._wire._stream = stream
    await end.open()
    stream.broken = True
    end.link.request(Ping())
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def run() -> None:
            with pytest.raises(LinkLostError, match="closed the connection"):
                await end.link.run()

        await wait_all_tasks_blocked()
        stream.reset.set()


async def test_a_cancellation_goes_before_an_end_of_the_same_moment(
    autojump_clock: MockClock,
) -> None:
    end = End()
    stream = BreaksBothWays(end.link._stream)
    end.link._stream = end.link._wire._stream = stream
    await end.open()
    stream.broken = True
    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def run() -> None:
            with scope:
                await end.link.run()

        await wait_all_tasks_blocked()
        stream.reset.set()
        scope.cancel()
    assert scope.cancelled_caught


async def test_nothing_is_said_after_a_bye_that_came_with_a_ping(
    autojump_clock: MockClock,
) -> None:
    end = End()
    await end.open()
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def run() -> None:
            with pytest.raises(LinkLostError, match="stopping"):
                await end.link.run()

        await wait_all_tasks_blocked()
        await end.peer.say(Ping(id=1), Bye(reason="stopping"))
