"""Typing commands, and what can be read afterwards: exit code, output, tables."""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from jira_assets.cli import main
from jira_assets.warehouse.tables import DATA_TABLES, metadata

KEY = "acme/cloud"


@dataclass(frozen=True)
class Typed:
    """What came of one command."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that it printed, in one line: a terminal breaks sentences where it ends."""
        return " ".join(f"{self.out} {self.err}".split())


@dataclass(frozen=True)
class Shell:
    """Calls the console script's function with an environment, which no call can change."""

    environment: Mapping[str, str]

    def __call__(self, *arguments: str, **variables: str) -> Typed:
        """Type ``jira-assets ARGUMENTS``, with more or other variables for this once."""
        out, err = io.StringIO(), io.StringIO()
        code = 0
        nobody = patch("sys.stdin", io.StringIO())
        with self.variables(**variables), nobody, redirect_stdout(out), redirect_stderr(err):
            try:
                main(list(arguments))
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
        return Typed(code, out.getvalue(), err.getvalue())

    @contextmanager
    def variables(self, **more: str) -> Iterator[None]:
        """Put the environment in place while the block runs; what it leaves there is undone."""
        with patch.dict(os.environ, {**self.environment, **more}):
            for name in set(os.environ) - set(self.environment) - set(more):
                if name == "DAGSTER_HOME" or name.startswith("JIRA_ASSETS_"):
                    del os.environ[name]
            yield


def rows(engine: sa.Engine, statement: sa.Select[Any] | str) -> list[Any]:
    with engine.connect() as connection:
        query = sa.text(statement) if isinstance(statement, str) else statement
        return list(connection.execute(query))


def scalar(engine: sa.Engine, statement: sa.Select[Any] | str) -> Any:
    ((value,),) = rows(engine, statement)
    return value


def fingerprints(engine: sa.Engine, tables: Iterable[str] = DATA_TABLES) -> dict[str, str]:
    """Return a hash over every row of each table, in all of its columns."""
    return {
        name: hashlib.sha256("\n".join(sorted(texts(engine, f"jira.{name}"))).encode()).hexdigest()
        for name in tables
    }


def texts(engine: sa.Engine, table: str) -> list[str]:
    """Return the rows of a table, each as Postgres writes it."""
    return [row[0] for row in rows(engine, f"SELECT t::text FROM {table} t")]


def everything(engine: sa.Engine) -> dict[str, str]:
    """Return the fingerprints of all of our tables, but for the runs' signs of life."""
    names = {table.name for table in metadata.sorted_tables} - {"run_heartbeats"}
    return fingerprints(engine, sorted(names))
