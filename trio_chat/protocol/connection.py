"""Who may say what, when: one table that judges both ends alike."""

from enum import Enum, IntEnum, auto
from typing import Final

from trio_chat.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import (
    Accepted,
    Bye,
    Direct,
    Entry,
    Error,
    Fetch,
    Found,
    Gap,
    Hello,
    Hold,
    Join,
    Joined,
    Leave,
    Left,
    Mark,
    Members,
    Message,
    Nick,
    Page,
    Ping,
    Pong,
    Refused,
    Renamed,
    Room,
    Say,
    Search,
    Welcome,
    Who,
)


class Role(Enum):
    """The two ends of a link."""

    CLIENT = auto()
    SERVER = auto()


class State(IntEnum):
    """Where a link stands, the same for both ends once a message has crossed.

    Shape:  numbers, for what is said by the million is looked up by it.
    """

    OPENING = auto()
    """The client has not said a hello that was taken."""
    ACTIVE = auto()
    """Everything may be said."""
    CLOSED = auto()
    """Somebody has said goodbye: nothing may follow."""


Moves = dict[type[Message], State]

# A hello does not open the link, the welcome does: a hello that is refused (the nick is
# taken) may be followed by another one, so that a person can try the next name.
CLIENT_SAYS: Final[dict[State, Moves]] = {
    State.OPENING: {
        Hello: State.OPENING,
        Ping: State.OPENING,
        Pong: State.OPENING,
        Bye: State.CLOSED,
    },
    State.ACTIVE: {
        **dict.fromkeys((Join, Leave, Hold, Say, Direct, Nick, Who), State.ACTIVE),
        **dict.fromkeys((Fetch, Search, Mark), State.ACTIVE),
        **dict.fromkeys((Ping, Pong), State.ACTIVE),
        Bye: State.CLOSED,
    },
    State.CLOSED: {},
}

SERVER_SAYS: Final[dict[State, Moves]] = {
    State.OPENING: {
        Welcome: State.ACTIVE,
        **dict.fromkeys((Refused, Error, Ping, Pong), State.OPENING),
        Bye: State.CLOSED,
    },
    State.ACTIVE: {
        **dict.fromkeys((Room, Members, Entry, Gap, Accepted, Refused), State.ACTIVE),
        **dict.fromkeys((Page, Found), State.ACTIVE),
        **dict.fromkeys((Joined, Left, Renamed, Nick, Mark), State.ACTIVE),
        **dict.fromkeys((Error, Ping, Pong), State.ACTIVE),
        Bye: State.CLOSED,
    },
    State.CLOSED: {},
}

MAY_SAY: Final = {Role.CLIENT: CLIENT_SAYS, Role.SERVER: SERVER_SAYS}


class Connection:
    """Judges what one end says and hears; does no I/O.

    Shape:  `state` moves only by `said` and `heard`. A message that is not allowed moves
            nothing.
    """

    __slots__ = ("_ours", "_theirs", "state")

    def __init__(self, our_role: Role) -> None:
        self._ours = MAY_SAY[our_role]
        self._theirs = MAY_SAY[Role.SERVER if our_role is Role.CLIENT else Role.CLIENT]
        self.state = State.OPENING

    def said(self, message: Message) -> None:
        """Note that we say this now.

        Raises: LocalProtocolError: it may not be said now; do not send it.
        """
        self.state = self._moved(self._ours, message, LocalProtocolError)

    def heard(self, message: Message) -> None:
        """Note that the other end has said this.

        Raises: RemoteProtocolError: it may not be said now; the state is as it was.
        """
        self.state = self._moved(self._theirs, message, RemoteProtocolError)

    def _moved(
        self,
        table: dict[State, Moves],
        message: Message,
        error: type[ProtocolError],
    ) -> State:
        try:
            return table[self.state][type(message)]
        except KeyError:
            tag = message.__struct_config__.tag
            raise error(Code.OUT_OF_PLACE, f"{tag!r} {_BECAUSE[self.state]}") from None


_BECAUSE: Final = {
    State.OPENING: "can't come before the hello is taken",
    State.ACTIVE: "can't come after the welcome",
    State.CLOSED: "can't come after the bye",
}
