"""What lies between machines, and all that breaks, seen from their programs."""

import contextlib
import errno
import json
from collections.abc import Callable
from functools import partial

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.virtual.link import Link
from simulator.virtual.network import Network
from simulator.virtual.timeline import Timer
from tests.simulator.virtual.one_run import Bench, Machine

FRAGILE = Link(latency_s=0.01, jitter_s=0.02, fragment=0.3)
MESSAGE = bytes(range(256)) * 8


async def hear(stream: trio.SocketStream, octets: int) -> bytes:
    """So many bytes; fewer at the end."""
    heard = bytearray()
    while len(heard) < octets and (data := await stream.receive_some(octets - len(heard))):
        heard += data
    return bytes(heard)


async def chat(bench: Bench, times: int) -> None:
    """Questions from a, answers from b."""
    client, server = await bench.pair()
    for _ in range(times):
        await client.send_all(MESSAGE)
        assert await hear(server, len(MESSAGE)) == MESSAGE
        await server.send_all(MESSAGE)
        assert await hear(client, len(MESSAGE)) == MESSAGE
    await client.aclose()
    await server.aclose()


def broken_by(info: pytest.ExceptionInfo[trio.BrokenResourceError]) -> int | None:
    """The errno under what a stream raised."""
    cause = info.value.__cause__
    assert isinstance(cause, OSError)
    return cause.errno


# --- links ------------------------------------------------------------------------------


def test_a_segment_arrives_after_the_latency_of_its_link() -> None:
    """In both directions, and others are not concerned."""
    bench = Bench(link=Link(latency_s=0.5))
    bench.net.set_link(bench.a, bench.b, Link(latency_s=0.01))

    async def main() -> None:
        await chat(bench, 10)
        assert bench.now_s == pytest.approx(0.03 + 10 * 0.02)

    bench.run(main)


def test_jitter_delays_but_never_reorders() -> None:
    """Bytes come as they were sent, at most so much later."""
    bench = Bench(link=Link(latency_s=0.01, jitter_s=0.5))

    async def main() -> None:
        client, server = await bench.pair()
        for number in range(200):
            await client.send_all(bytes([number]))
            await trio.sleep(0.01)
        assert await hear(server, 200) == bytes(range(200))

    bench.run(main)


def test_bandwidth_is_shared_by_all_connections_of_a_direction() -> None:
    """Twice the bytes take twice the time; the other direction has its own."""
    bench = Bench(link=Link(latency_s=0, bandwidth_bytes_per_s=10_000))

    async def main() -> None:
        first, second = await bench.pair(), await bench.pair()
        began_s = bench.now_s
        for client, server in (first, second):
            await client.send_all(bytes(10_000))
            await server.send_all(bytes(10_000))
        for client, server in (first, second):
            await hear(server, 10_000)
            await hear(client, 10_000)
        assert bench.now_s - began_s == pytest.approx(2, rel=0.05)

    bench.run(main)


def test_a_segment_is_cut_at_any_byte() -> None:
    """Reads end anywhere, also in the middle of a character; nothing is lost."""
    sizes: list[int] = []

    async def main() -> None:
        client, server = await bench.pair()
        for _ in range(100):
            await client.send_all(MESSAGE[:20])
            left = 20
            while left:
                data = await server.receive_some()
                sizes.append(len(data))
                left -= len(data)

    bench = Bench(link=Link(fragment=0.5))
    bench.run(main)
    assert set(sizes) == set(range(1, 21))
    sizes.clear()
    bench = Bench()
    bench.run(main)
    assert set(sizes) == {20}


def test_a_tick_makes_things_ready_together() -> None:
    """What arrives within a tick is noticed at its end, and not before."""
    bench = Bench(link=Link(latency_s=0.001, jitter_s=0.009), tick_s=0.02)
    times: set[float] = set()

    async def talk() -> None:
        client, server = await bench.pair()
        await client.send_all(b"hello")
        await server.receive_some()
        times.add(round(bench.now_s, 6))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(talk)

    bench.run(main)
    assert len(times) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"fragment": 1.5},
        {"latency_s": -1.0},
        {"send_buffer_bytes": 0},
        {"retransmit_s": 5.0, "retransmit_s_max": 1.0},
    ],
)
def test_a_link_with_impossible_numbers_is_refused(wrong: dict[str, float]) -> None:
    """With a sentence."""
    with pytest.raises(ValueError, match=r"."):
        Link(**wrong)  # type: ignore[arg-type]


# --- backpressure -----------------------------------------------------------------------


