"""What a search looks for: a text as words, whether some are in it, and where they stand.

The one meaning of "found" for every store, and for whoever marks what was found. A word is
what stands between blanks and signs, in small letters and without accents. Scripts that
are written without blanks (Chinese, Japanese, Thai …) have no words that could be told
apart without a dictionary: there each character is a word, and what was typed together has
to stand together, which finds any part of a text. So it is with emoji.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple

PREFIX_CHARS_MIN: Final = 2
"""A last word that is shorter is not the beginning of another: nearly all begin so."""

_ASCII_WORD: Final = re.compile(r"[0-9a-z]+")
_VOICED: Final = frozenset("\u3099\u309a")
"""Marks that make another letter of a kana."""
_UNSPACED: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3040, 0x318F),  # kana, bopomofo, jamo
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),  # Korean has blanks, and endings that nobody wants to type
    (0xF900, 0xFAFF),
    (0x1B000, 0x1B2FF),
    (0x20000, 0x3FFFF),
)


class _Part(Enum):
    """What a character is in a text."""

    LETTER = auto()
    ALONE = auto()
    """A word by itself."""
    MARK = auto()
    """An accent: it is part of the word, and makes no difference."""
    BETWEEN = auto()


class _Placed(NamedTuple):
    """A word, and where it stands in its text."""

    word: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: phrases, words that follow each other; all have to be there.

    Shape:  the last word of all is found in longer ones that begin with it, if `goes_on`.
            False without a phrase.
    """

    phrases: tuple[tuple[str, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.phrases)

    @property
    def goes_on(self) -> bool:
        """Whether the last word may be the beginning of a longer one."""
        return bool(self.phrases) and len(self.phrases[-1][-1]) >= PREFIX_CHARS_MIN


NOTHING: Final = Wanted()
"""Nothing is looked for."""


def wanted(typed: str) -> Wanted:
    """What somebody looks for who has typed this."""
    phrases = (tuple(words_of(each)) for each in typed.split())
    return Wanted(tuple(phrase for phrase in phrases if phrase))


def words_of(text: str) -> list[str]:
    """The words of a text, in their order."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    # Without its marks first: to sort many that follow each other is not linear.
    bare = "".join(char for char in text if not _is_mark(char))
    return [each.word for each in _placed(unicodedata.normalize("NFKC", bare))]


def spelled(text: str) -> str:
    """The words of a text, with blanks between them."""
    return " ".join(words_of(text))


def holds(text: str, sought: Wanted) -> bool:
    """Whether all that is looked for is in the text."""
    words = words_of(text)
    last = len(sought.phrases) - 1
    return bool(sought) and all(
        next(_found(words, phrase, goes_on=at == last and sought.goes_on), None) is not None
        for at, phrase in enumerate(sought.phrases)
    )


def marks(text: str, sought: Wanted) -> list[tuple[int, int]]:
    """Where in the text something stands that is looked for: (begin, end), in order.

    Shape:  none overlaps another. A phrase is one mark, the beginning of a longer word as
            much of it as was typed.
    """
    placed = list(_placed(text))
    words = [each.word for each in placed]
    spans: list[tuple[int, int]] = []
    for at, phrase in enumerate(sought.phrases):
        goes_on = sought.goes_on and at == len(sought.phrases) - 1
        for first in _found(words, phrase, goes_on=goes_on):
            last = placed[first + len(phrase) - 1]
            more = len(last.word) - len(phrase[-1])
            spans.append((placed[first].begin, max(last.end - more, last.begin + 1)))
    return list(_merged(sorted(spans)))


def _found(words: Sequence[str], phrase: Sequence[str], *, goes_on: bool) -> Iterator[int]:
    """Where the phrase begins, as the number of its first word."""
    *begun, last = phrase
    for at in range(len(words) - len(begun)):
        ends = words[at + len(begun)]
        fits = ends.startswith(last) if goes_on else ends == last
        if fits and list(words[at : at + len(begun)]) == begun:
            yield at


def _merged(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    end = 0
    for span_begin, span_end in spans:
        if span_end > end:
            yield max(span_begin, end), span_end
            end = span_end


# --- characters ----------------------------------------------------------------------


def _placed(text: str) -> Iterator[_Placed]:
    word, begin, end = "", 0, 0
    for at, char in enumerate(text):
        part, folded = _folded(char)
        if part is _Part.MARK:
            end += end == at  # of what stands before it
        elif part is _Part.LETTER:
            begin = begin if word else at
            word, end = word + folded, at + 1
        else:
            if word:
                yield _Placed(word, begin, end)
                word = ""
            if part is _Part.ALONE:
                yield _Placed(folded, at, at + 1)
    if word:
        yield _Placed(word, begin, end)


@lru_cache(maxsize=8192)
def _folded(char: str) -> tuple[_Part, str]:
    """What a character is, and the form in which words are compared."""
    if _is_mark(char):
        return _Part.MARK, ""
    category = unicodedata.category(char)
    if category == "So":
        return _Part.ALONE, char
    if category[0] not in "LN" and category != "Mc":
        return _Part.BETWEEN, ""
    code = ord(char)
    if any(first <= code <= last for first, last in _UNSPACED):
        return _Part.ALONE, unicodedata.normalize("NFC", char)
    folded = _bare(_bare(char).casefold())
    kept = "".join(each for each in folded if unicodedata.category(each)[0] in "LNM")
    return (_Part.LETTER, kept) if kept else (_Part.BETWEEN, "")


def _bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not _is_mark(char))


@lru_cache(maxsize=8192)
def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Me") and char not in _VOICED
