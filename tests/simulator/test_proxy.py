"""The proxy over real loopback sockets: what it does to a link, and what it never does."""

import errno
import hashlib
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
import trio

from simulator import proxy as proxy_module
from simulator.proxy import Proxy, Traffic, open_proxy
from trio_chat.addresses import Address

PATIENCE_S: Final = 20.0
NOTHING_S: Final = 0.15
"""So long nothing has to come where nothing may come."""
MEGABYTE: Final = 1024 * 1024

Ends = tuple[trio.SocketStream, trio.SocketStream]


class Stage:
    """A proxy, and an upstream that hands out what arrives there."""

    def __init__(
        self, proxy: Proxy, arrivals: trio.MemoryReceiveChannel[trio.SocketStream]
    ) -> None:
        self.proxy = proxy
        self.arrivals = arrivals
        self._dialled: list[trio.SocketStream] = []

    async def dial(self, name: str = "ada") -> trio.SocketStream:
        """A bot's end alone."""
        return await self.call(await self.proxy.listen(name))

    async def call(self, address: Address) -> trio.SocketStream:
        """A connection to whatever listens there; the stage closes it."""
        stream = await trio.open_tcp_stream(address.host, address.port)
        self._dialled.append(stream)
        return stream

    def hang_up(self) -> None:
        """Close what was dialled."""
        for stream in self._dialled:
            stream.socket.close()

    async def link(self, name: str = "ada") -> Ends:
        """Both ends: the bot's and the server's."""
        bot = await self.dial(name)
        return bot, await self.arrivals.receive()


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """A stage for one test, which may not take long."""
    send, arrivals = trio.open_memory_channel[trio.SocketStream](64)
    ended = trio.Event()

    async def keep(stream: trio.SocketStream) -> None:
        await send.send(stream)
        await ended.wait()

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, keep, 0)
            port: int = listeners[0].socket.getsockname()[1]
            seed = random.Random(7)
            async with open_proxy(lambda: Address("127.0.0.1", port), rng=seed) as proxy:
                stage = Stage(proxy, arrivals)
                try:
                    yield stage
                finally:
                    stage.hang_up()
            nursery.cancel_scope.cancel()


def noise(size: int) -> bytes:
    """Bytes in which a hole, a double or a swap can't hide."""
    return random.Random(size).randbytes(size)


async def exactly(stream: trio.abc.ReceiveStream, size: int) -> bytes:
    """So many bytes; whatever comes after them stays where it is."""
    data = bytearray()
    while len(data) < size:
        more = await stream.receive_some(size - len(data))
        assert more, f"the end came after {len(data)} bytes of {size}"
        data += more
    return bytes(data)


async def all_of(stream: trio.abc.ReceiveStream) -> bytes:
    """Everything until FIN."""
    return b"".join([bytes(data) async for data in stream])


async def carries(
    sender: trio.SocketStream, receiver: trio.SocketStream, size: int
) -> None:
    """What is sent arrives: the check that a planted bug has to fail."""
    data = noise(size)
    got = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.send_all, data)
        got = await exactly(receiver, size)
    assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest(), "other arrived"


async def nothing_comes(stream: trio.SocketStream) -> bool:
    """Whether it is silent for a while."""
    with trio.move_on_after(NOTHING_S) as silence:
        await stream.receive_some()
    return silence.cancelled_caught


async def is_reset(stream: trio.SocketStream) -> bool:
    """Whether it ends with RST, and not with FIN."""
    try:
        while await stream.receive_some():
            pass
    except trio.BrokenResourceError as error:
        cause = error.__cause__
        return isinstance(cause, OSError) and cause.errno == errno.ECONNRESET
    return False


async def sent_until_stuck(stream: trio.SocketStream) -> int:
    """How much goes into a link that nobody reads."""
    sent = 0
    for _ in itertools.count():
        with trio.move_on_after(NOTHING_S) as stuck:
            await stream.send_all(noise(16 * 1024))
        if stuck.cancelled_caught:
            break
        sent += 16 * 1024
    return sent


# --- fair weather ------------------------------------------------------------------------