def test_a_sender_waits_when_nobody_reads() -> None:
    """Both buffers hold what they hold; what a reader takes lets as much more in."""
    link = Link(send_buffer_bytes=10_000, receive_buffer_bytes=5_000)
    bench = Bench(link=link)

    async def main() -> None:
        client, server = await bench.pair()
        with trio.move_on_after(60) as patience:
            await client.send_all(bytes(100_000))
        assert patience.cancelled_caught
        client.socket.shutdown(trio.socket.SHUT_WR)
        heard = await hear(server, 100_000)
        assert len(heard) == 15_000

    bench.run(main)


def test_a_big_send_gets_through_a_small_window() -> None:
    """Piece by piece, as fast as the reader reads and the round trip allows."""
    link = Link(latency_s=0.05, send_buffer_bytes=3_000, receive_buffer_bytes=1_000)
    bench = Bench(link=link)
    data = MESSAGE * 20

    async def main() -> None:
        client, server = await bench.pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send_all, data)
            assert await hear(server, len(data)) == data
        assert bench.now_s > len(data) / 1_000 * 0.1 * 0.9

    bench.run(main)


def test_a_stalled_machine_takes_nothing_in_and_its_senders_wait() -> None:
    """Until it goes on; nobody times out meanwhile, and nothing is lost."""
    bench = Bench(link=Link(send_buffer_bytes=1_000), patience_s=60)

    async def main() -> None:
        client, server = await bench.pair()
        bench.net.stall(bench.b)
        with trio.move_on_after(3600) as patience:
            await client.send_all(MESSAGE * 10)
        assert patience.cancelled_caught
        await server.send_all(b"I can still talk")
        assert await hear(client, 16) == b"I can still talk"
        bench.net.unstall(bench.b)
        assert await hear(server, 1_000) == (MESSAGE * 10)[:1_000]
        await chat(bench, 1)

    bench.run(main)


def test_a_reset_gets_through_to_a_stalled_machine() -> None:
    """It needs no room."""
    bench = Bench()

    async def main() -> None:
        client, server = await bench.pair()
        bench.net.stall(bench.b)
        await client.send_all(b"never read")
        await server.send_all(b"never read either")
        await trio.sleep(1)
        await client.aclose()
        with pytest.raises(trio.BrokenResourceError) as info:
            await server.receive_some()
        assert broken_by(info) == errno.ECONNRESET

    bench.run(main)


# --- partitions -------------------------------------------------------------------------


def test_a_partition_holds_what_is_sent_until_it_heals() -> None:
    """Nobody is told; after it the bytes come with the next retransmission, in order."""
    bench = Bench()

    async def main() -> None:
        client, server = await bench.pair()
        await client.send_all(b"in flight, ")
        bench.net.partition("a", "b")
        await client.send_all(b"and later, ")
        with trio.move_on_after(10) as patience:
            await server.receive_some()
        assert patience.cancelled_caught
        bench.net.heal()
        await client.send_all(b"and after")
        assert await hear(server, 31) == b"in flight, and later, and after"
        # Tries at 0.2, 0.6, 1.4, 3, 6.2 and 12.6 seconds after the loss.
        assert bench.now_s == pytest.approx(12.6, abs=0.1)

    bench.run(main)


def test_others_are_not_concerned_by_a_partition() -> None:
    """It is between these and those."""
    bench = Bench()

    async def main() -> None:
        bench.net.partition(["a", "b"], bench.c)
        await chat(bench, 1)
        with pytest.raises(TimeoutError):
            await bench.net.factory("a").socket().connect(("10.0.0.3", 7000))

    bench.run(main)


def test_what_is_sent_one_way_arrives_and_its_sender_never_learns() -> None:
    """The bytes come; the answers don't, until the sender gives up."""
    bench = Bench(patience_s=60)

    async def main() -> None:
        client, server = await bench.pair()
        bench.net.partition("b", "a", one_way=True)
        await client.send_all(b"hello")
        assert await hear(server, 5) == b"hello"
        await server.send_all(b"lost")
        with pytest.raises(trio.BrokenResourceError) as info:
            await client.receive_some()
        assert broken_by(info) == errno.ETIMEDOUT
        assert bench.now_s == pytest.approx(60, abs=1)

    bench.run(main)


def test_a_sender_whose_answers_come_again_does_not_give_up() -> None:
    """One way is cut, and healed in time."""
    bench = Bench(patience_s=60)

    async def main() -> None:
        client, server = await bench.pair()
        bench.net.partition("b", "a", one_way=True)
        await client.send_all(b"hello")
        await trio.sleep(30)
        bench.net.heal("a", "b")
        await trio.sleep(600)
        await server.send_all(b"still there")
        assert await hear(client, 11) == b"still there"

    bench.run(main)


