"""Bots, stories and checkers that hold trio_chat to its promises."""
