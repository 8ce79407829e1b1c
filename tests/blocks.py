"""Blocks of a document that are made from the code, between marks, word for word."""

import difflib
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

Blocks: TypeAlias = Mapping[str, Callable[[], list[str]]]
"""The name of each block, and what makes its lines."""


def block_pattern(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"(<!-- from the code: {name} -->\n)(.*?)(<!-- end: {name} -->)", re.DOTALL
    )


def differences(document: str, blocks: Blocks) -> list[str]:
    """Where the document's blocks are not what the code says, line by line."""
    found = []
    for name, make in blocks.items():
        written = block_pattern(name).findall(document)
        if len(written) != 1:
            found.append(f"the block {name!r} is there {len(written)} times")
            continue
        said = written[0][1].splitlines()
        diff = difflib.ndiff(said, make())
        found += [f"{name}: {line}" for line in diff if line[0] in "+-"]
    return found


def made_anew(document: str, blocks: Blocks) -> str:
    """The document with every block as the code says it."""
    for name, make in blocks.items():
        before, start, _, end, after = block_pattern(name).split(document)
        document = before + start + "".join(f"{line}\n" for line in make()) + end + after
    return document
