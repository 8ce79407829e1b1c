"""What can go wrong with a world, apart from what is wrong with the program in it."""


class SimulationError(Exception):
    """A world can't go on; the text is a sentence, and what was going on."""


class LimitError(SimulationError):
    """A run met one of its limits; the text ends with the tasks that were alive."""


class DeadlockError(LimitError):
    """Everyone waits, and nothing that could wake anybody will ever happen."""


class LivelockError(LimitError):
    """Tasks run for ever in one and the same instant."""


class NodeError(SimulationError):
    """The program of a node ended with an error; the cause is that error."""


class LeakError(SimulationError):
    """The program took time or chance from the real machine: its run can't be repeated."""


class UnavailableError(SimulationError):
    """This Python can't do what was asked for; the text says why, and what would."""
