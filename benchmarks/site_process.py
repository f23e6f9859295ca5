"""Serves a synthetic Cloud site and does what it is told, a line of JSON at a time.

Its arguments, and each line on its standard input, are JSON objects with the fields of a
``SandboxServer`` to set: ``{"latency": 0.5}``. It ends with its input.
"""

import json
import sys
from typing import Any

from jira_assets.sandbox.rate_limit import RateLimit
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site


def main(projects: str, settings: str) -> None:
    site = synthetic_site(projects=int(projects))
    with SandboxServer(site, **_behaviour(settings)) as server:
        print(server.url, flush=True)
        for line in sys.stdin:
            for name, value in _behaviour(line).items():
                setattr(server, name, value)


def _behaviour(text: str) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(text)
    if settings.get("rate_limit"):
        settings["rate_limit"] = RateLimit(*settings["rate_limit"])
    return settings


if __name__ == "__main__":
    main(*sys.argv[1:])