def test_a_connection_made_during_a_partition_is_made_after_it() -> None:
    """The first segment is sent again after 1, 3, 7, 15 … seconds."""
    bench = Bench()

    async def main() -> None:
        await bench.listen(bench.b)
        bench.net.partition("a", "b")
        bench.timeline.after(5, bench.net.heal)
        await bench.net.factory("a").socket().connect(("10.0.0.2", 7000))
        assert bench.now_s == pytest.approx(7.002)

    bench.run(main)


def test_a_long_partition_ends_a_connection_at_both_ends() -> None:
    """With ETIMEDOUT, at whoever has sent something."""
    bench = Bench()

    async def main() -> None:
        client, server = await bench.pair()
        bench.net.partition("a", "b")
        await client.send_all(b"hello")
        with pytest.raises(trio.BrokenResourceError) as info:
            await client.receive_some()
        assert broken_by(info) == errno.ETIMEDOUT
        assert bench.now_s == pytest.approx(900, abs=1)
        bench.net.heal()
        with trio.move_on_after(3600) as patience:
            await server.receive_some()
        assert patience.cancelled_caught, "nobody tells a reader"
        # Its own word is answered by a kernel that has given up.
        await server.send_all(b"hello?")
        with pytest.raises(trio.BrokenResourceError) as info:
            await server.receive_some()
        assert broken_by(info) == errno.ECONNRESET

    bench.run(main)


def test_a_sender_that_waits_for_room_gives_up_when_its_reader_is_cut_off() -> None:
    """Even if all that it has sent was answered: it asks, and hears nothing."""
    link = Link(send_buffer_bytes=1_000, receive_buffer_bytes=1_000)
    bench = Bench(link=link, patience_s=60)

    async def main() -> None:
        client, _ = await bench.pair()
        bench.timeline.after(10, lambda: bench.net.partition("a", "b"))
        with pytest.raises(trio.BrokenResourceError) as info:
            await client.send_all(bytes(10_000))
        assert broken_by(info) == errno.ETIMEDOUT
        assert bench.now_s == pytest.approx(70, abs=1)

    bench.run(main)


def test_a_window_that_opens_during_a_partition_is_heard_of_after_it() -> None:
    """Else the sender would wait for ever."""
    link = Link(send_buffer_bytes=1_000, receive_buffer_bytes=1_000)
    bench = Bench(link=link)

    async def main() -> None:
        client, server = await bench.pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send_all, bytes(5_000))
            await trio.sleep(1)
            bench.net.partition("a", "b")
            await hear(server, 1_000)
            await trio.sleep(5)
            bench.net.heal()
            await hear(server, 4_000)

    bench.run(main)


def test_a_write_into_a_partition_counts_as_unanswered_when_there_is_no_room() -> None:
    """The window was used up before the cut, so that nothing of it even leaves."""
    link = Link(send_buffer_bytes=2_000, receive_buffer_bytes=1_000)
    bench = Bench(link=link, patience_s=60)

    async def main() -> None:
        client, _ = await bench.pair()
        await client.send_all(bytes(1_000))
        await trio.sleep(10)
        bench.net.partition("a", "b")
        await client.send_all(bytes(500))
        with pytest.raises(trio.BrokenResourceError) as info:
            await client.receive_some()
        assert broken_by(info) == errno.ETIMEDOUT

    bench.run(main)


def test_patience_begins_anew_after_every_partition() -> None:
    """What was answered in time is forgotten."""
    bench = Bench(patience_s=60)

    async def main() -> None:
        client, server = await bench.pair()
        bench.net.partition("a", "b")
        await client.send_all(b"hello")
        await trio.sleep(2)
        bench.net.heal()
        assert await hear(server, 5) == b"hello"
        await trio.sleep(50 - bench.now_s)
        bench.net.partition("a", "b")
        await client.send_all(b"hello")
        with pytest.raises(trio.BrokenResourceError):
            await client.receive_some()
        assert bench.now_s == pytest.approx(110, abs=0.1)

    bench.run(main)


def test_a_machine_that_stalls_after_a_partition_is_waited_for() -> None:
    """It answers again, if only that there is no room."""
    bench = Bench(patience_s=60)

    async def main() -> None:
        client, server = await bench.pair()
        bench.net.partition("a", "b")
        await client.send_all(b"hello")
        bench.net.stall("b")
        await trio.sleep(10)
        bench.net.heal()
        await trio.sleep(600)
        bench.net.unstall("b")
        assert await hear(server, 5) == b"hello"

    bench.run(main)


