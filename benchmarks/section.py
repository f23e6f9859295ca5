"""What a benchmark hands back: a table with the question that it answers."""

from typing import NamedTuple


class Section(NamedTuple):
    """One benchmark's result; ``rows`` are texts."""

    title: str
    question: str
    command: str
    columns: list[str]
    rows: list[list[str]]

    def markdown(self, where: str) -> str:
        """Return it for the page; ``where`` says when it was measured, and on what."""
        table = [
            f"| {' | '.join(self.columns)} |",
            "|" + "---|" * len(self.columns),
            *(f"| {' | '.join(row)} |" for row in self.rows),
        ]
        lines = [f"## {self.title}", "", self.question, ""]
        return "\n".join([*lines, f"`{self.command}`, {where}", "", *table, ""])
