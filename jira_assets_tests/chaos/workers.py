"""Deployments that share the rounds: while one waits for what lasts, another has the cores."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue

from jira_assets_tests.chaos.deployment import deployed
from jira_assets_tests.chaos.rounds import Outcome, play


def rounds_of(
    seeds: Sequence[int], workers: int, *, only: str | None = None, sabotage: str | None = None
) -> Iterator[Outcome]:
    """Play the round of each seed on one of ``workers`` deployments; give each as it ends.

    The error of a deployment that cannot be set up, or does not come to rest by itself, is raised
    once the other ones have ended.
    """
    left: SimpleQueue[int] = SimpleQueue()
    for seed in seeds:
        left.put(seed)
    ended: SimpleQueue[Outcome | None] = SimpleQueue()

    def work() -> None:
        try:
            with deployed(sabotage=sabotage) as deployment:
                for outcome in play(deployment, _taken(left), only):
                    ended.put(outcome)
        finally:
            ended.put(None)

    with ThreadPoolExecutor(workers, "chaos") as pool:
        working = [pool.submit(work) for _ in range(min(workers, len(seeds)))]
        try:
            yield from _given(ended, len(working))
        finally:
            with suppress(Empty):
                while True:
                    left.get_nowait()
        for each in working:
            each.result()


def _taken(left: "SimpleQueue[int]") -> Iterator[int]:
    with suppress(Empty):
        while True:
            yield left.get_nowait()


def _given(ended: "SimpleQueue[Outcome | None]", working: int) -> Iterator[Outcome]:
    while working:
        outcome = ended.get()
        if outcome is None:
            working -= 1
        else:
            yield outcome