def test_what_is_lost_before_a_gap_makes_the_rest_useless() -> None:
    """One of two segments of a dead machine met a partition: the other isn't heard."""
    bench = Bench(link=Link(latency_s=10))

    async def main() -> None:
        client, server = await bench.pair()
        began_s = bench.now_s
        await client.send_all(b"one")
        await trio.sleep(1)
        await client.send_all(b"two")
        bench.net.partition("a", "b")
        bench.net.power_off("a")
        await trio.sleep(began_s + 10.5 - bench.now_s)
        bench.net.heal()
        with trio.move_on_after(3600) as patience:
            await server.receive_some()
        assert patience.cancelled_caught

    bench.run(main)


def test_a_reset_does_not_arrive_with_what_it_has_overtaken() -> None:
    """It takes its latency, as everything does."""
    bench = Bench(link=Link(latency_s=1))

    async def main() -> None:
        client, server = await bench.pair()
        began_s = bench.now_s
        await server.send_all(b"unread")
        bench.net.partition("a", "b", one_way=True)
        await client.send_all(b"held")
        await trio.sleep(1.5)
        await client.send_all(b"in flight")
        bench.net.heal()
        await trio.sleep(0.5)
        await client.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await hear(server, 99)
        assert bench.now_s - began_s == pytest.approx(3)

    bench.run(main)


# --- the life of a machine --------------------------------------------------------------


def test_a_killed_program_is_closed_by_its_kernel() -> None:
    """FIN for who had nothing unread, RST for who had; later callers are refused."""
    bench = Bench()

    async def main() -> None:
        listener = await bench.listen(bench.b)
        quiet = await bench.connect(bench.a, bench.b)
        talker = await bench.connect(bench.c, bench.b)
        for _ in range(2):
            await listener.accept()
        await talker.send_all(b"unread")
        await trio.sleep(1)
        assert bench.net.open_sockets(bench.b) == 3
        bench.net.process_died(bench.b)
        assert bench.net.open_sockets(bench.b) == 0
        assert await quiet.receive_some() == b""
        with pytest.raises(trio.BrokenResourceError) as info:
            await talker.receive_some()
        assert broken_by(info) == errno.ECONNRESET
        with pytest.raises(ConnectionRefusedError):
            await bench.net.factory("a").socket().connect(("10.0.0.2", 7000))

    bench.run(main)


def test_what_a_program_has_sent_before_it_was_killed_arrives() -> None:
    """The kernel lives on."""
    bench = Bench(link=Link(receive_buffer_bytes=1_000))

    async def main() -> None:
        client, server = await bench.pair()
        await server.send_all(MESSAGE * 4)
        bench.net.process_died("b")
        assert await hear(client, 99_999) == MESSAGE * 4

    bench.run(main)


def test_a_machine_without_power_says_nothing() -> None:
    """A reader waits for ever; a writer times out; what it had sent before arrives."""
    bench = Bench(patience_s=60)

    async def main() -> None:
        client, server = await bench.pair()
        reader, _ = await bench.pair()
        await server.send_all(b"last words")
        bench.net.power_off("b")
        assert bench.net.open_sockets("b") == 0
        assert await hear(client, 10) == b"last words"
        with trio.move_on_after(7 * 24 * 3600) as patience:
            await reader.receive_some()
        assert patience.cancelled_caught
        await client.send_all(b"hello?")
        with pytest.raises(trio.BrokenResourceError) as info:
            await client.receive_some()
        assert broken_by(info) == errno.ETIMEDOUT

    bench.run(main)


def test_a_machine_that_was_rebooted_answers_with_a_reset() -> None:
    """What was held for it, and what is sent later; who only reads still waits."""
    bench = Bench()

    async def main() -> None:
        early, _ = await bench.pair()
        late, _ = await bench.pair()
        bench.net.power_off("b")
        await early.send_all(b"hello?")
        await trio.sleep(5)
        bench.net.power_on("b")
        with pytest.raises(trio.BrokenResourceError) as info:
            await early.receive_some()
        assert broken_by(info) == errno.ECONNRESET
        with trio.move_on_after(3600) as patience:
            await late.receive_some()
        assert patience.cancelled_caught
        await late.send_all(b"hello?")
        with pytest.raises(trio.BrokenResourceError) as info:
            await late.receive_some()
        assert broken_by(info) == errno.ECONNRESET
        await chat(bench, 1)

    bench.run(main)


