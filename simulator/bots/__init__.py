"""The people of the stories: scripts as data, and what plays them."""

from simulator.bots.bot import Bot
from simulator.bots.hostile import Hostile, hostile
from simulator.bots.script import (
    About,
    Dawdle,
    Drop,
    Join,
    Leave,
    Pause,
    Say,
    Script,
)
from simulator.bots.scripts import (
    answerer,
    flapper,
    laggard,
    latecomer,
    lurker,
    reader,
    roamer,
    talker,
)

__all__ = [
    "About",
    "Bot",
    "Dawdle",
    "Drop",
    "Hostile",
    "Join",
    "Leave",
    "Pause",
    "Say",
    "Script",
    "answerer",
    "flapper",
    "hostile",
    "laggard",
    "latecomer",
    "lurker",
    "reader",
    "roamer",
    "talker",
]
