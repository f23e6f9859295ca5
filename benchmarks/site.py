"""A sandbox in a process of its own: a server in a thread would share the client's interpreter."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from jira_assets.sandbox.dagster_dev import free_port


@contextmanager
def served(projects: int, latency: float) -> Iterator[str]:
    """Serve a synthetic Cloud site; yields its base URL."""
    port = free_port()
    command = [sys.executable, "-m", "jira_assets", "sandbox"]
    options = [f"--projects={projects}", f"--port={port}", f"--latency-ms={latency * 1000}"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def wait_until_up(url: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            requests.get(f"{url}/rest/api/2/serverInfo", timeout=5).raise_for_status()
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
