"""What a killed program leaves in its machine's kernel, and the next program there."""

import os

import trio

from simulator.virtual import World, run

LATER_S = 3.0


async def serve_late() -> None:
    """Begins to read when whoever sends has been killed."""

    async def read_later(stream: trio.SocketStream) -> None:
        await trio.sleep(LATER_S)
        while await stream.receive_some():
            pass

    await trio.serve_tcp(read_later, 7000)


async def send_for_ever(host: str) -> None:
    """Blocks in send_all() soon."""
    stream = await trio.open_tcp_stream(host, 7000)
    while True:
        await stream.send_all(b"x" * 100_000)


def test_a_connection_that_outlives_its_program_wakes_nobody_in_the_next_one() -> None:
    """Its kernel goes on sending what it has, while the machine runs another program."""

    async def story(world: World) -> int:
        server, client = world.node("server"), world.node("client")
        server.start(serve_late)
        client.start(send_for_ever, "server")
        await trio.sleep(1)
        client.kill()
        client.start(trio.sleep, 2 * LATER_S)
        await client.ended()
        assert client.result is not None
        client.result.unwrap()
        return world.network.open_sockets(client)

    assert run(story, seed=1).value == 0


def test_no_program_has_a_number_of_its_own() -> None:
    """A module that sees another one takes itself for a forked child, and lets go of what
    is its parent's: of the lock files of a world's other programs, for one."""

    async def number() -> int:
        await trio.lowlevel.checkpoint()
        return os.getpid()

    async def story(world: World) -> object:
        return await world.node("server").run(number)

    assert run(story, seed=1).value == os.getpid()
