"""A real PgBouncer in transaction mode before the tests' Postgres, on a socket of its own.

There is no skipping: without pgbouncer the tests that need it fail, and say what to install.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from sqlalchemy import make_url

from jira_assets.sandbox.postgres_programs import account_for
from jira_assets_tests.patience import wait_for

SESSIONS: Final = 2
"""Of the server, for each role: fewer than the program's own pool has connections."""
_PORT: Final = 6432
_MISSING: Final = "The tests need PgBouncer: install pgbouncer (Debian: apt-get install pgbouncer)."


class Pooled:
    """A PgBouncer that runs; ``url`` leads through it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, direct: str) -> str:
        """Return the URL that reaches the same database as the same role through the pool."""
        query = {"host": str(self._folder), "port": str(_PORT)}
        return make_url(direct).set(query=query).render_as_string(hide_password=False)


@contextmanager
def pgbouncer(direct: str, *roles: str) -> Iterator[Pooled]:
    """Run a PgBouncer before the server of ``direct``, for these roles."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.fail(_MISSING)
    folder = Path(tempfile.mkdtemp(prefix="jira-assets-pool-"))
    account = account_for(folder / "none")
    (folder / "users.txt").write_text("".join(f'"{role}" ""\n' for role in roles))
    (folder / "pool.ini").write_text(
        f"""
        [databases]
        * = host={make_url(direct).query["host"]} port=5432
        [pgbouncer]
        pool_mode = transaction
        default_pool_size = {SESSIONS}
        listen_port = {_PORT}
        unix_socket_dir = {folder}
        auth_type = trust
        auth_file = {folder / "users.txt"}
        logfile = {folder / "log"}
        """.replace("        ", "")
    )
    account.give(folder)
    process = subprocess.Popen(
        account.command(program, "--quiet", str(folder / "pool.ini")), stdin=subprocess.DEVNULL
    )
    pooled = Pooled(folder)
    try:
        wait_for("pgbouncer to answer", lambda: _answers(folder, direct, roles[0]))
        yield pooled
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


def _answers(folder: Path, direct: str, role: str) -> bool:
    database = make_url(direct).database
    try:
        psycopg.connect(host=str(folder), port=_PORT, user=role, dbname=database).close()
    except psycopg.OperationalError:
        return False
    return True
