"""Many readers, few queries: those that wait at the same time are answered by one statement.

Decisions this module embodies:

* Nothing is cached. Who asks while a query is under way waits for the next one, which begins after
  the asking: every reader gets what was committed before it asked.
* One query at a time, so any number of readers holds one thread and one connection. The longer a
  query takes, the more of them the next one serves.
* Readers that ask again and again come one after the other. So a query waits until as many wait as
  the last one served, but no longer than that one took, and 5 ms at most: else the first to come
  has a query for itself, and all the others wait for its end. Who reads alone never waits.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
MOST_PATIENCE_SECONDS: Final = 0.005


class Batched(Generic[K, V]):
    """Answers ``get`` by ``read``, which is called in a thread with all the keys that wait."""

    def __init__(self, read: Callable[[Collection[K]], Mapping[K, V]]) -> None:
        self._read = read
        self._waiting: dict[K, list[asyncio.Future[V | None]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._count = 0
        """How many wait."""
        self._expected = 1
        self._patience = 0.0
        self._enough = asyncio.Event()

    async def get(self, key: K) -> V | None:
        """Return what there is under ``key``, None if nothing; raises what ``read`` raises."""
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        self._count += 1
        if self._count >= self._expected:
            self._enough.set()
        if self._task is None:
            self._task = asyncio.create_task(self._answer())
        return await answer

    async def _answer(self) -> None:
        while self._waiting:
            await self._gather()
            batch, self._waiting = self._waiting, {}
            self._expected, self._count = self._count, 0
            began = time.perf_counter()
            try:
                found = await asyncio.to_thread(self._read, batch)
            except Exception as error:  # noqa: BLE001  # each of those who wait raises it
                for answer in _waiting(batch):
                    answer.set_exception(error)
            else:
                for key, answers in batch.items():
                    for answer in _waiting({key: answers}):
                        answer.set_result(found.get(key))
            self._patience = min(time.perf_counter() - began, MOST_PATIENCE_SECONDS)
        self._task = None

    async def _gather(self) -> None:
        """Wait for as many as the last query served, for as long as it took at most."""
        self._enough.clear()
        if self._count < self._expected:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), self._patience)


def _waiting(batch: Mapping[K, list[asyncio.Future[V | None]]]) -> list[asyncio.Future[V | None]]:
    """Return those that wait still: who hung up is not told."""
    return [answer for answers in batch.values() for answer in answers if not answer.done()]
