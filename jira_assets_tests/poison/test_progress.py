"""A run whose output is a file says how far it is, and a terminal gets its bar."""

import io

import pytest
from rich.console import Console

from jira_assets_tests.poison.progress import told


def lines_of(total: int, *, terminal: bool = False) -> list[str]:
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=80)
    assert list(told(iter(range(total)), "poison", total, console)) == list(range(total))
    return written.getvalue().splitlines()


@pytest.mark.parametrize(
    ("total", "lines", "first"),
    [
        (100_000, 20, "poison: 5,000 of 100,000 (5 %)"),
        (250, 20, "poison: 13 of 250 (5 %)"),
        (8, 8, "poison: 1 of 8 (12 %)"),
        (1, 1, "poison: 1 of 1 (100 %)"),
    ],
)
def test_a_file_gets_a_line_each_5_percent(total: int, lines: int, first: str) -> None:
    written = lines_of(total)
    assert len(written) == lines
    assert written[0] == first
    assert written[-1] == f"poison: {total:,} of {total:,} (100 %)"


def test_a_terminal_gets_a_bar() -> None:
    written = " ".join(lines_of(8, terminal=True))
    assert "100%" in written
    assert "of 8 (" not in written
