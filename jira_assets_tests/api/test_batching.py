"""Many readers, few queries; and nobody is told what was true before they asked."""

import asyncio
import itertools
import threading
import time
from collections.abc import Collection

import pytest

from jira_assets.api import batching
from jira_assets.api.batching import Batched


def test_those_who_wait_at_the_same_time_are_answered_together() -> None:
    asked: list[set[int]] = []
    began, go_on = threading.Event(), threading.Event()

    def read(keys: Collection[int]) -> dict[int, str]:
        asked.append(set(keys))
        began.set()
        go_on.wait(10)
        return {key: f"value {key}" for key in keys if key < 100}

    async def main() -> list[str | None]:
        batched = Batched(read)
        first = asyncio.create_task(batched.get(1))
        assert await asyncio.to_thread(began.wait, 10)
        others = [asyncio.create_task(batched.get(key)) for key in (2, 3, 3, 1, 100)]
        await asyncio.sleep(0)
        go_on.set()
        return await asyncio.gather(first, *others)

    found = asyncio.run(main())
    assert found == ["value 1", "value 2", "value 3", "value 3", "value 1", None]
    # The first one asked before the others: what it is told may be older than their asking.
    assert asked == [{1}, {1, 2, 3, 100}]


def test_readers_that_ask_again_one_after_the_other_share_each_query(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each query takes a minute, and so the next one may wait for a minute.
    monkeypatch.setattr(batching, "MOST_PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr(time, "perf_counter", itertools.count(step=60.0).__next__)
    asked: list[int] = []

    def read(keys: Collection[int]) -> dict[int, int]:
        asked.append(len(keys))
        return {key: key for key in keys}

    async def reads(batched: Batched[int, int], key: int) -> None:
        for _ in range(5):
            assert await batched.get(key) == key
            for _ in range(key):  # each at another turn of the loop
                await asyncio.sleep(0)

    async def main() -> None:
        batched = Batched(read)
        await asyncio.gather(*[reads(batched, key) for key in range(20)])

    asyncio.run(main())
    assert asked == [20] * 5


def test_a_query_does_not_wait_for_readers_that_have_gone() -> None:
    async def main() -> list[int | None]:
        batched: Batched[int, int] = Batched(lambda keys: {key: key for key in keys})
        await asyncio.gather(*[batched.get(key) for key in range(20)])
        return [await asyncio.wait_for(batched.get(key), 10) for key in (1, 2)]

    assert asyncio.run(main()) == [1, 2]


def test_who_hangs_up_holds_nobody_up_and_an_error_reaches_all() -> None:
    outcomes = [ConnectionError("away"), None]
    release = threading.Event()

    def read(keys: Collection[int]) -> dict[int, int]:
        release.wait(10)
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return dict.fromkeys(keys, 7)

    async def main() -> None:
        batched = Batched(read)
        waiting = [asyncio.create_task(batched.get(1)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        release.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in results] == [
            asyncio.CancelledError,
            ConnectionError,
            ConnectionError,
        ]
        assert await batched.get(1) == 7

    asyncio.run(main())
