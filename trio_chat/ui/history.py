"""What was typed before, for the Up key: kept in a file that nobody else can read."""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from trio_chat.habits.habits import DEFAULT_HABITS

HISTORY_BYTES_MAX: Final = 1_000_000
_ENTRY_BEGINS: Final = "\n# "

# Better a line too many that Up does not bring back tomorrow than one secret on a disk.
_SECRET_LOOKS: Final = (
    r"^/(?:login|oper|pass|auth|identify|register|token)\b",
    r"\b\w*(?:password|passwd|passphrase|secret|token|api[_-]?key)\b\W{0,3}[:=]",
    r"\bpass(?:word|wd|phrase)? (?:is|ist)\b",
    r"://[^/\s:@]+:[^/\s@]+@",  # a password in an address
    r"-----BEGIN [A-Z ]*PRIVATE KEY",
    r"\bauthorization: ",
    r"\bbearer [\w.~+/-]{16,}",
    # What the keys of well-known services begin with.
    r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|sk-|sk_live_|pypi-)\w{8,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.",  # a signed token
)
_SECRET: Final = re.compile("|".join(_SECRET_LOOKS), re.IGNORECASE | re.MULTILINE)


def is_secret(text: str) -> bool:
    """Whether a line looks as if it had a password or a key in it."""
    return _SECRET.search(text) is not None


def open_history(
    state_dir: Path | None, lines_max: int = DEFAULT_HABITS.history_lines
) -> History:
    """What was typed before, in this life and in earlier ones.

    Shape:  without a directory that can be written, or where no lines are to be kept: in
            this life alone. What is older than that is forgotten now.
    """
    if state_dir is None:
        return InMemoryHistory()
    path = state_dir / "history"
    try:
        if not lines_max:
            path.unlink(missing_ok=True)
            return InMemoryHistory()
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
        _shorten(path, lines_max)
    except OSError:
        return InMemoryHistory()
    return _KeptHistory(path)


class _KeptHistory(FileHistory):
    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        if is_secret(string):
            return  # Up has it, until one leaves
        with suppress(OSError):  # a full disk is no reason to stop talking
            super().store_string(string)


def _shorten(path: Path, lines_max: int) -> None:
    """Give up the oldest lines, if there are too many."""
    text = path.read_text(encoding="utf-8", errors="replace")
    kept = shortened(text, lines_max)
    if kept != text:
        with suppress(OSError):  # another chat has it open: next time
            other = path.with_suffix(".new")
            other.touch(mode=0o600)
            other.write_text(kept, encoding="utf-8")
            other.replace(path)


def shortened(text: str, lines_max: int = DEFAULT_HABITS.history_lines) -> str:
    """The file without its oldest lines, if it has more than it may have."""
    entries = text.split(_ENTRY_BEGINS)
    kept = entries[-lines_max:]
    size = 0
    for number, entry in enumerate(reversed(kept)):
        size += len(entry)
        if size > HISTORY_BYTES_MAX:
            kept = kept[len(kept) - number :]
            break
    return text if len(kept) == len(entries) else _ENTRY_BEGINS + _ENTRY_BEGINS.join(kept)
