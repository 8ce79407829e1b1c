"""What a server tells the person who runs it: sentences on a console, or JSON lines.

Printing happens in a thread of its own behind a bounded queue (printer.py): a terminal that
was stopped with Ctrl-S must not stop a server.
"""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from trio_chat.sanitise import Drawn, as_json, as_rows, clean
from trio_chat.server.figures import summary, table
from trio_chat.server.printer import Printer

LogFormat = Literal["console", "json"]

LINES_WAITING_MAX: Final = 10_000
"""Policy when full: newer lines are skipped, and the next one says how many."""

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
    "full": "[!] nobody new can be let in: {reason} ({times} since it was told last); it is"
    " tried again, and `ulimit -n` says how many files a server may have open",
    "bug": "[!] a bug ended the link with {address}; please report this:",
    "skipped": "[!] {lines} log lines were skipped here",
    "draining": "[*] stopping; saying goodbye to {peers}, for at most {drain_s:g} s",
    "stopped": "[*] stopped",
}
"""How each event reads on a console; one that is not here is shown with its fields."""


def sentence(_logger: WrappedLogger, _method: str, event: EventDict) -> Drawn:
    """The event as a line for people, with the trace below it where there is one."""
    name = str(event.pop("event"))
    trace = event.pop("exception", "")
    event.pop("level", None)
    if name == "figures":
        return as_rows((summary if event["at_end"] else table)(event, event["after_s"]))
    template = SENTENCES.get(name)
    if template is None:
        fields = " ".join(f"{key}={value}" for key, value in event.items())
        line = f"[*] {name} {fields}".rstrip()
    else:
        line = template.format_map(event)
    # Peers have worded a part of it.
    return as_rows(f"{clean(line)}\n{trace}" if trace else clean(line))


@contextmanager
def open_console(
    log_format: LogFormat, *, verbose: bool, out: TextIO | None = None
) -> Iterator[FilteringBoundLogger]:
    """A logger whose lines go to `out` (None: standard output) from a thread of its own.

    Shape:  leaving waits at most a second for lines that `out` does not take.
    """
    printer = Printer(
        _unlocked_stdout() if out is None else out,
        LINES_WAITING_MAX,
        _json_skipped if log_format == "json" else _sentence_skipped,
    )
    try:
        # Bound at once: what structlog gives binds itself anew for every line.
        yield structlog.wrap_logger(
            printer,
            processors=_processors(log_format),
            wrapper_class=structlog.make_filtering_bound_logger(
                logging.DEBUG if verbose else logging.INFO
            ),
        ).bind()
    finally:
        printer.stop()


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


def _json(event: EventDict, **_options: object) -> Drawn:
    return as_json(msgspec.json.encode(event, enc_hook=str).decode())


def _sentence_skipped(lines: int) -> Drawn:
    return sentence(None, "", {"event": "skipped", "lines": lines})


def _json_skipped(lines: int) -> Drawn:
    return _json({"event": "skipped", "lines": lines})


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
