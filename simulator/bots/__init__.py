"""The people of the stories: scripts as data, and what plays them."""

from simulator.bots.bot import Bot
from simulator.bots.script import Join, Pause, Say, Script
from simulator.bots.scripts import latecomer, reader, talker

__all__ = ["Bot", "Join", "Pause", "Say", "Script", "latecomer", "reader", "talker"]
