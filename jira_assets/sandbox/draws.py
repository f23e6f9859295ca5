"""Chance that is the same every time: a number drawn from the words that name the draw.

A draw depends on its own name alone, not on the draws before it, so neither the order of requests
nor the size of a site shifts what the others get.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

Item = TypeVar("Item")

_BYTES = 8


def draw(*name: object) -> float:
    """Return a number in [0, 1) that is the same for the same name, on every machine."""
    digest = blake2b("\x1f".join(map(str, name)).encode(), digest_size=_BYTES).digest()
    return (int.from_bytes(digest) >> 11) / (1 << 53)


def pick(items: Sequence[Item], *name: object) -> Item:
    """Return one of the items, the same one for the same name."""
    return items[int(draw(*name) * len(items))]


def shuffled(items: Sequence[Item], *name: object) -> list[Item]:
    """Return the items in an order that is the same for the same name."""
    order = sorted(range(len(items)), key=lambda index: draw(*name, index))
    return [items[index] for index in order]


class Chance:
    """Many draws in a row under one name: cheap, and the same ones for the same name."""

    def __init__(self, *name: object) -> None:
        self._name = "\x1f".join(map(str, name)).encode()
        self._lap = 0
        self._pool = 0
        self._room = 1

    def below(self, limit: int) -> int:
        """Return a number from 0 to ``limit`` - 1."""
        if self._room < limit << 16:
            key = self._lap.to_bytes(4)
            self._pool = int.from_bytes(blake2b(self._name, key=key, digest_size=64).digest())
            self._room = 1 << 512
            self._lap += 1
        self._pool, found = divmod(self._pool, limit)
        self._room //= limit
        return found

    def of(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[self.below(len(items))]

    def one_in(self, count: int) -> bool:
        """Return True once in so many times."""
        return self.below(count) == 0
