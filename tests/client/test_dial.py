"""The network that a client has if nobody gives it another one."""

import random

import trio

from tests.client.fake_server import FakePeer, event
from trio_chat import open_client
from trio_chat.client.events import Status
from trio_chat.protocol import messages
from trio_chat.protocol.messages import Say


async def test_a_line_goes_over_a_real_socket() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    async with listener, open_client(f"127.0.0.1:{port}", nick="ada") as client:
        peer = FakePeer(await listener.accept())
        async with trio.open_nursery() as nursery:
            await peer.take_in()
            nursery.start_soon(client.say, "lobby", "hello")
            said = await peer.hear(Say)
            await peer.say(messages.Accepted(room="lobby", n=said.n, seq=1))
        await peer.hang_up()


async def test_where_nobody_listens_the_sentence_says_so() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    async with open_client(f"127.0.0.1:{port}", nick="ada", rng=random.Random(1)) as client:
        connecting = await event(client, Status)
        offline = await event(client, Status)
    assert connecting.reason == f"connecting to 127.0.0.1:{port}"
    refused = f"connection refused by 127.0.0.1:{port}; trying again in 0.3 s"
    assert offline.reason == refused
