"""Python's garbage collector, told to stay out of the way of pages full of JSON.

A page of issues is ten thousands of new objects, none of them in a cycle: they go when the page
does. The collector does not know that. It looks after every so many new objects for cycles, from
time to time among all that there are, and beside Dagster that took half of the time that reading
and transforming issues took.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_OBJECTS: Final = 500_000
"""New objects, less those that went, after which it looks: those of some pages in flight."""


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Let the collector look rarely, and pass over what was there before, until the block ends."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
