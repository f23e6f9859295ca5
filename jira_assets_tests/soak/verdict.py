"""Whether a series levels off: a stated rule, by a slope that single peaks do not move.

The first third is the warming up: it is shown, and not judged. Of the rest the slope is the median
of the slopes between all pairs (Theil and Sen), so a peak or a pruning between two samples counts
as little as it should. A series levels off where that slope, over an hour, is at most a tenth of
the level; or where the last third comes no higher than the second and what it may gain meanwhile,
which a saw's teeth do (of a few of them the slope depends on where they are cut); or where what it
would gain in an hour is too little to matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median
from typing import Final

Point = tuple[float, float]
"""Seconds, and a value."""

SHARE_PER_HOUR: Final = 0.10
_HOUR: Final = 3600.0
_MOST_PAIRED: Final = 300
FEWEST: Final = 9
"""Samples of which a verdict can be given."""
LEAST: Final = {"MB": 5.0, "count": 20.0, "open": 10.0, "messages": 20.0, "s": 60.0, "%": 10.0}
"""By unit: what a series may gain in an hour, however low its level is."""
NOT_JUDGED: Final = ("data", "data rows", "machine", "harness", "restarts", "failed")
"""Parts that follow Jira, the machine or the harness itself; or that are told as they are."""


@dataclass(frozen=True)
class Verdict:
    """A series in figures."""

    name: str
    first: float
    """The mean of the first third of the time; as the other two, of all where a third has none."""
    second: float
    last: float
    highest: float
    per_hour: float
    """The slope of the last two thirds."""
    levels_off: bool | None
    """None where it is not judged."""

    @property
    def word(self) -> str:
        """Return it in a word or two."""
        return {None: "not judged", True: "levels off", False: "GROWS"}[self.levels_off]


def slope(points: Sequence[Point]) -> float:
    """Return the median slope between all pairs, a second; 0 of fewer than two points."""
    step = max(1, len(points) // _MOST_PAIRED)
    pairs = combinations(points[::step], 2)
    return median([(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in pairs if x2 > x1] or [0.0])


def judge(name: str, points: Sequence[Point], seconds: float) -> Verdict:
    """Judge a series of a soak that took so many seconds. There is at least one point."""
    thirds = [
        [each for each in points if part * seconds / 3 <= each[0] < (part + 1) * seconds / 3]
        for part in range(3)
    ]
    first, second, last = ([value for _, value in third] for third in thirds)
    values = [value for _, value in points]
    per_hour = slope([*thirds[1], *thirds[2]]) * _HOUR
    part, unit = name.split(":", maxsplit=1)[0], name.rsplit(", ", 1)[-1]
    judged = part not in NOT_JUDGED and len(points) >= FEWEST and bool(second and last)
    levels_off = None
    if judged:
        level = median([*second, *last])
        allowed = max(SHARE_PER_HOUR * abs(level), LEAST.get(unit, 0.0))
        gain = allowed * seconds / 3 / _HOUR
        levels_off = per_hour <= allowed or max(last) <= max(second) + gain
    return Verdict(
        name=name,
        first=fmean(first or values),
        second=fmean(second or values),
        last=fmean(last or values),
        highest=max(values),
        per_hour=per_hour,
        levels_off=levels_off,
    )