async def test_bytes_arrive_as_they_were_sent_both_ways() -> None:
    """Both at the same time."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(carries, bot, server, 3 * MEGABYTE)
            nursery.start_soon(carries, server, bot, 2 * MEGABYTE)
        assert stage.proxy.traffic("ada") == Traffic(1, 3 * MEGABYTE, 2 * MEGABYTE)


async def test_one_who_has_said_all_still_hears_the_answer() -> None:
    """A half-close is carried through, each way for itself."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        await bot.send_all(b"question")
        await bot.send_eof()
        assert await all_of(server) == b"question"
        await server.send_all(b"answer")
        await server.send_eof()
        assert await all_of(bot) == b"answer"


@pytest.mark.parametrize("upwards", [True, False])
async def test_a_reset_is_carried_through(upwards: bool) -> None:
    """What broke on one side is broken on the other, not politely over."""
    async with open_stage() as stage:
        ends = await stage.link()
        here, there = ends if upwards else ends[::-1]
        await here.send_all(b"last words")
        assert await exactly(there, 10) == b"last words"
        proxy_module._reset(here)
        assert await is_reset(there)


async def test_what_was_said_before_hanging_up_arrives_while_the_other_still_talks() -> (
    None
):
    """A server that turns somebody away closes without reading on."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.delay("ada", NOTHING_S)
        await server.send_all(b"not you")
        await server.send_eof()
        await bot.send_all(b"but")
        assert await all_of(bot) == b"not you"


async def test_a_server_that_is_not_there_is_a_reset_for_the_bot() -> None:
    """The kernel has let the bot in already: it can't be refused any more."""
    nowhere = Address("127.0.0.1", 1)
    async with open_stage() as stage, open_proxy(lambda: nowhere) as proxy:
        assert await is_reset(await stage.call(await proxy.listen("ada")))


async def test_the_upstream_is_asked_for_each_link() -> None:
    """A server may come back elsewhere."""
    async with open_stage() as one, open_stage() as other:
        there = iter([await one.proxy.listen("ada"), await other.proxy.listen("ada")])
        async with open_proxy(lambda: next(there)) as proxy:
            address = await proxy.listen("ada")
            await one.call(address)
            await one.arrivals.receive()
            await one.call(address)
            await other.arrivals.receive()


async def test_no_link_outlives_the_proxy() -> None:
    """And nobody listens any more."""
    async with open_stage() as stage:
        where = await stage.proxy.listen("ada")
        async with open_proxy(lambda: where) as proxy:
            address = await proxy.listen("ben")
            bot = await stage.call(address)
            server = await stage.arrivals.receive()
        assert await all_of(server) == b""
        assert await all_of(bot) == b""
        with pytest.raises(OSError, match="connect"):
            await stage.call(address)


# --- ends --------------------------------------------------------------------------------


async def test_cut_is_a_reset_on_both_sides() -> None:
    """Also while nobody reads what is under way."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.stall("ada")
        await bot.send_all(b"lost")
        stage.proxy.cut("ada")
        assert await is_reset(bot)
        assert await is_reset(server)


async def test_close_is_a_goodbye_on_both_sides() -> None:
    """Even to somebody who was in the middle of a sentence."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.stall("ada")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sends_what_goes, bot, noise(8 * MEGABYTE))
            assert await nothing_comes(server)
            stage.proxy.close("ada")
            assert await all_of(server) == b""
            assert await all_of(bot) == b""
            await bot.aclose()


async def test_somebody_who_ignores_a_goodbye_is_reset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy keeps no links of people who never close."""
    monkeypatch.setattr(proxy_module, "_GOODBYE_S", 0.05)
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.close("ada")
        assert await all_of(server) == b""
        assert await all_of(bot) == b""
        await sends_what_goes(bot, noise(64 * MEGABYTE))


async def test_a_link_that_was_cut_can_be_made_again() -> None:
    """The road stays, and its address."""
    async with open_stage() as stage:
        bot, _ = await stage.link()
        stage.proxy.cut("ada")
        assert await is_reset(bot)
        await carries(*await stage.link(), 1000)


@pytest.mark.parametrize("way", proxy_module.WAYS)
@pytest.mark.parametrize("n_bytes", [1, 70_001])
async def test_a_limit_ends_the_link_after_exactly_so_many_bytes(
    way: proxy_module.Way, n_bytes: int
) -> None:
    """Not one less, not one more; the next link has none."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        sender, receiver = (bot, server) if way == "up" else (server, bot)
        stage.proxy.limit("ada", n_bytes, way)
        data = noise(100_000)
        got = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sends_what_goes, sender, data)
            got = await all_of(receiver)
        assert got == data[:n_bytes]
        assert await is_reset(sender)
        await carries(*await stage.link(), 100_000)


