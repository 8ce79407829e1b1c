"""What the crowd talks about: threads as data, and a word for whoever speaks to it."""

import random
import re
from collections.abc import Sequence
from typing import Final

NAMES: Final = (
    "mira",
    "tomasz",
    "june",
    "okello",
    "ines",
    "sven",
    "yuki",
    "rafael",
    "noor",
    "walt",
    "zoë",
    "dmitri",
    "lalita",
    "pieter",
    "amara",
    "hugo",
)
"""The people of the crowd."""

THREADS: Final = (
    (
        "did anyone see the moon this morning?",
        "only the bus from behind",
        "huge and orange, I stopped for it",
    ),
    (
        "coffee machine says 'descale'. again.",
        "it says that to everyone, don't take it personally",
        "I did it on Monday!",
        "then it likes you, {0}",
    ),
    (
        "is there a word for a bug that leaves when you watch it?",
        "heisenbug",
        "at our place it's called Tuesday",
    ),
    (
        "who has the good scissors",
        "define good",
        "the ones that cut, {0}",
    ),
    ("my train stands in a field. there are sheep.", "how many sheep?", "all of them"),
    (
        "{0}, how did the talk go?",
        "ten minutes too long and nobody noticed but me",
        "the best kind",
    ),
    ("it's raining sideways here", "here it's the snow that can't decide", "sun! sorry."),
    (
        "reading a book about lighthouses",
        "is it any good?",
        "it comes back to the same point every few seconds",
        "…",
    ),
    (
        "soup or sandwich?",
        "yes",
        "soup, {0} had the sandwich yesterday and look at them",
    ),
    ("does anybody really understand time zones?", "ask me again in an hour"),
    (
        "I sorted my desk",
        "who are you and what have you done with {0}",
        "I found three pens and a key that fits nothing",
    ),
    ("anyone up for a walk at four?", "if it stops raining", "so in April, then"),
    ("the cat is on the keyboard", "what does it say?", "kkkkkkkkkkkk;", "a classic"),
    ("wrote the test first today", "and?", "it failed, so far so good"),
)
"""Each line by somebody else than the one before; {0} is who spoke before it."""

GREETINGS: Final = (
    "hi {0}!",
    "hello {0}, good to see you",
    "hey {0}, take a seat",
    "look who is here: {0}",
)
_ANSWERS: Final = (
    "good question. I'd have to sleep on it",
    "ha, you may be right",
    "yes! well, mostly",
    "I was just thinking about that",
    "tell me more?",
    "hmm, I'm not so sure",
    "same here, to be honest",
    "what do the others think?",
)
_HELLO: Final = ("hi!", "hello :)", "hey, how is your day?", "good to see you")
_THANKS: Final = ("you're welcome", "any time", "don't mention it :)")
_HELLO_WORDS: Final = frozenset({"hello", "hi", "hey", "hallo", "ciao", "servus", "salut"})
_THANKS_WORDS: Final = frozenset({"thanks", "thank", "thx", "danke", "merci", "gracias"})


def words(text: str) -> frozenset[str]:
    """The words of a line, in lower case and without what stands around them."""
    return frozenset(re.findall(r"\w+", text.casefold()))


def mentions(text: str, nick: str) -> bool:
    """Whether the line speaks to, or of, this person."""
    return nick.casefold() in words(text)


def greets(text: str) -> bool:
    """Whether somebody says hello."""
    return bool(words(text) & _HELLO_WORDS)


def answer(rng: random.Random, text: str) -> str:
    """Something to say to somebody who said this to you.

    Shape:  names nobody: two bots that answer each other would never stop.
    """
    if words(text) & _THANKS_WORDS:
        return rng.choice(_THANKS)
    if greets(text) and "?" not in text:
        return rng.choice(_HELLO)
    return rng.choice(_ANSWERS)


def cast(
    rng: random.Random, lines: Sequence[str], people: Sequence[str]
) -> list[tuple[str, str]]:
    """Who says which line of a thread.

    Shape:  nobody speaks twice in a row, as long as there are two.
    """
    spoken: list[tuple[str, str]] = []
    before = rng.choice(people)
    for line in lines:
        others = [nick for nick in people if nick != before] or list(people)
        nick = rng.choice(others)
        spoken.append((nick, line.format(before)))
        before = nick
    return spoken
