"""What the verbs print: tables at the end, a progress bar on a terminal, plain lines elsewhere.

A sentence is one line, however long: a log is searched by line, and a terminal breaks it by itself.
A table breaks cells between words only: what is cut within a name can be neither read nor copied.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from jira_assets.extract.progress import Progress
    from jira_assets.local_runs import SyncOutcome

_LINE_EVERY_SECONDS = 5.0
_BETWEEN_LINES_SECONDS: Final = 1.0
_LINE_OF_A_LOG: Final = 100_000
_FRAME: Final = 3  # characters of a frame, and of the blanks beside it, a column
_COUNTS: Final = ("alive", "inserted", "updated", "unchanged", "deleted", "rejected")


def console() -> Console:
    """Return a console on standard output; where there is no terminal, no line ends early."""
    return Console(width=None if sys.stdout.isatty() else _LINE_OF_A_LOG, highlight=False)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; columns of numbers are aligned to the right.

    On a terminal that is too narrow for its longest words, a row is a paragraph instead.
    """
    cells = [["" if cell is None else _text(cell) for cell in row] for row in rows]
    out = console()
    out.print(Text(title, style="italic"))
    widths = _fitted([columns, *cells], out.width - _FRAME * len(columns) - 1)
    if widths is None:
        for row in cells:
            _print_paragraph(out, columns, row)
        return
    table = Table()
    for index, column in enumerate(columns):
        numbers = rows and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numbers else "left", width=widths[index])
    for row in cells:
        # As Text: rich would take [fe80::1] in an address for markup, and drop it.
        table.add_row(*(Text(cell) for cell in row))
    out.print(table, crop=False)


def _fitted(lines: Sequence[Sequence[str]], available: int) -> list[int] | None:
    """Return how wide columns may be, their words kept whole; None where they do not fit."""
    columns = list(zip(*lines, strict=True))
    needed = [max(cell_len(w) for c in column for w in c.split() or [""]) for column in columns]
    widths = [max(map(cell_len, column)) for column in columns]
    if sum(needed) > available:
        return None
    while sum(widths) > available:
        spare = [width - least for width, least in zip(widths, needed, strict=True)]
        widths[spare.index(max(spare))] -= 1
    return widths


def _print_paragraph(out: Console, columns: Sequence[str], row: Sequence[str]) -> None:
    """Print the first cell, and below it the others that hold something, with their columns."""
    first, *others = row
    out.print(Text(first, style="bold"), soft_wrap=True)
    line = ""
    for item in (f"{name} {cell}" for name, cell in zip(columns[1:], others, strict=True) if cell):
        longer = f"{line} · {item}" if line else item
        if line and cell_len(longer) + 2 > out.width:
            out.print(Text(f"  {line}"), soft_wrap=True)
            longer = item
        line = longer
    out.print(Text(f"  {line}"), soft_wrap=True)


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def print_outcome(outcome: "SyncOutcome") -> None:
    """Print what a sync or a replay did: its tables, then what did not go well, then the times."""
    rows = [
        [result.table, *(getattr(result, name) for name in _COUNTS), result.outcome]
        for result in outcome.tables
    ]
    if rows:
        print_table(outcome.partition_key, ["table", *_COUNTS, "outcome"], rows)
    for check in outcome.checks:
        kind = "FAILED CHECK" if check.error else "warning"
        click.echo(f"{kind}: {check.table}: {check.name}: {check.description}")
    for problem in outcome.problems:
        click.echo(f"FAILED: {problem}")
    times = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in outcome.seconds.items())
    click.echo(f"{outcome.partition_key}: {'done' if outcome.ok else 'failed'} ({times})")


@contextmanager
def progress_shown() -> Iterator[Callable[[str], None]]:
    """Show the progress of readings while the block runs: a bar on a terminal, lines elsewhere.

    Yields what prints a line beside it.
    """
    from jira_assets.extract.progress import listening

    if not sys.stdout.isatty():
        with listening(_PlainLines()):
            yield click.echo
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console()) as bars, listening(_BarListener(bars)):
        yield lambda line: bars.console.print(line, markup=False)


class _PlainLines:
    """A line when a reading begins and one when it ends; in one that lasts, one a tenth, too."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], Progress] = {}

    def __call__(self, progress: "Progress") -> None:
        key = (progress.partition_key, progress.entity)
        if _is_news(progress, self._told.get(key)):
            self._told[key] = progress
            click.echo(f"{progress.partition_key} {progress}")


def _is_news(now: "Progress", told: "Progress | None") -> bool:
    if told is None or now.done < told.done or now.done == now.total:
        return True
    a_tenth_more = 10 * now.done // now.total > 10 * told.done // told.total
    return a_tenth_more and now.seconds - told.seconds >= _BETWEEN_LINES_SECONDS


class _BarListener:
    """A bar a reading."""

    def __init__(self, bars: object) -> None:
        from rich.progress import Progress as Bars
        from rich.progress import TaskID

        if not isinstance(bars, Bars):
            raise TypeError("bars is a rich.progress.Progress")
        self._bars = bars
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __call__(self, progress: "Progress") -> None:
        key = (progress.partition_key, progress.entity)
        if key not in self._tasks:
            label = f"{progress.partition_key} {progress.entity}"
            self._tasks[key] = self._bars.add_task(label, total=progress.total)
        # A retried step reads what its first attempt has left: another total.
        self._bars.update(self._tasks[key], completed=progress.done, total=progress.total)
