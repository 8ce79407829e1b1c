"""What a server tells the person who runs it: sentences on a console, or JSON lines.

Printing happens in a thread of its own behind a bounded queue: a terminal that was
stopped with Ctrl-S must not stop a server.
"""

import io
import logging
import logging.handlers
import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from trio_chat.server.figures import summary, table

LogFormat = Literal["console", "json"]

LINES_WAITING_MAX: Final = 10_000
"""Policy when full: newer lines are skipped, and the next one says how many."""

_STOP_S: Final = 1.0

SENTENCES: Final = {
    "connected": "[+] {nick} connected from {address}",
    "disconnected": "[-] {nick} disconnected ({reason})",
    "gone": "[-] {nick} did not come back ({reason})",
    "joined": "[#] {nick} joined #{room} ({members} here)",
    "left": "[#] {nick} left #{room} ({members} here)",
    "renamed": "[~] {nick} is now {to}",
    "no hello": "[?] {address} ended before its hello ({reason})",
    "bad line": "[?] {address} sent a bad line: {reason} ({code})",
    "store failed": "[!] {reason} ({times} since it was told last); what was said is kept"
    " by its authors, and tried again",
    "log unreadable": "[!] {where} can't be read: {reason} ({times} since it was told"
    " last); `python -m trio_chat verify DATA` says what is whole",
    "store works": "[*] the data file can be used again, after {after_s:.0f} s",
    "session not restored": "[?] {name} in the data file makes no sense; passed over",
    "storing": "[*] storing in {data}",
    "metrics": "[*] figures for Prometheus at {url}",
    "migrated": "[*] {data} was written by an older version: {entries:,} entries were"
    " made over in {took_s:.1f} s",
    "another past": "[*] {reason}: a new epoch begins, and all who were here are told",
    "read further": "[!] somebody had read #{room} up to {cursor}, and it ends at {head}"
    " ({times} since it was told last): was an older copy put back? With --new-epoch all"
    " begin anew",
    "bug": "[!] a bug ended the link with {address}; please report this:",
    "skipped": "[!] {lines} log lines were skipped here",
    "draining": "[*] stopping; saying goodbye to {peers}, for at most {drain_s:g} s",
    "stopped": "[*] stopped",
}
"""How each event reads on a console; one that is not here is shown with its fields."""


def sentence(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """The event as a line for people, with the trace below it where there is one."""
    name = str(event.pop("event"))
    trace = event.pop("exception", "")
    event.pop("level", None)
    if name == "figures":
        return (summary if event["at_end"] else table)(event, event["after_s"])
    template = SENTENCES.get(name)
    if template is None:
        fields = " ".join(f"{key}={value}" for key, value in event.items())
        line = f"[*] {name} {fields}".rstrip()
    else:
        line = template.format_map(event)
    return f"{line}\n{trace}" if trace else line


@contextmanager
def open_console(
    log_format: LogFormat, *, verbose: bool, out: TextIO | None = None
) -> Iterator[FilteringBoundLogger]:
    """A logger whose lines go to `out` (None: standard output) from a thread of its own.

    Shape:  leaving waits at most a second for lines that `out` does not take.
    """
    handler = _Handler(_unlocked_stdout() if out is None else out)
    handler.setFormatter(logging.Formatter("%(message)s"))
    sender = _Sender(queue.Queue(LINES_WAITING_MAX), log_format)
    listener = _Listener(sender.queue, handler)
    logger = logging.Logger("trio_chat", logging.DEBUG)  # noqa: LOG001 (ours alone)
    logger.addHandler(sender)
    listener.start()
    try:
        yield structlog.wrap_logger(
            logger,
            processors=_processors(log_format),
            wrapper_class=structlog.make_filtering_bound_logger(
                logging.DEBUG if verbose else logging.INFO
            ),
        )
    finally:
        # stop() waits for the thread, and the thread may be waiting for a terminal.
        stopper = threading.Thread(target=listener.stop, daemon=True)
        stopper.start()
        stopper.join(_STOP_S)


def _processors(log_format: LogFormat) -> list[structlog.typing.Processor]:
    if log_format == "console":
        return [structlog.processors.format_exc_info, sentence]
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("event"),
        structlog.processors.JSONRenderer(serializer=_json),
    ]


def _json(event: EventDict, **_options: object) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def _unlocked_stdout() -> TextIO:
    """Standard output past the interpreter's buffer.

    Shape:  the buffer has a lock, which the interpreter takes when it ends; a thread that
            is stuck in there, writing to a stopped terminal, would keep it from ending.
    """
    raw = open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(
        raw,
        encoding=sys.stdout.encoding,
        errors="backslashreplace",
        write_through=True,
    )


class _Listener(logging.handlers.QueueListener):
    """Hands the lines on in its thread; to be stopped it waits for space in the queue."""

    def enqueue_sentinel(self) -> None:
        while True:
            try:
                return super().enqueue_sentinel()
            except queue.Full:
                time.sleep(_STOP_S / 10)


class _NoLock:
    """In place of a handler's lock; the one thread that writes needs none."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        return

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        return


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines, as long as there is somebody to read them."""

    def createLock(self) -> None:  # noqa: N802
        # logging waits for the lock when the process ends, and whoever writes to a
        # stopped terminal would hold it for ever.
        self.lock = _NoLock()  # type: ignore[assignment]

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        # Whoever read the console has gone, and the server serves on.
        if not isinstance(sys.exc_info()[1], BrokenPipeError | ValueError):
            super().handleError(record)


class _Sender(logging.handlers.QueueHandler):
    """Puts lines into the queue, and counts those that find it full."""

    def __init__(
        self, lines: "queue.Queue[logging.LogRecord]", log_format: LogFormat
    ) -> None:
        super().__init__(lines)
        self._console = log_format == "console"
        self._skipped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._skipped:
            skipped: EventDict = {"event": "skipped", "lines": self._skipped}
            line = sentence(None, "", skipped) if self._console else _json(skipped)
            record.msg = f"{line}\n{record.msg}"
        try:
            self.queue.put_nowait(record)
            self._skipped = 0
        except queue.Full:
            self._skipped += 1
