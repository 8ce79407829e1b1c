"""What is written down of a world."""

import hashlib
import io
import json

from simulator.virtual.timeline import Timeline
from simulator.virtual.trace import Trace


def test_a_line_says_when_who_and_what() -> None:
    written = io.BytesIO()
    timeline = Timeline()
    trace = Trace(timeline, written)
    timeline.advance(1_500)
    trace.add("server", "accept", connection=3, local=True, error=None)
    assert written.getvalue() == (
        b'{"t":1500,"node":"server","event":"accept",'
        b'"connection":3,"local":true,"error":null}\n'
    )


def test_any_text_can_be_written_down() -> None:
    written = io.BytesIO()
    trace = Trace(Timeline(), written)
    trace.add("naïve \N{SNOWMAN}", 'a "quote"\n', half="\ud800")
    (line,) = written.getvalue().splitlines()
    fields = json.loads(line.decode(errors="surrogatepass"))
    assert fields["node"] == "naïve \N{SNOWMAN}"
    assert fields["event"] == 'a "quote"\n'
    assert fields["half"] == "\ud800"


def test_the_digest_is_that_of_the_lines() -> None:
    written = io.BytesIO()
    trace = Trace(Timeline(), written, digested=True)
    trace.add("a", "b")
    trace.add("c", "d", n=1)
    assert trace.digest == hashlib.sha256(written.getvalue()).hexdigest()


def test_without_a_reader_there_is_no_digest_and_no_work() -> None:
    trace = Trace(Timeline())
    assert not trace.active
    trace.add("a", "b", nothing=object())  # type: ignore[arg-type]  # never looked at
    assert trace.digest == ""


def test_a_closed_trace_takes_no_more_lines() -> None:
    written = io.BytesIO()
    trace = Trace(Timeline(), written, digested=True)
    trace.add("a", "b")
    digest = trace.digest
    trace.close()
    trace.add("a", "too late")
    assert trace.digest == digest
    assert written.getvalue().count(b"\n") == 1
