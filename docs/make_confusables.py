"""Writes trio_chat/ui/confusables.py from Unicode's own table of what looks alike.

python docs/make_confusables.py confusables.txt

The file is at https://www.unicode.org/Public/security/latest/confusables.txt.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from trio_chat.errors import RefusedError
from trio_chat.protocol import names

TABLE: Final = Path(__file__).parents[1] / "trio_chat" / "ui" / "confusables.py"
COLUMNS: Final = 92
HEAD: Final = '''\
"""What looks like what in a name: made by docs/make_confusables.py, not by hand.

From Unicode's confusables.txt, version {version}, of what can stand in a nick.
{notice} Unicode data files are used under the Unicode License
(https://www.unicode.org/license.txt).
"""

from collections.abc import Iterator
from typing import Final


def confusables() -> Iterator[tuple[str, str]]:
    """Each character that looks like others, and those."""
    for group in _TABLE.split(";"):
        likes, _, chars = group.partition(":")
        like = "".join(chr(int(code, 16)) for code in likes.split())
        code = 0
        for step in chars.split():
            code += int(step, 16)
            yield chr(code), like


# In hexadecimal: what several characters look like, a colon, the first one of them, and how
# far it is from each to the next; a semicolon.
_TABLE: Final = """
'''


def confusables_in(text: str) -> Iterator[tuple[str, str]]:
    """Each character of the file, and what it looks like."""
    for line in text.splitlines():
        fields = [field.strip() for field in line.partition("#")[0].split(";")]
        if len(fields) > 1:
            yield (
                chr(int(fields[0], 16)),
                "".join(chr(int(code, 16)) for code in fields[1].split()),
            )


def is_needed(char: str) -> bool:
    """Whether it can stand in a nick, and is looked up as it is."""
    try:
        names.nick(f"x{char}")
    except RefusedError:
        return False
    return unicodedata.normalize("NFKD", char) == char


def groups(pairs: Mapping[str, str]) -> Iterator[str]:
    """What looks like the same, as the table has it."""
    for like in sorted(set(pairs.values())):
        codes = sorted(ord(char) for char, each in pairs.items() if each == like)
        steps = (code - before for before, code in zip([0, *codes], codes, strict=False))
        likes = " ".join(f"{ord(char):x}" for char in like)
        yield f"{likes}:{' '.join(f'{step:x}' for step in steps)};"


def rows(text: str) -> Iterator[str]:
    """The text in rows, broken where a blank may stand."""
    row = ""
    for word in re.findall(r"[^ ;]*[ ;]", text):
        if len(row) + len(word) > COLUMNS:
            yield row.rstrip()
            row = ""
        row += word
    yield row.rstrip(" ;")


def main() -> None:
    """Write it."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8-sig")
    version = re.search(r"Version: ([\d.]+)", text)
    notice = re.search(r"\u00a9 .*", text)
    assert version is not None
    assert notice is not None
    pairs = {char: like for char, like in confusables_in(text) if is_needed(char)}
    head = HEAD.format(version=version[1], notice=notice[0].replace("\u00ae", ""))
    table = "\n".join(rows("".join(groups(pairs))))
    TABLE.write_text(f'{head}{table}\n"""\n', encoding="utf-8")


if __name__ == "__main__":
    main()
