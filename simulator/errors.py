"""What ends a run before its end."""


class StoryError(Exception):
    """The story can't go on; the text is a sentence for people."""


class ServerError(StoryError):
    """The server did not start, or did not stay."""
