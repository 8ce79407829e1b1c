"""What a peer says, judged: the draft that goes to the journal, and the answer to it.

A draft that may not be said now (its room was left, its reader has gone) may be one that
is sent again, and was stored long ago: it goes to the journal all the same, to be looked
up only. Who is told "refused" can be sure that the line is in no log.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from trio_chat.errors import RefusedError
from trio_chat.protocol import names
from trio_chat.protocol.codes import Code
from trio_chat.protocol.messages import (
    INBOX,
    LINES,
    REACTION_BYTES_MAX,
    TEXT_BYTES_MAX,
    Accepted,
    Direct,
    Kind,
    Refused,
    Say,
)
from trio_chat.server.hub import Hub, inbox_of
from trio_chat.server.session import Session
from trio_chat.store.interface import (
    Appended,
    Astray,
    Conflict,
    Draft,
    Late,
    Missing,
    NotOwn,
    Outcome,
    Trimmed,
)

_BYTES_MAX: Final[Mapping[Kind, int]] = {
    "delete": 0,
    "react": REACTION_BYTES_MAX,
    "unreact": REACTION_BYTES_MAX,
}


class Judged(msgspec.Struct, frozen=True):
    """A draft on its way to the journal.

    Shape:  with a `refusal` the draft is only looked up.
    """

    draft: Draft
    refusal: RefusedError | None = None


def judged(hub: Hub, session: Session, message: Say | Direct) -> Judged:
    """The draft that the message stands for.

    Raises: RefusedError: it can't be said, and can't have been.
    """
    _check_text(message.text, message.kind)
    if message.ref is None and message.kind not in LINES:
        raise RefusedError(Code.BAD_REF, f"a {message.kind!r} needs the entry it is about")
    if isinstance(message, Direct):
        return _direct(hub, session, message)
    if message.room == INBOX:
        raise RefusedError(Code.NOT_JOINED, "to one person: use `direct`")
    try:
        log = hub.membership(session, message.room).room.log
    except RefusedError as refusal:
        log = names.room(message.room)
        return Judged(_draft(session, message, log, known_only=True), refusal)
    return Judged(_draft(session, message, log))


def answer(judged: Judged, outcome: Outcome) -> Accepted | Refused:
    """What the author is told."""
    draft = judged.draft
    room = INBOX if draft.to is not None else draft.log
    if isinstance(outcome, Appended):  # first: nearly all are
        return Accepted(room=room, n=draft.n, seq=outcome.seq)
    match outcome:
        case Trimmed(seq=seq):
            return Accepted(room=room, n=draft.n, seq=seq)
        case Conflict(seq=seq):
            reason = f"your number {draft.n} is taken by another text of yours, {seq}"
            code: str = Code.SAME_ID_OTHER_TEXT
        case Late(last_n=last_n):
            code = Code.OUT_OF_ORDER
            reason = (
                "it was not taken before, and what you said after it is in the log: say it"
                f" again ({draft.n} came after {last_n})"
            )
        case Astray(ref=ref):
            code = Code.BAD_REF
            where = "your direct messages" if room == INBOX else f"#{room}"
            reason = f"{ref} of {where} is not there, or this can't be said about it"
        case NotOwn(ref=ref):
            code = Code.NOT_YOURS
            reason = f"{ref} is not yours: you can change only what you have said here"
        case Missing():
            assert judged.refusal is not None, "a draft was looked up without a reason"
            code, reason = judged.refusal.code, judged.refusal.reason
    return Refused(code=code, reason=reason, room=room, n=draft.n)


def _direct(hub: Hub, session: Session, message: Direct) -> Judged:
    log = inbox_of(session)
    try:
        reader = hub.called(message.to)
    except RefusedError as refusal:
        draft = _draft(session, message, log, to=message.to, known_only=True)
        return Judged(draft, refusal)
    copies = (inbox_of(reader),) if reader.device != session.device else ()
    return Judged(_draft(session, message, log, to=reader.nick, copies=copies))


def _draft(
    session: Session,
    message: Say | Direct,
    log: str,
    *,
    to: str | None = None,
    copies: tuple[str, ...] = (),
    known_only: bool = False,
) -> Draft:
    return Draft(
        log=log,
        device=session.device,
        n=message.n,
        nick=session.nick,
        text=message.text,
        kind=message.kind,
        to=to,
        copies=copies,
        known_only=known_only,
        ref=message.ref,
    )


def _check_text(text: str, kind: Kind) -> None:
    if not text and kind != "delete":
        raise RefusedError(Code.EMPTY_TEXT, "there is nothing to say")
    text_bytes = len(text) if text.isascii() else len(text.encode())
    most = _BYTES_MAX.get(kind, TEXT_BYTES_MAX)
    if text_bytes > most:
        what = f"the text of a {kind!r}" if kind in _BYTES_MAX else "a text"
        raise RefusedError(
            Code.TEXT_TOO_LONG, f"{what} has at most {most:,} bytes, not {text_bytes:,}"
        )
