"""A server's figures, in worlds: they agree with each other and with what happened."""

import signal

import pytest
import structlog
import trio

from simulator import links, virtual
from simulator.run import run_in_world
from simulator.scenarios import Scenario, cast
from simulator.virtual.seeds import Seed
from simulator.virtual_stage import VirtualStage
from simulator.world import World
from trio_chat.server.figures import Figures
from trio_chat.server.metrics import page, serve_metrics
from trio_chat.signals import TELLING

PATIENCE_S = 120.0
PEOPLE = 5


class Watched:
    """A story whose stage can be looked at afterwards."""

    def __init__(self) -> None:
        self.stage: VirtualStage | None = None

    async def story(self, world: World) -> None:
        """Connections break again and again; the server is asked once, and stopped."""
        assert isinstance(world.stage, VirtualStage)
        self.stage = world.stage
        chance = world.seed.stream("story")
        await world.start_server()
        people = [
            *cast.talkers(world.seed, 3, lines=20, pause_s=0.8),
            *cast.readers(2),
        ]
        nicks = [script.nick for script in people]
        world.connect(nicks, links.any_of(chance, ["calm", "wifi"]))
        world.enter(people)
        await trio.sleep(2)  # who was in no room yet would not come back, but come
        for _ in range(8):
            world.cut(chance.sample(nicks, 3))
            await trio.sleep(chance.uniform(0.1, 3))
        if TELLING:
            self.stage.server.signal(signal.SIGUSR1)
        world.healed(within_s=PATIENCE_S)
        await world.until_settled(within_s=PATIENCE_S)


@pytest.mark.parametrize("seed", range(5))
def test_every_reconnect_is_of_one_kind_and_every_link_has_one_end(seed: int) -> None:
    watched = Watched()
    played = run_in_world(Scenario("cuts", "links that break", watched.story), Seed(seed))
    assert played.passed, played.troubles
    assert watched.stage is not None
    at_end = watched.stage.figures[-1]
    assert at_end["at_end"]

    connected = sum(words.startswith("connected") for words in played.words)
    assert sum(at_end["reconnects"].values()) == connected - PEOPLE >= 10
    assert at_end["reconnects"]["gapped"] == at_end["gaps"] == 0
    assert at_end["reconnects"]["lossless"] + at_end["reconnects"]["recovered"] > 0

    assert at_end["links"] == sum(at_end["links_ended"].values()) >= connected
    log = played.history.log
    assert log is not None
    assert at_end["entries"] == sum(map(len, log.values()))
    assert at_end["commit_s"]["count"] == at_end["commit_drafts"]["count"] > 0
    # The store of these worlds takes its time, by their clocks.
    assert 0 < at_end["commit_s"]["largest"] < 0.02


@pytest.mark.skipif(not TELLING, reason="signals of Unix")
def test_a_server_in_a_world_tells_its_figures_when_it_is_asked() -> None:
    watched = Watched()
    run_in_world(Scenario("cuts", "links that break", watched.story), Seed(1))
    assert watched.stage is not None
    asked, at_end = watched.stage.figures
    assert (asked["at_end"], at_end["at_end"]) == (False, True)
    assert (asked["peers"] > 0, at_end["peers"]) == (True, 0)
    assert 0 < sum(asked["links_ended"].values()) < at_end["links"]
    assert asked["after_s"] < at_end["after_s"]


def test_an_answer_survives_what_was_asked_and_not_read() -> None:
    """Closing at once would reset the connection, and take the answer with it."""

    async def serve() -> None:
        listeners = await trio.open_tcp_listeners(9100)
        await serve_metrics(listeners, Figures, structlog.get_logger())

    async def ask() -> bytes:
        async with await trio.open_tcp_stream("server", 9100) as stream:
            head = b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n"
            await stream.send_all(head + bytes(20_000))
            return b"".join([bytes(part) async for part in stream])

    async def story(world: virtual.World) -> bytes:
        server, client = world.node("server"), world.node("client")
        world.network.set_link(client, server, links.small_buffers(virtual.Link()))
        server.start(serve)
        await trio.sleep(1)
        answer: bytes = await client.run(ask)
        return answer

    for seed in range(5):
        answer = virtual.run(story, seed=seed).value
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(page(Figures))