async def sends_what_goes(stream: trio.SocketStream, data: bytes) -> None:
    """A sender that is not surprised by an end."""
    try:
        await stream.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return


# --- holding -----------------------------------------------------------------------------


async def test_a_stalled_link_carries_nothing_and_loses_nothing() -> None:
    """Neither way; what was said meanwhile comes afterwards."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.stall("ada")
        await bot.send_all(b"up")
        await server.send_all(b"down")
        assert await nothing_comes(server)
        assert await nothing_comes(bot)
        stage.proxy.resume("ada")
        assert await exactly(server, 2) == b"up"
        assert await exactly(bot, 4) == b"down"


async def test_a_stall_may_hold_one_way_only() -> None:
    """One who is heard, and hears nothing."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.stall("ada", "down")
        await carries(bot, server, 1000)
        await server.send_all(b"down")
        assert await nothing_comes(bot)
        stage.proxy.resume("ada", "down")
        assert await exactly(bot, 4) == b"down"


@pytest.mark.parametrize("delayed", [False, True])
async def test_a_stalled_link_makes_the_sender_wait(delayed: bool) -> None:
    """Backpressure is real, and what the proxy holds is bounded."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        for each in (bot, server):
            proxy_module._keep_small(each)
        if delayed:
            stage.proxy.delay("ada", 60)
            bound = proxy_module._DELAYED_BYTES_MAX + MEGABYTE
        else:
            stage.proxy.stall("ada")
            bound = MEGABYTE
        assert await sent_until_stuck(server) < bound


async def test_a_fault_meets_the_one_it_is_aimed_at() -> None:
    """The road of another bot is another road."""
    async with open_stage() as stage:
        ada, ben = await stage.link("ada"), await stage.link("ben")
        stage.proxy.cut("ada")
        assert await is_reset(ada[0])
        stage.proxy.stall("ada")
        stage.proxy.refuse("ada")
        await carries(*ben, 1000)
        await carries(*await stage.link("ben"), 1000)


async def test_a_partition_holds_old_links_and_hangs_new_ones_until_it_heals() -> None:
    """Nobody is told; afterwards everything is as if it had just been slow."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.partition(["ada"])
        await bot.send_all(b"old")
        late = await stage.dial()
        await late.send_all(b"new")
        assert await nothing_comes(server)
        assert await nothing_comes(late)
        with pytest.raises(trio.WouldBlock):
            stage.arrivals.receive_nowait()
        stage.proxy.heal()
        assert await exactly(server, 3) == b"old"
        arrived = await stage.arrivals.receive()
        assert await exactly(arrived, 3) == b"new"
        await carries(arrived, late, 1000)


async def test_a_partition_may_hold_one_way_only() -> None:
    """Heard, but not hearing; and no handshake comes about."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.partition(["ada"], "up")
        await carries(server, bot, 1000)
        await bot.send_all(b"up")
        assert await nothing_comes(server)
        late = await stage.dial()
        stage.proxy.heal()
        assert await exactly(server, 2) == b"up"
        await carries(await stage.arrivals.receive(), late, 1000)


async def test_who_gives_up_in_a_partition_was_never_there() -> None:
    """The server hears nothing of a connection that it never had."""
    async with open_stage() as stage:
        await stage.proxy.listen("ada")
        stage.proxy.partition(["ada"])
        early = await stage.dial()
        await early.send_all(b"hello?")
        await early.aclose()
        patient = await stage.dial()
        await patient.send_all(b"hello!")
        assert await nothing_comes(patient)
        assert stage.proxy.traffic("ada").links == 1
        stage.proxy.heal()
        assert await exactly(await stage.arrivals.receive(), 6) == b"hello!"
        with pytest.raises(trio.WouldBlock):
            stage.arrivals.receive_nowait()


async def test_what_hung_up_during_a_partition_is_heard_after_it() -> None:
    """Bytes of a link that was open are under way, whatever became of the sender."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.partition(["ada"])
        await bot.send_all(b"in flight")
        await bot.aclose()
        stage.proxy.heal()
        assert await all_of(server) == b"in flight"


async def test_a_refused_bot_is_refused_until_it_is_accepted_again() -> None:
    """At the same address; what is open stays open."""
    async with open_stage() as stage:
        ends = await stage.link()
        address = await stage.proxy.listen("ada")
        stage.proxy.refuse("ada")
        with pytest.raises(OSError, match="connect"):
            await stage.dial()
        await carries(*ends, 1000)
        stage.proxy.accept("ada")
        assert await stage.proxy.listen("ada") == address
        await carries(*await stage.link(), 1000)


