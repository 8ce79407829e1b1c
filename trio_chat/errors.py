"""Everything this package raises, in one tree, each with a sentence for people."""

from collections.abc import Iterator
from contextlib import contextmanager


class TrioChatError(Exception):
    """Catches whatever this package raises on purpose; its text is for people."""


class SettingError(TrioChatError):
    """A setting is not usable; the text names where it was set and what is allowed."""


class ListenError(TrioChatError):
    """The server can't listen at the address it was given."""


class StoreError(TrioChatError):
    """The store could not do what it was asked; nothing of the request was done."""


class StoreOpenError(StoreError):
    """A data file can't be used: not writable, not ours, in use, or of a newer version."""


class SearchError(StoreError):
    """Nothing can be searched now; the text says why."""


class NoLinkError(TrioChatError):
    """There is no link, or it was lost before the answer came; nothing has changed."""


class OutboxError(TrioChatError):
    """The outbox could not do what it was asked; nothing of the request was done."""


class ProtocolError(TrioChatError):
    """A message was sent or received that the protocol forbids.

    Shape:  `code` is one of protocol.codes.Code.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class LocalProtocolError(ProtocolError):
    """This side broke the rules: a bug in the caller; the wire is unusable from here."""


class RemoteProtocolError(ProtocolError):
    """The other side broke the rules: close the wire, with `code` as the reason."""


class RefusedError(TrioChatError):
    """The server understood a request and did not do it.

    Shape:  `code` is one of protocol.codes.Code; `reason` is a sentence for people.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class ClosedError(TrioChatError):
    """The client was closed while something was still asked of it."""


@contextmanager
def lone_exception() -> Iterator[None]:
    """A nursery inside `async with open_…()` that raises what its body raised, ungrouped.

    Shape:  wraps the nursery. A group that holds one exception, however deep, leaves as
            that exception; a group of several leaves as it is.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        lone: BaseException = group
        while isinstance(lone, BaseExceptionGroup) and len(lone.exceptions) == 1:
            lone = lone.exceptions[0]
        if isinstance(lone, BaseExceptionGroup):
            raise
        raise lone from lone.__cause__
