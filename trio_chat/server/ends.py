"""How a link ends: why, what the peer is told at last, and how that arrives."""

import trio

from trio_chat.protocol import messages
from trio_chat.protocol.codes import Code
from trio_chat.protocol.framing import BadLine, encode
from trio_chat.protocol.messages import Message
from trio_chat.server.figures import LOST, QUIT, SENT_AWAY
from trio_chat.server.outgoing import Outgoing

_LINGER_BYTES_MAX = 1024 * 1024


class EndError(Exception):
    """The link ends; `last_words` go to the peer, `reason` to everybody else."""

    def __init__(self, reason: str, last_words: Message | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.last_words = last_words

    @property
    def how(self) -> str:
        """What it is counted as."""
        match self.last_words:
            case messages.Error(code=code):
                return code
            case messages.Bye():
                return SENT_AWAY
            case _:
                return QUIT if self.reason == QUIT else LOST


def complaint(code: Code, reason: str) -> messages.Error:
    """What a peer is told of a mistake, or of the end of its link."""
    return messages.Error(code=code, reason=reason, end=BadLine(code, reason).fatal)


async def say_goodbye(
    stream: trio.abc.Stream, outgoing: Outgoing, last_words: Message | None, within_s: float
) -> None:
    """Send what is owed and the last words, and wait for the other end, so long at most.

    Cancel: not before.
    """
    with trio.move_on_after(within_s, shield=True):
        words = [] if last_words is None else [last_words]
        await outgoing.finish(encode(words))
        await _linger(stream)


async def _linger(stream: trio.abc.Stream) -> None:
    # Closing while the peer's bytes are unread resets the connection, and the reset would
    # destroy our last words on their way. So: our end, its end, then close.
    if isinstance(stream, trio.abc.HalfCloseableStream):
        await stream.send_eof()
    heard_bytes = 0
    while heard_bytes < _LINGER_BYTES_MAX:
        data = await stream.receive_some()
        if not data:
            return
        heard_bytes += len(data)
