"""``jira-assets sync`` of a 10-project site: where its time goes."""

import json
import os
import subprocess
import sys
import tempfile

from benchmarks.section import Section
from benchmarks.site import served_site

KEY = "bench/site"


def run() -> Section:
    with tempfile.TemporaryDirectory() as home, served_site(10, latency=0.02) as site:
        environment = {**os.environ, "JIRA_ASSETS_HOME": home}
        # A first sync starts Postgres and fills the tables; the embedded server stays up between
        # the two only while somebody holds it, as a deployment's own server would.
        holder = _hold(environment)
        try:
            _jira_assets(
                environment, "integration", "add", KEY, f"--base-url={site.url}", "--auth=none"
            )
            _jira_assets(environment, "sync", KEY)
            parts = json.loads(_module(environment, "benchmarks.sync_parts"))
        finally:
            holder.terminate()
            holder.communicate()
    start = parts["imports, CPU"] + parts["Dagster's start, CPU"]
    rows = [[part, f"{seconds:.2f}"] for part, seconds in parts.items()]
    rows.append(["imports and Dagster's start together, CPU (at most 4)", f"{start:.2f}"])
    return Section(
        title="One sync, part by part",
        question="A second sync of 10 projects, 20 ms a call, in one process. Seconds.",
        command="python -m benchmarks sync",
        columns=["part", "seconds"],
        rows=rows,
    )


def _hold(environment: dict[str, str]) -> subprocess.Popen[str]:
    code = (
        "import sys\nfrom jira_assets.services import connect_services\n"
        "from jira_assets.settings import Settings\n"
        "connect_services(Settings.from_environment())\nprint('up', flush=True)\nsys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if holder.stdout is None or holder.stdout.readline().strip() != "up":
        raise RuntimeError("the embedded Postgres did not start")
    return holder


def _jira_assets(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "jira_assets", *arguments]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def _module(environment: dict[str, str], name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", name], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.splitlines()[-1]
