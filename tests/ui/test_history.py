"""What was typed before: kept for oneself alone, and no secrets in it."""

import sys
from pathlib import Path

import pytest
from prompt_toolkit.history import InMemoryHistory

from trio_chat.habits.habits import DEFAULT_HABITS
from trio_chat.ui.history import (
    HISTORY_BYTES_MAX,
    is_secret,
    open_history,
    shortened,
)


def typed_before(state_dir: Path) -> list[str]:
    """What a new chat finds, the oldest first."""
    return [*reversed([*open_history(state_dir).load_history_strings()])]


def test_what_was_typed_is_there_in_the_next_life(tmp_path: Path) -> None:
    history = open_history(tmp_path / "state")
    history.append_string("one")
    history.append_string("two\nrows")
    assert typed_before(tmp_path / "state") == ["one", "two\nrows"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
def test_nobody_else_can_read_it_even_if_they_could_before(tmp_path: Path) -> None:
    (tmp_path / "history").touch(mode=0o644)
    open_history(tmp_path).append_string("one")
    assert (tmp_path / "history").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "/login ada hunter2",
        "my password: hunter2",
        "the password is hunter2",
        "export API_KEY=abc",
        "DB_PASSWORD=abc",
        "token = 12345",
        "git clone https://ada:hunter2@example.org/x",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nabc",
        "Authorization: Basic abc",
        "ghp_" + "a1" * 18,
        "it is sk-" + "a1" * 20,
        "AKIA" + "A1" * 8,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    ],
)
def test_what_looks_like_a_secret_is_not_kept(tmp_path: Path, text: str) -> None:
    assert is_secret(text)
    history = open_history(tmp_path)
    history.append_string(text)
    assert history.get_strings() == [text]  # Up has it in this life
    assert typed_before(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "where is the token bucket?",
        "I forgot my password again",
        "see https://example.org:8080/a@b",
        "task-force",
        "the secret of good coffee",
        "/msg ada hi",
    ],
)
def test_talk_is_kept(text: str) -> None:
    assert not is_secret(text)


def test_only_the_last_lines_are_kept(tmp_path: Path) -> None:
    history = open_history(tmp_path)
    for number in range(DEFAULT_HABITS.history_lines + 5):
        history.append_string(f"line {number}")
    lines = typed_before(tmp_path)
    assert (len(lines), lines[0]) == (DEFAULT_HABITS.history_lines, "line 5")
    assert [path.name for path in tmp_path.iterdir()] == ["history"]


def test_a_few_huge_lines_are_few_enough_too() -> None:
    text = "".join(f"\n# when\n+{'x' * (HISTORY_BYTES_MAX // 3)}{n}\n" for n in range(5))
    kept = shortened(text)
    assert kept.count("\n# ") == 2
    assert kept.endswith("x4\n")
    assert shortened(kept) == kept


def test_without_a_place_it_lasts_as_long_as_the_chat(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert isinstance(open_history(tmp_path / "file" / "state"), InMemoryHistory)
    assert isinstance(open_history(None), InMemoryHistory)


def test_a_file_that_can_not_be_written_any_more_stops_nobody(tmp_path: Path) -> None:
    history = open_history(tmp_path)
    (tmp_path / "history").unlink()
    (tmp_path / "history").mkdir()
    history.append_string("one")
    assert history.get_strings() == ["one"]


def test_as_many_lines_are_kept_as_are_wanted(tmp_path: Path) -> None:
    history = open_history(tmp_path, 3)
    for number in range(5):
        history.append_string(f"line {number}")
    assert [*open_history(tmp_path, 3).load_history_strings()][-1] == "line 2"


def test_who_wants_nothing_kept_finds_nothing_on_the_disk(tmp_path: Path) -> None:
    open_history(tmp_path).append_string("one")
    history = open_history(tmp_path, 0)
    history.append_string("two")
    assert history.get_strings() == ["two"]
    assert not (tmp_path / "history").exists()
    assert typed_before(tmp_path) == []
