"""Who looks like somebody else: two nicks that one reads alike, and that are not the same.

Source: UTS #39, Unicode Security Mechanisms, section 4: names are confusable if they have
the same skeleton. Here capitals make no other name, as they do not for the server.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import islice
from typing import Final

from trio_chat.protocol import names
from trio_chat.ui.confusables import confusables

MET_MAX: Final = 5_000
"""Whom one met before is forgotten."""
ALIKE_MAX: Final = 1_000
UNLIKE: Final = "\u2260"
"""Before the nick of somebody who looks like another; it can't be a part of a nick."""


@dataclass(frozen=True, slots=True)
class Likes:
    """Whom one has met, and who of them looks like somebody else."""

    met: Mapping[str, str] = field(default_factory=dict)
    """The first nick that looks so, by what it looks like."""
    alike: Mapping[str, str] = field(default_factory=dict)
    """Whom somebody looks like who came later, by the later one's nick."""


@lru_cache(maxsize=2 * MET_MAX)
def skeleton(nick: str) -> str:
    """What all nicks have in common that one reads as this one."""
    looks = unicodedata.normalize("NFKD", nick).translate(_table())
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", looks).casefold())


@cache
def _table() -> dict[int, str]:
    return {ord(char): like for char, like in confusables()}


def like_of(nick: str, likes: Likes) -> str:
    """Whom somebody of this nick would be taken for; "" if they are who they look like."""
    return likes.alike.get(names.same(nick), "") if likes.alike else ""


def marked(nick: str, likes: Likes) -> str:
    """The nick, with a mark if it looks like another."""
    return UNLIKE + nick if like_of(nick, likes) else nick


def meet(likes: Likes, own: str, nick: str) -> tuple[Likes, str]:
    """One meets somebody: what is known then, and whom they look like if that is new.

    Shape:  who came first is who they look like, but for oneself: all others look like
            oneself.
    """
    looks = skeleton(nick)
    first = own if looks == skeleton(own) else likes.met.get(looks)
    if first is None:
        return replace(likes, met=_with(likes.met, looks, nick, MET_MAX)), ""
    if first == nick or names.same(first) == names.same(nick) or like_of(nick, likes):
        return likes, ""
    alike = _with(likes.alike, names.same(nick), first, ALIKE_MAX)
    return replace(likes, alike=alike), first


def renamed(likes: Likes, nick: str, to: str) -> Likes:
    """Somebody has another name, and may look as before."""
    looks = skeleton(to)
    known = likes.met.get(looks)
    if known is None or names.same(known) != names.same(nick):
        return likes
    return replace(likes, met={**likes.met, looks: to})


def _with(known: Mapping[str, str], key: str, value: str, most: int) -> dict[str, str]:
    kept = islice(known.items(), max(0, len(known) + 1 - most), None)
    return {**dict(kept), key: value}
