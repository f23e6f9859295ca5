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

    def change(self, **settings: Any) -> None:
        """Set fields of its server, as ``latency`` in seconds, from now on."""
        print(json.dumps(settings), file=self._told, flush=True)


@contextmanager
def served_site(projects: int, **settings: Any) -> Iterator[ServedSite]:
    """Serve a synthetic Cloud site: ``latency`` in seconds, ``rate_limit`` as (a second, burst)."""
    command = [sys.executable, "-m", "benchmarks.site_process", str(projects)]
    with subprocess.Popen(
        [*command, json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the site's process has no pipes")
        yield ServedSite(process.stdout.readline().strip(), process.stdin)
        process.stdin.close()
