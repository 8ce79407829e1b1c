"""Who may say what, when."""

from typing import Any, get_args

import pytest

from tests.protocol.examples import CLIENT_SAYS as CLIENT_EXAMPLES
from tests.protocol.examples import SERVER_SAYS as SERVER_EXAMPLES
from trio_chat.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from trio_chat.protocol.codes import Code
from trio_chat.protocol.connection import (
    CLIENT_SAYS,
    MAY_SAY,
    SERVER_SAYS,
    Connection,
    Role,
    State,
)
from trio_chat.protocol.framing import (
    BadLine,
    Decoder,
    client_messages,
    encode,
    server_messages,
)
from trio_chat.protocol.messages import (
    Bye,
    ClientMessage,
    Hello,
    Message,
    Nick,
    Ping,
    Pong,
    Refused,
    Say,
    ServerMessage,
)

EXAMPLES = {Role.CLIENT: CLIENT_EXAMPLES, Role.SERVER: SERVER_EXAMPLES}
OTHER = {Role.CLIENT: Role.SERVER, Role.SERVER: Role.CLIENT}
(HELLO,) = (message for message in CLIENT_EXAMPLES if isinstance(message, Hello))


class Pair:
    """Both ends of one link: what one says, the other hears as it comes off the wire."""

    def __init__(self) -> None:
        self.ends = {role: Connection(role) for role in Role}
        self._decoders: dict[Role, Decoder[Any]] = {
            Role.CLIENT: server_messages(),
            Role.SERVER: client_messages(),
        }

    def say(self, role: Role, message: Message) -> None:
        self.ends[role].said(message)
        (heard,) = self._decoders[OTHER[role]].feed(encode([message]))
        assert not isinstance(heard, BadLine)
        assert heard == message
        self.ends[OTHER[role]].heard(heard)

    @property
    def state(self) -> State:
        client, server = self.ends.values()
        assert client.state is server.state
        return client.state


def pair_in(state: State) -> Pair:
    pair = Pair()
    if state is not State.OPENING:
        pair.say(Role.CLIENT, HELLO)
        pair.say(Role.SERVER, SERVER_EXAMPLES[0])
    if state is State.CLOSED:
        pair.say(Role.CLIENT, Bye())
    assert pair.state is state
    return pair


EVERY_CASE = [
    pytest.param(role, state, message, id=f"{role.name} {state.name} {tag}")
    for role in Role
    for state in State
    for message in EXAMPLES[role]
    for tag in [message.__struct_config__.tag]
]


@pytest.mark.parametrize(("role", "state", "message"), EVERY_CASE)
def test_what_one_may_say_the_other_may_hear(
    role: Role, state: State, message: Message
) -> None:
    pair = pair_in(state)
    expected = MAY_SAY[role][state].get(type(message))
    if expected is not None:
        pair.say(role, message)
        assert pair.state is expected
        return
    for end, judge, error in (
        (role, Connection.said, LocalProtocolError),
        (OTHER[role], Connection.heard, RemoteProtocolError),
    ):
        with pytest.raises(error) as raised:
            judge(pair.ends[end], message)
        assert raised.value.code is Code.OUT_OF_PLACE
        assert pair.state is state


# The table once more, as sentences: what is written twice can be held against itself.
ALWAYS = {"ping", "pong", "bye"}
CLIENT_ACTIVE = ALWAYS | {"join", "leave", "hold", "say", "direct", "nick", "who"}
CLIENT_ACTIVE |= {"mark", "fetch", "search"}
SERVER_OPENING = ALWAYS | {"welcome", "refused", "error"}
SERVER_ACTIVE = ALWAYS | {"room", "members", "entry", "accepted", "refused", "joined"}
SERVER_ACTIVE |= {"gap", "left", "renamed", "nick", "mark", "error", "page", "found"}


@pytest.mark.parametrize(
    ("role", "state", "tags"),
    [
        (Role.CLIENT, State.OPENING, ALWAYS | {"hello"}),
        (Role.CLIENT, State.ACTIVE, CLIENT_ACTIVE),
        (Role.CLIENT, State.CLOSED, set[str]()),
        (Role.SERVER, State.OPENING, SERVER_OPENING),
        (Role.SERVER, State.ACTIVE, SERVER_ACTIVE),
        (Role.SERVER, State.CLOSED, set[str]()),
    ],
)
def test_the_table(role: Role, state: State, tags: set[str]) -> None:
    assert {kind.__struct_config__.tag for kind in MAY_SAY[role][state]} == tags


def test_every_message_may_be_said_at_some_time() -> None:
    for table, union in ((CLIENT_SAYS, ClientMessage), (SERVER_SAYS, ServerMessage)):
        said = {kind for moves in table.values() for kind in moves}
        assert said == set(get_args(union))


def test_a_refused_hello_may_be_followed_by_another() -> None:
    pair = Pair()
    pair.say(Role.CLIENT, HELLO)
    pair.say(Role.SERVER, Refused(code="nick_taken", reason="the nick ada is taken"))
    pair.say(Role.CLIENT, HELLO)
    assert pair.state is State.OPENING


def test_a_forbidden_message_moves_nothing() -> None:
    connection = Connection(Role.SERVER)
    with pytest.raises(ProtocolError, match="before the hello"):
        connection.heard(Say(room="lobby", n=1, text="too early"))
    connection.heard(HELLO)


def test_nothing_follows_a_bye_not_even_a_bye() -> None:
    pair = pair_in(State.CLOSED)
    for message in (Ping(), Pong(), Bye()):
        with pytest.raises(LocalProtocolError, match="after the bye"):
            pair.ends[Role.SERVER].said(message)


def test_a_message_of_the_other_direction_is_out_of_place() -> None:
    pair = pair_in(State.ACTIVE)
    with pytest.raises(LocalProtocolError):
        pair.ends[Role.CLIENT].said(SERVER_EXAMPLES[1])
    pair.say(Role.CLIENT, Nick(nick="x"))
    pair.say(Role.SERVER, Nick(nick="x"))