def test_a_rebooted_machine_has_its_ports_back() -> None:
    """Nothing rests there from before."""
    bench = Bench()

    async def main() -> None:
        listener = await bench.listen(bench.b)
        await bench.connect(bench.a, bench.b)
        past = await bench.connect(bench.a, bench.b)
        for _ in range(2):
            accepted = await listener.accept()
        await accepted.aclose()
        await past.aclose()
        await listener.aclose()
        await trio.sleep(1)
        with pytest.raises(OSError, match="in use"):
            await bench.net.factory("b").socket().bind(("10.0.0.2", 7000))
        bench.net.power_off("b")
        bench.net.power_on("b")
        await bench.net.factory("b").socket().bind(("10.0.0.2", 7000))

    bench.run(main)


def test_a_port_rests_for_a_minute() -> None:
    """For who closed a connection first, unless both say that they share."""
    bench = Bench()

    async def main() -> None:
        client, server = await bench.pair()
        address = server.socket.getsockname()
        await server.aclose()
        await client.aclose()
        await trio.sleep(1)
        with pytest.raises(OSError, match="in use"):
            await bench.net.factory("b").socket().bind(address)
        await trio.sleep(60)
        await bench.net.factory("b").socket().bind(address)

    bench.run(main)


def test_a_machine_takes_what_has_not_left_it_into_its_death() -> None:
    """On a slow link most of it is still there when the power goes."""
    bench = Bench(link=Link(bandwidth_bytes_per_s=1_000, segment_bytes=100))

    async def main() -> None:
        client, server = await bench.pair()
        await server.send_all(bytes(10_000))
        await trio.sleep(2)
        bench.net.power_off("b")
        heard = 0
        with trio.move_on_after(60):
            while True:
                heard += len(await client.receive_some())
        assert 1_000 < heard < 2_000

    bench.run(main)


def test_a_sender_that_waits_for_room_gives_up_when_its_reader_has_no_power() -> None:
    """It asks for room, and nobody answers."""
    link = Link(send_buffer_bytes=1_000, receive_buffer_bytes=1_000)
    bench = Bench(link=link, patience_s=60)

    async def main() -> None:
        client, _ = await bench.pair()
        bench.timeline.after(10, lambda: bench.net.power_off("b"))
        with pytest.raises(trio.BrokenResourceError) as info:
            await client.send_all(bytes(10_000))
        assert broken_by(info) == errno.ETIMEDOUT

    bench.run(main)


def test_who_was_never_answered_is_reset_after_a_reboot() -> None:
    """The bytes had come, but the answer was lost: the kernel sends them again."""
    bench = Bench()

    async def main() -> None:
        client, _ = await bench.pair()
        bench.net.partition("b", "a", one_way=True)
        await client.send_all(b"hello")
        await trio.sleep(1)
        bench.net.power_off("b")
        bench.net.heal()
        await trio.sleep(1)
        bench.net.power_on("b")
        with pytest.raises(trio.BrokenResourceError) as info:
            await client.receive_some()
        assert broken_by(info) == errno.ECONNRESET

    bench.run(main)


def test_a_rebooted_server_knows_nothing_of_a_handshake_from_before() -> None:
    """The last step of it draws a reset, though somebody listens there again."""
    bench = Bench(link=Link(latency_s=1))

    async def main() -> None:
        await bench.listen(bench.b)
        async with trio.open_nursery() as nursery:

            async def reboot() -> None:
                await trio.sleep(1.5)
                bench.net.power_off("b")
                bench.net.power_on("b")
                await bench.listen(bench.b)

            nursery.start_soon(reboot)
            stream = await bench.connect(bench.a, bench.b)
        with pytest.raises(trio.BrokenResourceError) as info:
            await stream.receive_some()
        assert broken_by(info) == errno.ECONNRESET

    bench.run(main)


def test_a_program_killed_before_it_knows_that_it_is_connected_is_closed_too() -> None:
    """It was paused all the time; its kernel was not."""

    class Paused(Machine):
        """Whose program gets no turn."""

        def wake(self, lot: trio.lowlevel.ParkingLot) -> None:
            """Not now."""

    bench = Bench()
    paused = Paused("paused", "10.0.0.9")
    bench.net.attach(paused)

    async def main() -> None:
        listener = await bench.listen(bench.b)
        async with trio.open_nursery() as nursery:
            socket = bench.net.factory(paused).socket()
            nursery.start_soon(socket.connect, ("10.0.0.2", 7000))
            accepted = await listener.accept()
            bench.net.process_died(paused)
            assert await accepted.receive_some() == b""
            nursery.cancel_scope.cancel()

    bench.run(main)


