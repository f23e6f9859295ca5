"""What a benchmark hands back: a table with the question that it answers."""

from typing import NamedTuple


class Section(NamedTuple):
    """One benchmark's result; ``rows`` are texts."""

    title: str
    question: str
    command: str
    columns: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        table = [
            f"| {' | '.join(self.columns)} |",
            "|" + "---|" * len(self.columns),
            *(f"| {' | '.join(row)} |" for row in self.rows),
        ]
        lines = [f"## {self.title}", "", self.question, "", f"`{self.command}`", "", *table, ""]
        return "\n".join(lines)
