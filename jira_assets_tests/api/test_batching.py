"""Many readers, few queries; and nobody is told what was true before they asked."""

import asyncio
import threading
from collections.abc import Collection

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
