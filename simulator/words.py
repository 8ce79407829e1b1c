"""What somebody said, in the one form in which histories have it and checkers compare."""


def words(text: str, kind: str = "text", ref: int | None = None) -> str:
    """The text, and before it what makes it more than a text: its kind, what it is about.

    Shape:  another one for each of the three that is another one, so that a line that was
            stored or shown about another entry, or as something else, is another line.
    """
    about = "" if ref is None else f" ^{ref}"
    marked = kind != "text" or about or text.startswith("(")
    return f"({kind}{about}) {text}" if marked else text
