"""Servers of any version, from a folder of programs: started for a test, and ended after it."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from jira_assets.sandbox.postgres import SUPERUSER
from jira_assets.sandbox.postgres_programs import account_for


@contextmanager
def postgres_of(programs: Path) -> Iterator[str]:
    """Run the server of ``programs`` (a folder with ``postgres``); gives the superuser's URL."""
    home = Path(tempfile.mkdtemp(prefix="jira-assets-pg-", dir="/tmp"))  # a socket's path is short
    data = home / "data"
    account = account_for(data)
    account.give(home)

    def run(program: str, *arguments: str) -> None:
        command = account.command(str(programs / program), *arguments)
        # Not to a pipe: the server would hold it open.
        with (home.with_suffix(".log")).open("a") as log:
            done = subprocess.run(
                command, stdout=log, stderr=log, cwd="/", check=False
            )  # Postgres's own
        if done.returncode:
            sys.stderr.write(home.with_suffix(".log").read_text())
            done.check_returncode()

    try:
        run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
            f"--username={SUPERUSER}", f"--pgdata={data}")  # fmt: skip
        options = f"-c listen_addresses='' -c fsync=off -k {home}"
        run("pg_ctl", "start", "-w", f"-D{data}", f"-o{options}", f"-l{home / 'server.log'}")
        try:
            yield URL.create(
                "postgresql+psycopg", SUPERUSER, database="postgres", query={"host": str(home)}
            ).render_as_string()
        finally:
            run("pg_ctl", "stop", "-w", "-mimmediate", f"-D{data}")
    finally:
        shutil.rmtree(home)
        home.with_suffix(".log").unlink(missing_ok=True)
