"""Numbers on the command line; what is none is said to whoever typed it."""

import argparse
import math


def at_least_one(text: str) -> int:
    """A whole number from 1 on."""
    return whole(text, 1)


def whole(text: str, lowest: int) -> int:
    """A whole number from `lowest` on.

    Raises: argparse.ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdigit() and int(text) >= lowest):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} on")
    return int(text)


def number(text: str, lowest: float, highest: float) -> float:
    """A number in a range, both ends included.

    Raises: argparse.ArgumentTypeError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not lowest <= value <= highest:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number from {lowest:g} to {highest:g}"
        )
    return value
