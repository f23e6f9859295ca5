"""Texts that others wrote, on their way to a terminal."""


def printable(text: str) -> str:
    """Return the text without what a terminal would obey: anybody may have written it."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
