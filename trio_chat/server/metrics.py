"""The page of figures that Prometheus reads: one answer to a connection, and all bounded.

Only a server that is asked for the page imports this.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import h11
import structlog
import trio
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from trio_chat.server.figures import FIGURES, Figure, Figures, Histogram
from trio_chat.server.listen import address_of_peer

PATH: Final = "/metrics"
CONNECTIONS_MAX: Final = 16
"""Policy for one more: it is closed, without an answer."""
HEADER_BYTES_MAX: Final = 8 * 1024
EXCHANGE_S: Final = 10.0
"""For the request, the answer, and the other end's closing, all together."""

_LINGER_BYTES_MAX: Final = 64 * 1024


async def serve_metrics(
    listeners: Sequence[trio.abc.Listener[Any]],
    look: Callable[[], Figures],
    log: structlog.typing.FilteringBoundLogger,
) -> None:
    """Answer GET /metrics for ever, with the figures of that moment.

    Cancel: closes every connection, and the listeners, at once.
    """
    connections: dict[trio.abc.Stream, None] = {}

    async def handle(stream: trio.abc.HalfCloseableStream) -> None:
        if len(connections) >= CONNECTIONS_MAX:
            await trio.aclose_forcefully(stream)
            return
        connections[stream] = None
        try:
            await _answer_one(stream, partial(page, look))
        except Exception:
            # Whatever is wrong with the page must not end the chat.
            log.exception("bug", address=address_of_peer(stream))
        finally:
            del connections[stream]
            await trio.aclose_forcefully(stream)

    await trio.serve_listeners(handle, list(listeners))


def page(look: Callable[[], Figures]) -> bytes:
    """The figures as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(_Reading(look))
    return generate_latest(registry)


class _Reading(Collector):
    def __init__(self, look: Callable[[], Figures]) -> None:
        self._look = look

    def collect(self) -> Iterable[Metric]:
        figures = self._look()
        for figure in FIGURES:
            yield _family(figure, getattr(figures, figure.name))


def _family(figure: Figure, value: Any) -> Metric:
    words = figure.help[0].upper() + figure.help[1:] + "."
    if isinstance(value, Histogram):
        return HistogramMetricFamily(
            figure.metric, words, buckets=value.at_most(), sum_value=value.total
        )
    if figure.type == "gauge":
        return GaugeMetricFamily(figure.metric, words, value=value)
    if not figure.label:
        return CounterMetricFamily(figure.metric, words, value=value)
    family = CounterMetricFamily(figure.metric, words, labels=[figure.label])
    for key, count in value.items():
        family.add_metric([key], count)
    return family


# --- HTTP ----------------------------------------------------------------------------


async def _answer_one(
    stream: trio.abc.HalfCloseableStream, body: Callable[[], bytes]
) -> None:
    with trio.move_on_after(EXCHANGE_S), suppress(trio.BrokenResourceError):
        said = await _answered(stream, body)
        if not said:
            return
        await stream.send_all(said)
        # Closing while its bytes are unread would destroy the answer on its way.
        await stream.send_eof()
        heard_bytes = 0
        while heard_bytes < _LINGER_BYTES_MAX and (data := await stream.receive_some()):
            heard_bytes += len(data)


async def _answered(stream: trio.abc.ReceiveStream, body: Callable[[], bytes]) -> bytes:
    """The bytes of the answer to the one request; none if nothing was asked."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES_MAX)
    try:
        request = await _request(connection, stream)
    except h11.RemoteProtocolError as error:
        status = HTTPStatus(error.error_status_hint)
        return _encoded(connection, _Answer(status, f"{status.phrase}\n".encode()))
    if request is None:
        return b""
    return _encoded(connection, _answer(request, body), head=request.method == b"HEAD")


async def _request(
    connection: h11.Connection, stream: trio.abc.ReceiveStream
) -> h11.Request | None:
    """The one request; None if the other end has closed before it had asked anything."""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(HEADER_BYTES_MAX)))
        else:
            return event if isinstance(event, h11.Request) else None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/plain"),)


def _answer(request: h11.Request, body: Callable[[], bytes]) -> _Answer:
    if request.target.partition(b"?")[0] != PATH.encode():
        said = f"There is {PATH} here, and nothing else.\n"
        return _Answer(HTTPStatus.NOT_FOUND, said.encode())
    if request.method not in (b"GET", b"HEAD"):
        status = HTTPStatus.METHOD_NOT_ALLOWED
        return _Answer(status, b"It can only be read.\n", (("Allow", "GET, HEAD"),))
    return _Answer(HTTPStatus.OK, body(), (("Content-Type", CONTENT_TYPE_LATEST),))


def _encoded(connection: h11.Connection, answer: _Answer, *, head: bool = False) -> bytes:
    """A whole answer, after which the connection is closed; `head`: but for its body."""
    length = ("Content-Length", str(len(answer.body)))
    response = h11.Response(
        status_code=answer.status,
        reason=answer.status.phrase.encode(),
        headers=[*answer.headers, length, ("Connection", "close")],
    )
    data = h11.Data(data=b"" if head else answer.body)
    return b"".join(
        connection.send(event) or b"" for event in (response, data, h11.EndOfMessage())
    )
