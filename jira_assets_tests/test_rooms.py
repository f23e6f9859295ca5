"""The rooms import one another in the direction of the data only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import jira_assets

PACKAGE = Path(jira_assets.__file__).parent
ROOMS = {"jira", "extract", "queue", "transform", "warehouse", "jobs", "api", "sandbox"} | {
    "commands"
}
MAY_IMPORT = {
    "jira": set(),
    "warehouse": set(),
    "extract": {"jira", "queue", "warehouse"},
    "queue": {"warehouse"},
    "transform": {"warehouse"},
    "jobs": {"queue", "warehouse"},
    "api": {"queue", "warehouse"},
    "sandbox": set(),
}
# Of transform, the functions that make snapshots are pure; the assets and checks stand around them.
IMPURE_TRANSFORMS = {
    "assets",
    "issue_assets",
    "runs",
    "checks",
    "check_queries",
    "issue_check_queries",
    "__init__",
}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _rooms_imported(path: Path) -> set[str]:
    parts = (name.split(".") for name in _imports(path))
    return {part[1] for part in parts if part[0] == "jira_assets" and len(part) > 1} & ROOMS


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_room_imports_only_what_it_may(room: str) -> None:
    files = sorted((PACKAGE / room).rglob("*.py"))
    assert files
    wrong = {
        str(file.relative_to(PACKAGE)): sorted(_rooms_imported(file) - MAY_IMPORT[room] - {room})
        for file in files
    }
    assert not {file: rooms for file, rooms in wrong.items() if rooms}


def test_jira_knows_nothing_of_dagster_or_postgres() -> None:
    for file in (PACKAGE / "jira").rglob("*.py"):
        tops = {name.split(".")[0] for name in _imports(file)}
        assert not tops & {"dagster", "sqlalchemy", "psycopg", "pandas"}, file.name


def test_snapshot_functions_know_nothing_of_dagster_or_sqlalchemy() -> None:
    pure = [f for f in (PACKAGE / "transform").glob("*.py") if f.stem not in IMPURE_TRANSFORMS]
    assert pure
    for file in pure:
        tops = {name.split(".")[0] for name in _imports(file)}
        assert not tops & {"dagster", "sqlalchemy", "psycopg"}, file.name


def test_help_loads_neither_dagster_nor_pandas() -> None:
    code = (
        "import sys; from jira_assets.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'dagster', 'pandas'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.splitlines()[-1] == "[]"
