"""What the rounds injected and what they found, as lines, as a table and as Markdown."""

from collections import Counter
from dataclasses import dataclass, field

from rich.table import Table

from jira_assets_tests.chaos.plan import KINDS
from jira_assets_tests.chaos.rounds import Outcome


def told(outcome: Outcome) -> str:
    """Return a round in words, with the seed that repeats it."""
    plan = outcome.plan
    changes = [f"{change.name} ({key.tenant})" for key, change in (*plan.first, *plan.second)]
    lines = [
        f"seed {plan.seed}: {outcome.seconds:.0f} s",
        f"  changed   {', '.join(changes)}",
        f"  asked     {', '.join(map(str, plan.second_jobs))}",
        f"  planned   {', '.join(f'{one.kind} at {one.at:.0f} s' for one in plan.injections)}",
        f"  happened  {', '.join(outcome.injected) or 'nothing'}",
    ]
    if outcome.restarted:
        lines.append(f"  restarted {', '.join(outcome.restarted)}")
    if outcome.asked_again:
        lines.append(f"  again     {', '.join(outcome.asked_again)}")
    lines += [f"  given up  {each}" for each in outcome.given_up]
    lines += [f"  FOUND     {each}" for each in outcome.differences] or ["  found     nothing"]
    if outcome.kept is not None:
        lines.append(f"  kept      {outcome.kept}")
    return "\n".join(lines)


@dataclass
class Report:
    """All rounds."""

    outcomes: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Take in a round."""
        self.outcomes.append(outcome)

    @property
    def differences(self) -> int:
        """How many were found, in all rounds."""
        return sum(len(outcome.differences) for outcome in self.outcomes)

    def rows(self) -> list[tuple[str, int, int, int]]:
        """Return each kind that was planned: how often, how often it happened, and in how many
        rounds of it something was found.
        """
        planned = Counter(one.kind for each in self.outcomes for one in each.plan.injections)
        happened = Counter(kind for each in self.outcomes for kind in each.injected)
        found = Counter(
            kind for each in self.outcomes if each.differences for kind in set(each.injected)
        )
        return [
            (kind, planned[kind], happened[kind], found[kind]) for kind in KINDS if planned[kind]
        ]

    def summary(self) -> str:
        """Return the whole in a sentence."""
        bad = [str(each.plan.seed) for each in self.outcomes if each.differences]
        happened = sum(len(each.injected) for each in self.outcomes)
        again = sum(len(each.asked_again) for each in self.outcomes)
        given_up = sum(len(each.given_up) for each in self.outcomes)
        seconds = sum(each.seconds for each in self.outcomes) / max(1, len(self.outcomes))
        return (
            f"{len(self.outcomes)} rounds of {seconds:.0f} s, {happened} faults; {again} jobs "
            f"asked for again, {given_up} messages visibly failed; {self.differences} differences"
            + (f" (seeds {', '.join(bad)})" if bad else "")
        )

    def table(self) -> Table:
        """Return it for a terminal."""
        made = Table(title=self.summary())
        for heading in ("fault", "planned", "happened", "differing rounds"):
            made.add_column(
                heading,
                justify="left" if heading == "fault" else "right",
                no_wrap=heading == "fault",
            )
        for kind, *counts in self.rows():
            made.add_row(kind, *map(str, counts))
        return made

    def markdown(self) -> str:
        """Return it for a document."""
        lines = [self.summary(), "", "| fault | planned | happened | differing rounds |"]
        lines.append("|---|---|---|---|")
        lines += [f"| {' | '.join(map(str, row))} |" for row in self.rows()]
        for outcome in self.outcomes:
            if outcome.differences:
                lines += ["", "```", told(outcome), "```"]
        return "\n".join(lines) + "\n"
