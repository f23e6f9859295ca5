"""A real Dagster deployment on loopback: webserver, daemon and code server, as child processes.

For the demo and the end-to-end tests, which talk to it as the UI does, over GraphQL. The
open-source webserver has no authentication: it listens on 127.0.0.1 and nowhere else.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import requests
import yaml

LOCATION: Final = "jira_assets"
MODULE: Final = "jira_assets.definitions"
REPOSITORY: Final = "__repository__"
START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.5
# Dagster recommends `dg dev`, of a package that is not installed, to whoever reads the log.
_NO_ADVICE: Final = "ignore:Function `dev_command` is superseded"

_LAUNCH: Final = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on InvalidSubsetError { message }
  }
}
"""
_LOCATIONS: Final = """
{ workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }
"""
_PARTITIONS: Final = """
query Keys($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) { ... on AssetNode { partitionKeys } } }
"""


class DagsterDevError(RuntimeError):
    """The deployment did not start, or refused what it was asked for."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Whether nobody listens on the port of 127.0.0.1 at this moment."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def dev_command(port: int, workspace: Path) -> list[str]:
    """Return the command line of ``dagster dev`` on a workspace."""
    options = ["--host", "127.0.0.1", "--port", str(port), "--workspace", str(workspace)]
    return [sys.executable, "-W", _NO_ADVICE, "-m", "dagster", "dev", *options]


def write_workspace(folder: Path, module: str = MODULE) -> Path:
    """Write a ``workspace.yaml`` that loads ``module`` under the location's usual name.

    The name is part of what Dagster knows a sensor and its run keys by: another one would be
    another sensor.
    """
    location = {"module_name": module, "location_name": LOCATION}
    target = folder / "workspace.yaml"
    target.write_text(yaml.safe_dump({"load_from": [{"python_module": location}]}))
    return target


class DagsterDev:
    """``dagster dev`` as a child, in a process group of its own, with its output in a file."""

    def __init__(self, environment: Mapping[str, str], log: Path, *, module: str = MODULE) -> None:
        self._environment = {**os.environ, **environment}
        self._module = module
        self.log = log
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the UI."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the processes and wait until the code location has loaded."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and arguments
                dev_command(self.port, write_workspace(self.log.parent, self._module)),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_loaded()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the group: politely, then not. Runs that are still going end with it."""
        if self._process is None:
            return
        self._signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def graphql(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask the webserver, as the UI does."""
        body = {"query": query, "variables": dict(variables or {})}
        response = requests.post(f"{self.url}/graphql", json=body, timeout=60)
        answer = response.json()
        if answer.get("errors"):
            raise DagsterDevError(f"GraphQL answered {answer['errors'][0]['message']}")
        data: dict[str, Any] = answer["data"]
        return data

    def materialize(self, partition_key: str, assets: Sequence[str]) -> str:
        """Launch a run on one partition, as the Materialize button does; return its id."""
        params = {
            "selector": {
                "repositoryLocationName": LOCATION,
                "repositoryName": REPOSITORY,
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": [asset]} for asset in assets],
                "assetCheckSelection": None,
            },
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition_key}]},
        }
        launched = self.graphql(_LAUNCH, {"params": params})["launchPipelineExecution"]
        if launched["__typename"] != "LaunchRunSuccess":
            raise DagsterDevError(f"the run was not launched: {launched}")
        run_id: str = launched["run"]["runId"]
        return run_id

    def partition_keys(self, asset: str) -> list[str]:
        """Return the partitions of an asset that Dagster knows."""
        node = self.graphql(_PARTITIONS, {"asset": {"path": [asset]}})["assetNodeOrError"]
        keys: list[str] = node["partitionKeys"]
        return keys

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _wait_until_loaded(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise DagsterDevError(f"dagster dev ended at its start; its output: {self.log}")
            if self._loaded():
                return
            time.sleep(_POLL_SECONDS)
        raise DagsterDevError(
            f"dagster dev was not up after {START_SECONDS:.0f} s; its output: {self.log}"
        )

    def _loaded(self) -> bool:
        try:
            entries = self.graphql(_LOCATIONS)["workspaceOrError"]["locationEntries"]
        except (requests.RequestException, DagsterDevError, ValueError):
            return False
        for entry in entries:
            outcome = entry["locationOrLoadError"]
            if outcome is not None and outcome["__typename"] == "PythonError":
                raise DagsterDevError(f"the code location did not load: {outcome['message']}")
        return bool(entries) and all(
            entry["loadStatus"] == "LOADED" and entry["locationOrLoadError"] for entry in entries
        )
