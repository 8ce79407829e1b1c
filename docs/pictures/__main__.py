"""Draws all pictures of the client anew, or those that are named.

python -m docs.pictures
"""

import sys
from pathlib import Path
from typing import Any

import trio

from docs.pictures.scenes import SCENES, Scene
from docs.pictures.stage import open_stage
from docs.pictures.svg import picture

HERE = Path(__file__).parents[1]


async def played(scene: Scene) -> Any:
    """The screen at the end of the scene."""
    async with open_stage() as stage:
        return await scene.play(stage)


def main() -> None:
    """Play the scenes, and draw them."""
    for name in sys.argv[1:] or SCENES:
        scene = SCENES[name]
        drawn = picture(trio.run(played, scene), scene.title)
        file = HERE / f"{name}.svg"
        file.write_text(drawn, encoding="utf-8")
        sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main()
