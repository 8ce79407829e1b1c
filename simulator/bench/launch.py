"""Becomes another program: on one core from its first moment on, with many open files.

A runtime that looks at its cores as it starts then sees how many it really has.
"""

import os
import sys
from collections.abc import Sequence

from simulator.bench.cores import pin


def launched(command: Sequence[str], core: int | None) -> list[str]:
    """A command that does the same on this core; None: wherever there is time."""
    if core is None:
        return list(command)
    return [sys.executable, "-m", "simulator.bench.launch", str(core), *command]


def main(core: str, *command: str) -> None:
    """Become it."""
    pin(os.getpid(), int(core))
    _open_many_files()
    os.execvp(command[0], command)  # noqa: S606 (there is no shell to want)


def _open_many_files() -> None:
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 (there is none on Windows)

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main(*sys.argv[1:])