async def test_calm_takes_everything_back() -> None:
    """However bad it was."""
    async with open_stage() as stage:
        ends = await stage.link()
        stage.proxy.delay("ada", 60, 60)
        stage.proxy.slow("ada", 1)
        stage.proxy.chop("ada", 1, pause_s=60)
        stage.proxy.limit("ada", 1)
        stage.proxy.stall("ada")
        stage.proxy.partition(["ada"])
        stage.proxy.refuse("ada")
        stage.proxy.calm("ada")
        await carries(*ends, 100_000)
        await carries(*await stage.link(), 100_000)


# --- time --------------------------------------------------------------------------------


async def test_a_delay_is_felt_both_ways() -> None:
    """A round trip takes it twice."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.delay("ada", 0.05)
        begun_s = trio.current_time()
        await bot.send_all(b"?")
        await exactly(server, 1)
        await server.send_all(b"!")
        await exactly(bot, 1)
        assert trio.current_time() - begun_s >= 0.1


async def keeps_its_throughput(stage: Stage) -> bool:
    """Whether 4 MB with 0.1 s of latency arrive like a stream, not like a conversation."""
    bot, server = await stage.link()
    stage.proxy.delay("ada", 0.1)
    # One read of 64 kB after the other would take more than 6 s.
    with trio.move_on_after(1.5) as patience:
        await carries(bot, server, 4 * MEGABYTE)
    return not patience.cancelled_caught


async def test_a_delay_costs_no_throughput() -> None:
    """Bytes travel one behind the other."""
    async with open_stage() as stage:
        assert await keeps_its_throughput(stage)


async def test_jitter_keeps_the_order() -> None:
    """A piece that was lucky waits for the one before it."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.delay("ada", 0.001, 0.01)
        stage.proxy.chop("ada", 2000)
        await carries(bot, server, MEGABYTE)


async def test_the_end_of_a_link_is_as_late_as_its_bytes() -> None:
    """FIN does not overtake."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.delay("ada", 0.05)
        begun_s = trio.current_time()
        await bot.send_all(b"bye")
        await bot.aclose()
        assert await all_of(server) == b"bye"
        assert trio.current_time() - begun_s >= 0.05


async def test_a_slow_link_is_as_slow_as_it_was_told() -> None:
    """50 kB at 200 kB/s; and quick again, when told."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.slow("ada", 200_000)
        begun_s = trio.current_time()
        await carries(bot, server, 50_000)
        assert 0.2 <= trio.current_time() - begun_s < 2.0
        stage.proxy.slow("ada", None)
        await carries(bot, server, MEGABYTE)


async def test_a_chopped_line_comes_in_pieces() -> None:
    """Byte by byte, if need be."""
    async with open_stage() as stage:
        bot, server = await stage.link()
        stage.proxy.chop("ada", 1, pause_s=0.002)
        await bot.send_all(b"hello")
        pieces = [bytes(await server.receive_some()) for _ in range(3)]
        assert len(pieces[0]) < 5
        assert b"hello".startswith(b"".join(pieces))


# --- planted bugs ------------------------------------------------------------------------


@pytest.fixture
def swapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted bug: once, the first byte of a piece comes last."""
    add = proxy_module._Flight.add
    calls = itertools.count()

    def clumsy(
        flight: proxy_module._Flight,
        data: bytes | None,
        arrival_s: float,
        *,
        last: bool = False,
    ) -> None:
        if data and next(calls) == 1:
            data = data[1:] + data[:1]
        add(flight, data, arrival_s, last=last)

    monkeypatch.setattr(proxy_module._Flight, "add", clumsy)


async def test_a_proxy_that_swaps_bytes_is_found_out(swapping: None) -> None:
    """The check of these tests sees one byte in a megabyte."""
    async with open_stage() as stage:
        ends = await stage.link()
        with pytest.raises(AssertionError, match="arrived"):
            await carries(*ends, MEGABYTE)


async def test_a_proxy_that_waits_for_each_piece_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted bug: the next bytes leave when those before have arrived."""
    monkeypatch.setattr(proxy_module, "_DELAYED_BYTES_MAX", 1)
    async with open_stage() as stage:
        assert not await keeps_its_throughput(stage)