def test_a_program_that_dies_while_someone_connects_refuses_or_resets() -> None:
    """At every instant of the handshake, and nobody waits for ever."""
    outcomes = set()
    for step in range(30):
        bench = Bench(link=Link(latency_s=0.01))

        async def main(bench: Bench = bench, step: int = step) -> str:
            await bench.listen(bench.b)
            bench.timeline.after(step / 1000, lambda: bench.net.process_died("b"))
            socket = bench.net.factory("a").socket()
            with trio.fail_after(60):
                try:
                    await socket.connect(("10.0.0.2", 7000))
                    assert await socket.recv(1) == b""
                except OSError as exc:
                    return errno.errorcode[exc.errno or 0]
                return "closed"

        outcomes.add(bench.run(main))
    assert outcomes == {"ECONNREFUSED", "ECONNRESET"}


# --- resets -----------------------------------------------------------------------------


def test_a_reset_is_seen_at_both_ends() -> None:
    """By who reads, by who writes, and by nobody else."""
    bench = Bench()

    async def main() -> None:
        client, server = await bench.pair()
        listener = await bench.listen(bench.c)
        other = await bench.connect(bench.a, bench.c)
        await listener.accept()
        assert bench.net.reset("b", ["a", "c"]) == 1
        for end in (client, server):
            with pytest.raises(trio.BrokenResourceError) as info:
                await end.receive_some()
            assert broken_by(info) == errno.ECONNRESET
        await other.send_all(b"fine here")

    bench.run(main)


@pytest.mark.parametrize("n_bytes", [1, 5, 6, 7, 2048])
def test_a_connection_is_cut_after_exactly_so_many_bytes(n_bytes: int) -> None:
    """They are delivered, and not one more."""
    bench = Bench()

    async def main() -> None:
        client, server = await bench.pair()
        bench.net.cut_after("b", n_bytes)
        await client.send_all(MESSAGE[:6])
        await client.send_all(MESSAGE[6:])
        assert await hear(server, n_bytes) == MESSAGE[:n_bytes]
        with pytest.raises(trio.BrokenResourceError):
            await server.receive_some()
        with pytest.raises(trio.BrokenResourceError):
            await client.receive_some()

    bench.run(main)


def test_a_conversation_can_be_cut_after_every_one_of_its_segments() -> None:
    """A first run says how many there are; each cut ends it at another place."""
    golden = Bench()
    golden.run(lambda: chat(golden, 5))
    assert golden.net.segments == 10
    ends = []
    for number in range(1, golden.net.segments + 1):
        bench = Bench()
        bench.net.cut_after("a", segments=number)
        with contextlib.suppress(trio.BrokenResourceError):
            bench.run(partial(chat, bench, 5))
        ends.append(bench.net.segments)
    assert ends == list(range(1, golden.net.segments + 1))


def test_anything_can_happen_after_a_segment() -> None:
    """The power goes with the third one that c has to do with."""
    bench = Bench()
    called: list[float] = []

    async def main() -> None:
        listener = await bench.listen(bench.c)
        stream = await bench.connect(bench.a, bench.c)
        bench.net.after_segments(3, lambda: called.append(bench.now_s), host="c")
        bench.net.after_bytes(15, lambda: bench.net.power_off("c"))
        accepted = await listener.accept()
        for _ in range(5):
            await stream.send_all(b"hello")
            await trio.sleep(1)
        assert called == [pytest.approx(2.004)]
        with pytest.raises(trio.ClosedResourceError):
            await accepted.receive_some()

    bench.run(main)


def test_what_happens_after_nothing_is_a_mistake() -> None:
    """With a sentence."""
    bench = Bench()
    with pytest.raises(ValueError, match="at least one"):
        bench.net.cut_after("a")
    with pytest.raises(ValueError, match="at least one"):
        bench.net.cut_after("a", 0)
    with pytest.raises(ValueError, match="nobody"):
        bench.net.stall("nobody")
    with pytest.raises(ValueError, match="there already"):
        bench.net.attach(Machine("other", "10.0.0.1"))


# --- the trace --------------------------------------------------------------------------


async def echo(stream: trio.SocketStream) -> None:
    """Send back whatever comes, as long as it works."""
    with contextlib.suppress(trio.BrokenResourceError):
        async for data in stream:
            await stream.send_all(data)


