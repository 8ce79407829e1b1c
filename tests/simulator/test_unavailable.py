"""Where SQLite can't be given a virtual disk, whoever needs one is skipped by name."""

import pytest

from simulator.cli import main
from simulator.virtual import UnavailableError, world


@pytest.fixture
def without_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_disks(*_: object, **__: object) -> None:
        raise UnavailableError("this Python's SQLite is linked statically")

    monkeypatch.setattr(world, "open_disks", open_disks)


@pytest.mark.usefixtures("without_disks")
@pytest.mark.parametrize("seeds", ["1", "2"])
@pytest.mark.parametrize("suite", ["restart", "disk", "swarm"])
def test_a_suite_that_needs_a_disk_is_skipped_by_name(
    suite: str, seeds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", suite, "--seeds", seeds]) == 0
    out = capsys.readouterr().out
    assert f"skipped: {suite}: this Python's SQLite is linked statically" in out


@pytest.mark.usefixtures("without_disks")
def test_the_others_are_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "partition", "--seed", "7"]) == 0
    assert "skipped" not in capsys.readouterr().out
