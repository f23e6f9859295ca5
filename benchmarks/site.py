"""A sandbox in a process of its own: a server in a thread would share the client's interpreter."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any


@dataclass(frozen=True)
class ServedSite:
    """A site that is served, at ``url``."""

    url: str
    _told: IO[str]

    _tells: IO[str]

    def change(self, **settings: Any) -> None:
        """Set fields of its server, as ``latency`` in seconds, from now on."""
        self._tell(settings)

    def change_issues(self, share: float) -> int:
        """Change so large a share of its issues, spread over all; returns how many."""
        self._tell({"change_issues": share})
        return int(self._tells.readline())

    def _tell(self, what: dict[str, Any]) -> None:
        print(json.dumps(what), file=self._told, flush=True)


@contextmanager
def served_site(
    projects: int, *, sizes: dict[str, Any] | None = None, **settings: Any
) -> Iterator[ServedSite]:
    """Serve a synthetic Cloud site: ``latency`` in seconds, ``rate_limit`` as (a second, burst).

    ``sizes`` are those of ``synthetic_site``, beside the projects.
    """
    counts = json.dumps({"projects": projects, **(sizes or {})})
    command = [sys.executable, "-m", "benchmarks.site_process", counts]
    with subprocess.Popen(
        [*command, json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the site's process has no pipes")
        yield ServedSite(process.stdout.readline().strip(), process.stdin, process.stdout)
        process.stdin.close()