async def pester(bench: Bench, machine: Machine) -> None:
    """Talk to b for half a minute, in new connections all the time."""
    while bench.now_s < 30:
        with bench.net.factory(machine).socket() as socket, trio.move_on_after(3):
            try:
                await socket.connect(("10.0.0.2", 7000))
                for _ in range(10):
                    await trio.SocketStream(socket).send_all(MESSAGE)
                    await hear(trio.SocketStream(socket), len(MESSAGE))
            except (OSError, trio.BrokenResourceError):
                await trio.sleep(0.1)


async def serve(bench: Bench, task_status: trio.TaskStatus[None]) -> None:
    """Answer at b until its power goes, and again when it is back."""
    while True:
        with contextlib.suppress(BaseExceptionGroup):
            listener = await bench.listen(bench.b)
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            await trio.serve_listeners(echo, [listener])
        await trio.sleep(0.5)


def storm(seed: int) -> list[str]:
    """All faults there are within half a minute; the trace."""
    bench = Bench(link=FRAGILE, tick_s=0.001, seed=seed, traced=True)
    net = bench.net
    net.set_link("c", "b", Link(bandwidth_bytes_per_s=50_000))
    plan: list[tuple[float, Callable[[], object]]] = [
        (3, lambda: net.partition("a", "b", one_way=True)),
        (5, net.heal),
        (8, lambda: net.reset(["a", "c"], "b")),
        (9, lambda: net.stall("c")),
        (12, lambda: net.unstall("c")),
        (14, lambda: net.cut_after("b", segments=3)),
        (15, lambda: net.cut_after("c", 1000)),
        (16, lambda: net.limit_sockets("b", 2)),
        (18, lambda: net.limit_sockets("b", None)),
        (20, lambda: net.power_off("b")),
        (23, lambda: net.power_on("b")),
    ]
    for when_s, fault in plan:
        bench.timeline.after(when_s, fault)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(serve, bench)
            async with trio.open_nursery() as talkers:
                for machine in [bench.a, bench.c] * 3:
                    talkers.start_soon(pester, bench, machine)
            nursery.cancel_scope.cancel()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trio._highlevel_serve_listeners.LOGGER.error", lambda *_, **__: None)
        bench.run(main)
    assert all(net.open_sockets(name) == 0 for name in "ac")
    return bench.lines


def test_the_same_seed_gives_the_same_trace() -> None:
    """To the byte, through all faults; another seed gives another one."""
    first = storm(1)
    assert first == storm(1)
    assert first != storm(2)
    events = {json.loads(line)["event"] for line in first}
    assert events >= {
        *("listen", "connect", "connected", "connect_failed", "accept", "segment", "fin"),
        *("reset", "held", "cut", "heal", "reset_all", "stall", "unstall"),
        *("cut_connection", "limit_sockets", "power_off", "power_on"),
    }


def test_a_trace_holds_lengths_and_never_bytes() -> None:
    """What is said stays between those who say it."""
    bench = Bench(traced=True)

    async def main() -> None:
        client, server = await bench.pair()
        await client.send_all(b"secret")
        await server.receive_some()

    bench.run(main)
    (segment,) = [line for line in bench.lines if '"segment"' in line]
    assert json.loads(segment) == {
        "t": 4_000_000,
        "node": "b",
        "event": "segment",
        "connection": 3,
        "local": "10.0.0.2:32768",
        "remote": "10.0.0.1:32768",
        "octets": 6,
    }


