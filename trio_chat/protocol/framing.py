"""Lines of bytes out of pieces of bytes, and messages out of lines, both ways."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

from trio_chat.protocol.codes import ENDS_THE_LINK, Code
from trio_chat.protocol.messages import ClientMessage, Message, ServerMessage

CLIENT_LINE_BYTES_MAX: Final = 64 * 1024
"""The longest line a server reads."""
SERVER_LINE_BYTES_MAX: Final = 256 * 1024
"""The longest line a client has to expect: a thousand names in one `members`."""

M = TypeVar("M", bound=Message)

_BAD: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no message, in its place among the messages.

    Shape:  `code` from protocol.codes; `reason` a sentence for the peer; `fatal` when
            what follows can't be told apart any more.
    """

    code: Code
    reason: str

    @property
    def fatal(self) -> bool:
        return self.code in ENDS_THE_LINK


class Lines:
    """Cuts a stream of bytes at its newlines.

    Shape:  `feed` gives whole lines without their newline; what follows the last one is
            kept, at most `line_bytes_max` of it, and nothing after a line too long.
    """

    def __init__(self, line_bytes_max: int) -> None:
        self._line_bytes_max = line_bytes_max
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._lost = False

    def feed(self, data: bytes) -> tuple[list[bytes], bool]:
        """The lines that `data` completes, and whether one was too long to go on.

        Shape:  after a line that is too long nothing more is given, ever.
        """
        if self._lost:
            return [], True
        *whole, rest = data.split(b"\n")
        if whole:
            self._kept.append(whole[0])
            whole[0] = b"".join(self._kept)
            self._kept, self._kept_bytes = [], 0
        if rest:
            self._kept.append(rest)
            self._kept_bytes += len(rest)
        for index, line in enumerate(whole):
            if len(line) > self._line_bytes_max:
                return self._lose(whole[:index])
        if self._kept_bytes > self._line_bytes_max:
            return self._lose(whole)
        return whole, False

    def block(self, data: bytes) -> bytes:
        """The whole lines that `data` completes, in one piece, if none can be too long.

        Shape:  empty: there is none, or one might be; then nothing was taken, and `feed`
                tells more.
        """
        end = data.rfind(b"\n") + 1
        longest = max(self._kept_bytes + end, len(data) - end)
        if not end or self._lost or longest > self._line_bytes_max:
            return b""
        whole = b"".join([*self._kept, data[:end]])
        rest = data[end:]
        self._kept, self._kept_bytes = [rest] if rest else [], len(rest)
        return whole

    def _lose(self, whole: list[bytes]) -> tuple[list[bytes], bool]:
        self._lost = True
        self._kept.clear()
        return whole, True


class Decoder(Generic[M]):
    """Messages of one direction, out of bytes cut anywhere."""

    def __init__(
        self, union: object, line_bytes_max: int
    ) -> None:  # a union is no class, so the type can't say more than object
        decoder: msgspec.json.Decoder[M] = msgspec.json.Decoder(union)
        self._decode, self._decode_lines = decoder.decode, decoder.decode_lines
        self._lines = Lines(line_bytes_max)
        self._line_bytes_max = line_bytes_max
        self._tags = frozenset(_tags(union))

    def feed(self, data: bytes) -> list[M | BadLine]:
        """The messages and bad lines that `data` completes, in their order.

        Shape:  empty lines are skipped; at most one fatal BadLine, and it is the last.
        """
        block = self._lines.block(data)
        if block:
            return self._at_once(block) or self._one_by_one(block.split(b"\n"))
        lines, too_long = self._lines.feed(data)
        items = self._one_by_one(lines)
        if too_long:
            limit = f"{self._line_bytes_max:,}"
            reason = f"a line has at most {limit} bytes; the rest can't be read"
            items.append(BadLine(Code.LINE_TOO_LONG, reason))
        return items

    def _one_by_one(self, lines: Iterable[bytes]) -> list[M | BadLine]:
        return [self._message(line) for line in lines if line and not line.isspace()]

    def _at_once(self, block: bytes) -> list[M | BadLine]:
        """The messages of whole lines in one pass; none: they are to be looked at alone."""
        # Objects are counted there, not lines. That is the same if each line begins and
        # ends as an object does: "}\n{" stands in no good JSON but between two of them.
        breaks = block.count(b"\n") - 1
        if not (block.startswith(b"{") and block.endswith(b"}\n")):
            return []
        if breaks and block.count(b"}\n{") != breaks:
            return []
        try:
            messages: list[M | BadLine] = [*self._decode_lines(block)]
        except _BAD:
            return []
        return messages if len(messages) == breaks + 1 else []

    def _message(self, line: bytes) -> M | BadLine:
        try:
            return self._decode(line)
        except _BAD as error:
            return self._diagnosed(line, error)

    def _diagnosed(self, line: bytes, error: Exception) -> BadLine:
        try:
            line.decode()
        except UnicodeDecodeError as where:
            return BadLine(
                Code.BAD_UTF8, f"byte {where.start + 1} of the line is not UTF-8"
            )
        if isinstance(error, RecursionError):
            return BadLine(Code.NOT_JSON, "the line is nested too deeply")
        if not isinstance(error, msgspec.ValidationError) or line.lstrip()[:1] != b"{":
            return BadLine(Code.NOT_JSON, f"not one JSON object: {_shown(error)}")
        tag = _tag_of(line)
        if tag is not None and tag not in self._tags:
            return BadLine(Code.UNKNOWN_TYPE, f"no message has t = {tag[:32]!r}")
        return BadLine(Code.BAD_MESSAGE, _shown(error))


def client_messages() -> Decoder[ClientMessage]:
    """What a server reads from one client."""
    return Decoder(ClientMessage, CLIENT_LINE_BYTES_MAX)


def server_messages() -> Decoder[ServerMessage]:
    """What a client reads from its server."""
    return Decoder(ServerMessage, SERVER_LINE_BYTES_MAX)


_encoder = msgspec.json.Encoder()


def encode(messages: Iterable[Message]) -> bytes:
    """The messages as the wire has them: one line each, with its newline."""
    # A list: of any other iterator msgspec (0.22) keeps a reference for ever.
    return _encoder.encode_lines(list(messages))


class _Tagged(msgspec.Struct):
    t: str


_tag_decoder = msgspec.json.Decoder(_Tagged)


def _tag_of(line: bytes) -> str | None:
    try:
        return _tag_decoder.decode(line).t
    except (msgspec.DecodeError, RecursionError):
        return None


def _tags(union: object) -> Iterable[str]:
    for member in getattr(union, "__args__", ()):
        yield member.__struct_config__.tag


def _shown(error: Exception) -> str:
    return str(error)[:200]
