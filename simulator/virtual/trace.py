"""What happened in a world, line by line: the same bytes for the same seed, anywhere."""

import hashlib
import json
from typing import IO, Final, TypeAlias

from simulator.virtual.timeline import Timeline

Field: TypeAlias = str | int | bool | None
"""What a trace may hold. Neither repr() nor id(): they change from process to process.
No float: a time is a whole number of nanoseconds."""

_ENCODE: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Trace:
    """Writes down who did what when, as JSON lines.

    Shape:  {"t": nanoseconds, "node": name, "event": name, …}. Kept nowhere but in `to`,
            a binary file, and in the digest; with neither, nothing is even formatted.
    """

    def __init__(
        self, timeline: Timeline, to: IO[bytes] | None = None, *, digested: bool = False
    ) -> None:
        self._timeline = timeline
        self._to = to
        self._hash = hashlib.sha256() if digested else None
        self.active = to is not None or digested
        """Whether anybody reads it: who has a costly event to tell may ask first."""

    def add(self, node: str, event: str, **fields: Field) -> None:
        """Write down one event; `node` is empty for what nobody in particular did."""
        if not self.active:
            return
        line = {"t": self._timeline.now_ns, "node": node, "event": event, **fields}
        data = (_ENCODE(line) + "\n").encode(errors="surrogatepass")
        if self._to is not None:
            self._to.write(data)
        if self._hash is not None:
            self._hash.update(data)

    def close(self) -> None:
        """Nothing that is told from now on belongs to it."""
        self.active = False

    @property
    def digest(self) -> str:
        """Of all lines so far; empty unless one was wanted."""
        return self._hash.hexdigest() if self._hash is not None else ""
