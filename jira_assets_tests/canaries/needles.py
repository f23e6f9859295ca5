"""Secrets that can be found again in whatever spelling, and the looking for them.

Every canary begins with the same letters and ends with signs that JSON, HTML and URLs escape. Text
in base64 is found wherever in it the letters stand: each of the three ways to begin is looked for.
"""

import base64
from collections.abc import Iterable
from pathlib import Path

PREFIX = "Qx7Canary"
TAIL = "+/c="
"""Ends every canary: what others escape."""


def canary(name: str) -> str:
    """Return a secret that names itself."""
    return f"{PREFIX}{name}{TAIL}"


def needles(core: str) -> list[bytes]:
    """Return how ``core`` (letters and digits) may be written: plain, hexadecimal, in base64."""
    plain = core.encode()
    return [plain, plain.hex().encode(), *(_in_base64(plain, at) for at in range(3))]


def _in_base64(plain: bytes, at: int) -> bytes:
    """Return what base64 makes of ``plain``, whatever is around it, ``at`` bytes after a third."""
    text = base64.b64encode(bytes(at) + plain)
    return text[-(-8 * at // 6) : 8 * (at + len(plain)) // 6]


def found(text: bytes, secrets: Iterable[str]) -> list[str]:
    """Return the surroundings of each secret that ``text`` holds."""
    places = [text.find(needle) for core in secrets for needle in needles(core)]
    return [repr(text[max(0, place - 150) : place + 150]) for place in places if place >= 0]


def files(folder: Path, *, but: Iterable[Path] = ()) -> dict[str, bytes]:
    """Return the contents of all files below ``folder``, by path; not of ``but``, nor in it."""
    skipped = tuple(but)
    return {
        str(path): str(path).encode() + b"\n" + path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and not any(path == each or each in path.parents for each in skipped)
    }
