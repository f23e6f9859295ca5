"""Dagster's daemon and code server as supervised processes, and the runs that the latter starts."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
import yaml

from jira_assets.sandbox.dagster_dev import LOCATION, free_port
from jira_assets_tests.chaos.points import CODE_SERVER, LOCATION_MODULE
from jira_assets_tests.patience import wait_for

_FORK_SERVER: Final = "multiprocessing.forkserver"
"""Part of the command line of the process that forks runs, and of each that it forked."""
_SPAWNED: Final = "multiprocessing.spawn"
"""Part of the command line of a run that Dagster's own code server started."""


class Supervised:
    """A process that is started again whenever it has died, in a session of its own."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environment = {**os.environ, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.groups: list[int] = []
        """Of every start: what was started by a process that is dead by now may go on."""

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.groups.append(self._process.pid)

    def kill(self) -> bool:
        """SIGKILL the process, not what it started; say whether it was there."""
        if self._process is None or not self.alive:
            return False
        self._process.kill()
        self._process.wait()
        return True

    def kill_all(self) -> None:
        """SIGKILL the process and all that it ever started."""
        for group in self.groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()


class Dagster:
    """A code server and a daemon on it, as a production deployment has them."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        program: str = CODE_SERVER,
        module: str = LOCATION_MODULE,
    ) -> None:
        self._port = free_port()
        workspace = folder / "workspace.yaml"
        place = {"host": "127.0.0.1", "port": self._port, "location_name": LOCATION}
        workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": place}]}))
        python = [sys.executable, "-m"]
        serve = [program, "api", "grpc", "--module-name", module]
        serve += ["--host", "127.0.0.1", "--port", str(self._port), "--location-name", LOCATION]
        run = ["dagster._daemon", "run", "--workspace", str(workspace)]
        self.code_server = Supervised([*python, *serve], environment, folder / "code_server.log")
        self.daemon = Supervised([*python, *run], environment, folder / "daemon.log")

    def start(self) -> None:
        """Start both, the daemon once the code has loaded."""
        self.code_server.start()
        wait_for("the code server", self._serves)
        self.daemon.start()

    def supervise(self) -> list[str]:
        """Start again what has died; say what."""
        died = []
        for name, process in (("code server", self.code_server), ("daemon", self.daemon)):
            if not process.alive:
                died.append(name)
                process.start()
        return died

    def runs(self) -> list[psutil.Process]:
        """Return the processes of runs: what the code servers started, the dead ones, too."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                group = os.getpgid(process.pid)
                if group in self.code_server.groups and _is_run(process, group):
                    found.append(process)
        return found

    def stop(self) -> None:
        """End everything that was started."""
        self.daemon.kill_all()
        self.code_server.kill_all()

    def _serves(self) -> bool:
        if not self.code_server.alive:
            raise AssertionError("the code server ended at its start")
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
            return True
        return False


def _is_run(process: psutil.Process, code_server: int) -> bool:
    """Whether it was spawned, or forked: by a child of the code server, which ends with it."""
    command = process.cmdline()
    if any(_SPAWNED in part for part in command):
        return True
    forked = any(_FORK_SERVER in part for part in command)
    return forked and process.ppid() != code_server
