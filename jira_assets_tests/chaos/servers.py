"""The Postgres of the chaos harness: a real one, stopped and started while it is used."""

from pathlib import Path

from jira_assets.sandbox.postgres import _SOCKET, EmbeddedPostgres
from jira_assets.sandbox.postgres_programs import account_for


class StoppablePostgres(EmbeddedPostgres):
    """A Postgres that keeps what was committed, whichever way it ends."""

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._running_socket() / _SOCKET

    def halt(self, *, crash: bool) -> None:
        """Stop it: by its own rules, or without a checkpoint, as after a crash."""
        mode = "-mimmediate" if crash else "-mfast"
        self._pg_ctl(account_for(self._data), "stop", "-w", mode)

    def resume(self) -> None:
        """Start it again; returns once it answers."""
        self._bring_up(account_for(self._data))
