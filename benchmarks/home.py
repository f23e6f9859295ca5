"""A home of the program for a benchmark: embedded Postgres, broker and Dagster, by its commands."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_HOLDS = (
    "import sys\nfrom jira_assets.services import connect_services\n"
    "from jira_assets.settings import Settings\n"
    "connect_services(Settings.from_environment())\nprint('up', flush=True)\nsys.stdin.read()"
)


@dataclass(frozen=True)
class Home:
    """Where the commands of one benchmark work."""

    environment: dict[str, str]

    def jira_assets(self, *arguments: str) -> None:
        """Run ``jira-assets``, which must succeed."""
        command = [sys.executable, "-m", "jira_assets", *arguments]
        subprocess.run(command, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def module(self, name: str, *arguments: str) -> str:
        """Run a module of the benchmarks; return the last line that it prints."""
        command = [sys.executable, "-m", name, *arguments]
        done = subprocess.run(
            command, env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.splitlines()[-1]


@contextmanager
def home() -> Iterator[Home]:
    """Make a home whose servers stay up until the block ends, as a deployment's own would."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "JIRA_ASSETS_HOME": folder}
        holder = subprocess.Popen(
            [sys.executable, "-c", _HOLDS],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            if holder.stdout is None or holder.stdout.readline().strip() != "up":
                raise RuntimeError("the embedded Postgres did not start")
            yield Home(environment)
        finally:
            holder.communicate()  # It ends with its input, once the servers have.
