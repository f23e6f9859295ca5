"""Many cases in a row, and what they came to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.table import Table

from jira_assets_tests.poison.case import Case, Outcome, draw, play
from jira_assets_tests.poison.guard import budget
from jira_assets_tests.poison.mutate import KINDS

COUNTED: Final = ("cases", "rows", "rejected", "refused", "failed")


@dataclass
class Report:
    """Counts by kind of change, and the cases that failed.

    A case with several changes counts for each of its kinds, and once in ``total``.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    total: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, case: Case, outcome: Outcome, only: Sequence[str]) -> None:
        found = Counter(
            cases=1,
            rows=outcome.rows,
            rejected=outcome.rejected,
            refused=outcome.refused,
            failed=bool(outcome.problems),
        )
        self.total += found
        for kind in dict.fromkeys(case.kinds):
            self.counts.setdefault(kind, Counter()).update(found)
        if outcome.problems:
            self.failures.append(failure(case, outcome, only))

    def table(self) -> Table:
        """Return the counts as people read them."""
        table = Table("change", *COUNTED)
        for name, counted in self._lines():
            table.add_row(name, *(f"{counted[what]:,}" for what in COUNTED))
        return table

    def markdown(self) -> str:
        lines = [f"| change | {' | '.join(COUNTED)} |", f"|---|{'---:|' * len(COUNTED)}"]
        for name, counted in self._lines():
            lines.append(f"| {name} | {' | '.join(f'{counted[what]:,}' for what in COUNTED)} |")
        return "\n".join(lines) + "\n"

    def _lines(self) -> Iterator[tuple[str, Counter[str]]]:
        yield from ((kind, self.counts[kind]) for kind in KINDS if kind in self.counts)
        yield "all", self.total


def failure(case: Case, outcome: Outcome, only: Sequence[str]) -> str:
    """Return what is wrong with a case, and how to see it again."""
    told = "; ".join(outcome.problems[:3])
    named = "".join(f" --only {each!r}" if " " in each else f" --only {each}" for each in only)
    again = f"python -m jira_assets_tests.poison --seed {case.seed} --cases 1{named}"
    what = f"{case.base.site}, {case.base.entity} as {case.base.shape}, {'+'.join(case.kinds)}"
    return f"{again}\n  {what}: {told}"


def run(seeds: Iterable[int], only: Sequence[str] = ()) -> Iterator[tuple[Case, Outcome]]:
    """Play the cases of these seeds, each with a budget of work."""
    for seed in seeds:
        with budget(seed):
            case = draw(seed, only)
            outcome = play(case)
        yield case, outcome
