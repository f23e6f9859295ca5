"""What a long reading and a table look like, on a terminal and elsewhere."""

import io
import os
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout

import pytest

from jira_assets.commands.output import print_table, progress_shown
from jira_assets.extract.progress import ProgressLog

CURSOR_IS_BACK = b"\x1b[?25h"


def read(total: int, seconds: float, stop_after: int | None = None) -> None:
    """Report the progress of a reading of ``total`` calls that takes so long."""
    now = [0.0]
    log = ProgressLog("acme/cloud", "project_statuses", total, print_nothing, clock=lambda: now[0])
    for _ in range(total if stop_after is None else stop_after):
        now[0] += seconds / total
        log.step()


def print_nothing(_line: str) -> None:
    """Stand in for the log of a run."""


def lines(show: Callable[[], None]) -> list[str]:
    out = io.StringIO()
    with redirect_stdout(out), progress_shown():
        show()
    return out.getvalue().splitlines()


def test_a_short_reading_is_two_lines() -> None:
    assert lines(lambda: read(120, 0.6)) == [
        "acme/cloud project_statuses: 0/120 projects",
        "acme/cloud project_statuses: 120/120 projects (200.0/s)",
    ]


def test_a_long_reading_is_a_line_a_tenth() -> None:
    shown = lines(lambda: read(1000, 100))
    assert len(shown) == 11
    assert shown[3] == "acme/cloud project_statuses: 300/1,000 projects (10.0/s, about 70 s left)"


def test_another_attempt_is_told_from_its_beginning() -> None:
    def twice() -> None:
        read(100, 10, stop_after=50)
        read(50, 5)

    assert "acme/cloud project_statuses: 0/50 projects" in lines(twice)


def test_on_a_terminal_it_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        with progress_shown():
            read(120, 12, stop_after=60)
            read(60, 6)
        terminal.flush()
        shown = b""
        while CURSOR_IS_BACK not in shown:
            shown += os.read(ours, 10_000)
    os.close(ours)
    assert "acme/cloud project_statuses" in shown.decode()
    assert "60/60" in shown.decode()
    assert "━" in shown.decode()


COLUMNS = ["integration", "job", "runs", "status", "next run"]
ROWS = [
    ["demo-acme/datacenter", "jira_discovery", "every 1,440 min", "READY", "after jira_metadata"],
    ["demo-acme/datacenter", "jira_metadata", "off (every 1,440 min)", "", "2026-11-24 14:40:17"],
]
WORDS = {word for row in ROWS for cell in row for word in cell.split()}


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> list[str]:
    """Return the lines of the table as a terminal of ``width`` shows it, without its styles."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        print_table("Jobs", COLUMNS, ROWS)
        terminal.write("the end")
        terminal.flush()
        shown = b""
        while b"the end" not in shown:
            shown += os.read(ours, 10_000)
    os.close(ours)
    return re.sub(r"\x1b\[[\d;]*m", "", shown.decode()).splitlines()[:-1]


@pytest.mark.parametrize("width", [130, 100, 85, 80, 60, 40])
def test_no_terminal_is_too_narrow_for_whole_words(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    shown = on_a_terminal(monkeypatch, width)
    assert max(len(line) for line in shown) <= width
    assert {word for line in shown for word in line.split()} >= WORDS


def test_where_a_table_does_not_fit_a_row_is_a_paragraph(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_a_terminal(monkeypatch, 60)[1:4] == [
        "demo-acme/datacenter",
        "  job jira_discovery · runs every 1,440 min · status READY",
        "  next run after jira_metadata",
    ]


def test_without_a_terminal_a_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    wide = " ".join(["word"] * 100)
    print_table("Jobs", COLUMNS, [[*ROWS[0][:4], wide]])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert f"jira_discovery │ every 1,440 min │ READY  │ {wide} │" in lines[4]


def test_a_table_shows_what_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Title", ["site", "rows", "none"], [["http://[fe80::1]/jira", 1234567, None]])
    out = capsys.readouterr().out
    assert "http://[fe80::1]/jira" in out
    assert "1,234,567" in out
    assert "None" not in out
