"""The page for Prometheus: it can be parsed, and no visitor can do any harm."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import h11
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock, lockstep_stream_pair, memory_stream_pair

from tests.server.harness import Json, MemoryListener, StreamPair, open_world, recording
from trio_chat.server import metrics
from trio_chat.server.figures import FIGURES, Figures
from trio_chat.server.metrics import (
    CONNECTIONS_MAX,
    EXCHANGE_S,
    HEADER_BYTES_MAX,
    page,
    serve_metrics,
)

GET = b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"


class Site:
    """A page that is served."""

    def __init__(self, listener: MemoryListener, figures: Figures, log: list[Json]) -> None:
        self.figures = figures
        self.log = log
        self.listener = listener

    def dial(self, pair: StreamPair = memory_stream_pair) -> Any:
        return self.listener.dial(pair)

    async def ask(self, request: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
        """The answer to these bytes, and its body; the connection is over after it."""
        stream = self.dial()
        await stream.send_all(request)
        return await heard(stream, method)


async def heard(stream: Any, method: str = "GET") -> tuple[h11.Response, bytes]:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    response, body = None, b""
    with trio.fail_after(5):
        while (event := client.next_event()) is not h11.PAUSED:
            if event is h11.NEED_DATA:
                client.receive_data(bytes(await stream.receive_some()))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                break
        assert await stream.receive_some() == b""
    assert isinstance(response, h11.Response)
    assert dict(response.headers)[b"connection"] == b"close"
    return response, body


@asynccontextmanager
async def open_site() -> AsyncIterator[Site]:
    listener, figures, log = MemoryListener(), Figures(), list[Json]()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_metrics, [listener], lambda: figures, recording(log))
        yield Site(listener, figures, log)
        nursery.cancel_scope.cancel()


# --- the page ------------------------------------------------------------------------


def test_the_page_has_every_figure_with_its_type_and_words() -> None:
    figures = Figures(links=7)
    figures.reconnects["recovered"] = 3
    for took_s in (0.000_1, 0.002, 99):
        figures.commit_s.add(took_s)
    families = {
        family.name: family
        for family in text_string_to_metric_families(page(lambda: figures).decode())
    }
    for figure in FIGURES:
        family = families.pop(figure.metric.removesuffix("_total"))
        assert family.type == figure.type
        assert family.documentation.casefold() == f"{figure.help}.".casefold()
        if figure.name == "links":
            (sample,) = family.samples
            assert (sample.name, sample.value) == ("trio_chat_links_total", 7)
        if figure.name == "reconnects":
            by_kind = {each.labels["kind"]: each.value for each in family.samples}
            assert by_kind.pop("recovered") == 3
            assert set(by_kind.values()) == {0}
        if figure.name == "commit_s":
            values = {
                each.labels.get("le", each.name): each.value for each in family.samples
            }
            assert values["0.00025"] == 1
            assert values["10"] == 2
            assert values["+Inf"] == values["trio_chat_commit_seconds_count"] == 3
            assert math.isclose(values["trio_chat_commit_seconds_sum"], 99.0021)
    assert families == {}


async def test_the_page_shows_a_running_servers_figures(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ada = await world.person("ada")
        await ada.say("hi")
        await ada.texts(1)
        lines = page(world.running.look).decode().splitlines()
        assert "trio_chat_peers 1.0" in lines
        assert "trio_chat_entries_total 1.0" in lines
        assert "ada" not in " ".join(lines)
        assert "lobby" not in " ".join(lines)


# --- HTTP ----------------------------------------------------------------------------


async def test_get_and_head_are_answered(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        response, body = await site.ask(GET)
        assert response.status_code == 200
        assert dict(response.headers)[b"content-type"].startswith(b"text/plain; version=")
        assert b"# TYPE trio_chat_links_total counter\ntrio_chat_links_total 0.0\n" in body
        response, body = await site.ask(GET.replace(b"GET", b"HEAD"), "HEAD")
        assert (response.status_code, body) == (200, b"")
        assert int(dict(response.headers)[b"content-length"]) > 1_000
        response, _ = await site.ask(GET.replace(b"metrics", b"metrics?name=x"))
        assert response.status_code == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nx=1", 405),
        (b"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metrics\r\n\r\n", 400),
        (b"rubbish\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b'{"t":"hello","v":1,"nick":"lost"}\n\n', 400),
        (GET[:-2] + b"X: " + b"x" * 2 * HEADER_BYTES_MAX + b"\r\n\r\n", 431),
        (GET[:-2] + b"X: y\r\n" * HEADER_BYTES_MAX, 431),
        (b"G" * (HEADER_BYTES_MAX + 1), 431),
        (GET[:-2] + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 200),
        (GET * 100, 200),
    ],
)
async def test_anything_else_has_one_answer_and_is_closed(
    autojump_clock: MockClock, request_: bytes, status: int
) -> None:
    async with open_site() as site:
        response, _ = await site.ask(request_)
        assert response.status_code == status
        assert site.log == []


async def test_who_asks_slowly_or_never_is_closed_in_time(
    autojump_clock: MockClock,
) -> None:
    async with open_site() as site:
        begun_s = trio.current_time()
        silent, slow = site.dial(), site.dial()
        for byte in GET[: int(EXCHANGE_S)]:
            await slow.send_all(bytes([byte]))
            await trio.sleep(0.9)
        assert await slow.receive_some() == await silent.receive_some() == b""
        assert trio.current_time() - begun_s == pytest.approx(EXCHANGE_S)


async def test_who_does_not_read_the_answer_is_closed_in_time(
    autojump_clock: MockClock,
) -> None:
    async with open_site() as site:
        deaf = site.dial(lockstep_stream_pair)
        await deaf.send_all(GET)
        await trio.sleep(EXCHANGE_S + 1)
        with pytest.raises(trio.BrokenResourceError):
            await deaf.send_all(b"x")


async def test_who_goes_away_is_forgotten(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        for said in (b"", b"GET /met", GET):
            stream = site.dial()
            if said:
                await stream.send_all(said)
            await stream.aclose()
        assert (await site.ask(GET))[0].status_code == 200
        assert site.log == []


async def test_so_many_at_once_and_no_more(autojump_clock: MockClock) -> None:
    """And once one of them is gone, there is place again."""
    async with open_site() as site:
        idle = [site.dial() for _ in range(CONNECTIONS_MAX)]
        await trio.sleep(1)
        one_more = site.dial()
        assert await one_more.receive_some() == b""
        await idle[0].aclose()
        await trio.sleep(1)
        assert (await site.ask(GET))[0].status_code == 200


async def test_a_bug_in_the_page_is_told_and_ends_one_connection(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_site() as site:
        with monkeypatch.context() as patch:
            patch.setattr(metrics, "_family", None)
            broken = site.dial()
            await broken.send_all(GET)
            assert await broken.receive_some() == b""
        assert [event["event"] for event in site.log] == ["bug"]
        assert (await site.ask(GET))[0].status_code == 200
