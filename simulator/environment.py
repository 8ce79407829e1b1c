"""What a process that we start is told of the one that starts it."""

import os
from pathlib import Path

import trio_chat
from trio_chat.config import ENVIRONMENT_PREFIX


def child_environment() -> dict[str, str]:
    """This process's own, but with its own trio_chat, and without anybody's settings."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(ENVIRONMENT_PREFIX)
    }
    package = str(Path(trio_chat.__file__).parents[1])
    inherited = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, inherited]))
    return environment
