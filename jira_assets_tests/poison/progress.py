"""How far a long run is: a bar in a terminal, and a line each 5 % where nobody would see one."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import track

_LINES: Final = 20
T = TypeVar("T")


def told(each: Iterable[T], what: str, total: int, console: Console) -> Iterator[T]:
    """Yield each of ``total`` things, and tell how many of them are done."""
    if console.is_terminal:
        yield from track(each, what, total=total, console=console)
        return
    for done, found in enumerate(each, start=1):
        yield found
        if done * _LINES // total > (done - 1) * _LINES // total:
            console.print(f"{what}: {done:,} of {total:,} ({done * 100 // total} %)")
