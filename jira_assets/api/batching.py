"""Many readers, few queries: those that wait at the same time are answered by one statement.

Decisions this module embodies:

* Nothing is cached. Who asks while a query is under way waits for the next one, which begins after
  the asking: every reader gets what was committed before it asked.
* One query at a time, so any number of readers holds one thread and one connection. The longer a
  query takes, the more of them the next one serves.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Batched(Generic[K, V]):
    """Answers ``get`` by ``read``, which is called in a thread with all the keys that wait."""

    def __init__(self, read: Callable[[Collection[K]], Mapping[K, V]]) -> None:
        self._read = read
        self._waiting: dict[K, list[asyncio.Future[V | None]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """Return what there is under ``key``, None if nothing; raises what ``read`` raises."""
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self._task is None:
            self._task = asyncio.create_task(self._answer())
        return await answer

    async def _answer(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, {}
            try:
                found = await asyncio.to_thread(self._read, batch)
            except Exception as error:  # noqa: BLE001  # each of those who wait raises it
                for answer in _waiting(batch):
                    answer.set_exception(error)
            else:
                for key, answers in batch.items():
                    for answer in _waiting({key: answers}):
                        answer.set_result(found.get(key))
        self._task = None


def _waiting(batch: Mapping[K, list[asyncio.Future[V | None]]]) -> list[asyncio.Future[V | None]]:
    """Return those that wait still: who hung up is not told."""
    return [answer for answers in batch.values() for answer in answers if not answer.done()]