def test_a_small_send_is_one_event_of_the_timeline() -> None:
    """Answers cost none: that is what makes it fast."""
    bench = Bench()

    async def main() -> None:
        client, server = await bench.pair()
        entered = 0
        at = bench.timeline.at

        def counted(when_ns: int, call: Callable[[], object]) -> Timer:
            nonlocal entered
            entered += 1
            return at(when_ns, call)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bench.timeline, "at", counted)
            for _ in range(1000):
                await client.send_all(b"hello")
                await server.receive_some()
        assert entered == 1000

    bench.run(main)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 1000),
    link=st.builds(
        Link,
        latency_s=st.sampled_from([0.0, 0.001, 0.3]),
        jitter_s=st.sampled_from([0.0, 0.05]),
        bandwidth_bytes_per_s=st.sampled_from([None, 5_000]),
        fragment=st.sampled_from([0.0, 0.5, 1.0]),
        segment_bytes=st.sampled_from([1, 100, 16384]),
        send_buffer_bytes=st.integers(1, 3000),
        receive_buffer_bytes=st.integers(1, 3000),
    ),
    tick_s=st.sampled_from([0.0, 0.01]),
    sends=st.lists(st.integers(1, 2000), max_size=6),
    reads=st.integers(1, 3000),
    faults=st.lists(
        st.tuples(st.floats(0, 5), st.sampled_from(["there", "back", "both", "stall"])),
        max_size=3,
    ),
)
def test_whatever_lies_between_the_bytes_arrive_in_order(
    seed: int,
    link: Link,
    tick_s: float,
    sends: list[int],
    reads: int,
    faults: list[tuple[float, str]],
) -> None:
    """All of them, once, and then the end: however long it takes."""
    bench = Bench(link=link, tick_s=tick_s, seed=seed, patience_s=10_000)
    net = bench.net
    begin: dict[str, Callable[[], object]] = {
        "there": lambda: net.partition("a", "b", one_way=True),
        "back": lambda: net.partition("b", "a", one_way=True),
        "both": lambda: net.partition("a", "b"),
        "stall": lambda: net.stall("b"),
    }
    data = bytes(number % 251 for number in range(sum(sends)))

    async def send(stream: trio.SocketStream) -> None:
        start = 0
        for size in sends:
            await stream.send_all(data[start : start + size])
            start += size
        await stream.aclose()

    async def main() -> None:
        client, server = await bench.pair()
        for after_s, what in faults:
            bench.timeline.after(after_s, begin[what])
            bench.timeline.after(after_s + 2, net.heal)
            bench.timeline.after(after_s + 2, lambda: net.unstall("b"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, client)
            heard = bytearray()
            with trio.fail_after(9_000):
                while piece := await server.receive_some(reads):
                    heard += piece
        assert bytes(heard) == data
        await server.aclose()

    bench.run(main)
    assert net.open_sockets("a") == net.open_sockets("b") == 0


FAULTS: dict[str, Callable[[Network], object]] = {
    "cut": lambda net: net.partition("a", "b"),
    "cut_there": lambda net: net.partition("a", "b", one_way=True),
    "cut_back": lambda net: net.partition("b", "a", one_way=True),
    "heal": lambda net: net.heal(),
    "stall": lambda net: net.stall("b"),
    "unstall": lambda net: net.unstall("b"),
    "reset": lambda net: net.reset("a", "b"),
    "cut_bytes": lambda net: net.cut_after("b", 700),
    "cut_segments": lambda net: net.cut_after("a", segments=3),
    "kill_reader": lambda net: net.process_died("b"),
    "kill_writer": lambda net: net.process_died("a"),
    "off_reader": lambda net: net.power_off("b"),
    "off_writer": lambda net: net.power_off("a"),
    "reader_on": lambda net: net.power_on("b"),
    "writer_on": lambda net: net.power_on("a"),
    "faster": lambda net: net.set_link("a", "b", Link(latency_s=0)),
    "slower": lambda net: net.set_link("a", "b", Link(bandwidth_bytes_per_s=999)),
}


@settings(max_examples=100)
@given(
    seed=st.integers(0, 1000),
    sends=st.lists(st.integers(1, 3000), min_size=1, max_size=8),
    reads=st.integers(1, 3000),
    faults=st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from(sorted(FAULTS))), max_size=8
    ),
)
def test_whatever_breaks_what_is_heard_is_how_it_began(
    seed: int, sends: list[int], reads: int, faults: list[tuple[int, str]]
) -> None:
    """Never a byte too many, nor one that is missing in the middle; an end that was meant
    to be one comes after all bytes."""
    link = Link(latency_s=0.005, jitter_s=0.01, fragment=0.3, receive_buffer_bytes=1500)
    bench = Bench(link=link, seed=seed, patience_s=30)
    data = bytes(number % 251 for number in range(sum(sends)))
    heard = bytearray()
    ends: list[str] = []

    async def send(stream: trio.SocketStream) -> None:
        start = 0
        try:
            for size in sends:
                await stream.send_all(data[start : start + size])
                start += size
                await trio.sleep(0.02)
            await stream.send_eof()
            ends.append("said")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            ends.append("broken")

    async def main() -> None:
        client, server = await bench.pair()
        for hundredths, what in faults:
            bench.timeline.after(hundredths / 100, partial(FAULTS[what], bench.net))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, client)
            with (
                trio.move_on_after(5000),
                contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError),
            ):
                while piece := await server.receive_some(reads):
                    heard.extend(piece)
                ends.append("heard")
            await trio.sleep(5000)
            nursery.cancel_scope.cancel()

    bench.run(main)
    assert data.startswith(heard)
    if ends == ["said", "heard"]:
        assert heard == data
    if not faults:
        assert ends == ["said", "heard"]
