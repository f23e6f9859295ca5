"""URLs as people write them, engines, and what is said when Postgres is away."""

import os
import socket
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa

from jira_assets.warehouse.connect import (
    InvalidDatabaseUrlError,
    WarehouseUnavailableError,
    advisory_lock,
    close_engines,
    engine_for,
    normalize_url,
    passwords_in,
    redact,
    without_passwords,
)
from jira_assets_tests.conftest import engine_seeing_all


@pytest.mark.parametrize(
    "written",
    [
        "postgres://u:p@h:5432/d",
        "postgresql://u:p@h:5432/d",
        "postgresql+psycopg2://u:p@h:5432/d",
        "postgresql+psycopg://u:p@h:5432/d",
    ],
)
def test_every_spelling_names_the_driver_that_was_asked_for(written: str) -> None:
    assert normalize_url(written) == "postgresql+psycopg://u:p@h:5432/d"
    assert normalize_url(written, "psycopg2") == "postgresql+psycopg2://u:p@h:5432/d"


def test_passwords_and_options_survive_a_normalization() -> None:
    url = "postgresql://u:p%40ss%2Fw%3F%23rd@/d?host=%2Ftmp%2Fsocket&sslmode=require"
    again = sa.make_url(normalize_url(url))
    assert again.password == "p@ss/w?#rd"
    assert dict(again.query) == {"host": "/tmp/socket", "sslmode": "require"}
    assert normalize_url(normalize_url(url)) == normalize_url(url)


@pytest.mark.parametrize(
    "text",
    [
        "mysql://u:hunter2@h/d",
        "hunter2",
        "",
        "postgresql://h:port/",
        "postgresql://u:p@hunter2@h/d",
        "postgresql://u:p@/hunter2@h/d",
        "postgresql://u:p@hunter2?x@h/d",
        "postgresql://u:p@hunter2?x=1@h/d",
        "postgresql://u:p@hunter2/x?y@h/d",
        "postgresql://u:p#hunter2@h/d",
        "postgresql://u:p?hunter2@h/d",
        "postgresql://u:p/hunter2@h/d",
    ],
)
def test_what_is_no_postgres_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidDatabaseUrlError, match="no Postgres URL") as refusal:
        normalize_url(text)
    assert "hunter2" not in str(refusal.value)


def test_redacted_urls_keep_all_but_passwords() -> None:
    shown = redact("postgresql+psycopg://u:hunter2@h:1/d?sslpassword=hunter3&sslmode=require")
    assert shown == "postgresql+psycopg://u:***@h:1/d?sslmode=require&sslpassword=%2A%2A%2A"


def test_passwords_that_are_options_of_libpq_are_passwords() -> None:
    url = sa.make_url("postgresql://u:hunter2@h/d?password=hunter3&sslpassword=hunter4&sslmode=x")
    assert passwords_in(url) == ["hunter2", "hunter3", "hunter4"]
    left = without_passwords(url).render_as_string(hide_password=False)
    assert left == "postgresql://u@h/d?sslmode=x"
    assert passwords_in(sa.make_url(left)) == []


def test_one_engine_a_url_whatever_its_spelling(runtime_url: str) -> None:
    engine = engine_for(runtime_url)
    assert engine_for(runtime_url.replace("postgresql+psycopg", "postgres")) is engine


def test_connections_say_who_they_are_and_look_in_no_schema_of_ours(warehouse: sa.Engine) -> None:
    with warehouse.connect() as connection:
        assert connection.scalar(sa.text("SHOW application_name")) == "jira_assets"
        assert connection.scalar(sa.text("SHOW search_path")) == "pg_catalog"


def test_a_search_path_in_the_url_is_not_taken_over(runtime_url: str) -> None:
    with engine_seeing_all(f"{runtime_url}&options=-csearch_path%3Djira").connect() as connection:
        assert connection.scalar(sa.text("SHOW search_path")) == "pg_catalog"
    close_engines()


# ---------------------------------------------------------------------------- away


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_server_that_is_away_is_named_without_the_password(closed_port: int) -> None:
    url = f"postgresql://loader:hunter2@127.0.0.1:{closed_port}/warehouse"
    with pytest.raises(WarehouseUnavailableError) as away:
        engine_for(url).connect()
    said = str(away.value)
    assert f"database warehouse at 127.0.0.1:{closed_port} as loader" in said
    assert "Connection refused" in said
    assert "JIRA_ASSETS_DATABASE_URL" in said
    assert "hunter2" not in said


def test_a_database_that_is_not_there_is_named(runtime_url: str) -> None:
    url = sa.make_url(runtime_url).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(WarehouseUnavailableError, match='database "nowhere" does not exist'):
        engine_for(url).connect()


def _kill_backend(url: str, pid: int) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])


def _backend(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.text("SELECT pg_backend_pid()")) or 0)


def test_a_connection_lost_in_the_middle_is_said_and_the_next_one_works(
    warehouse: sa.Engine, runtime_url: str
) -> None:
    with warehouse.connect() as connection:
        _kill_backend(runtime_url, _backend(connection))
        with pytest.raises(WarehouseUnavailableError, match="terminating connection"):
            connection.scalar(sa.text("SELECT 1"))
    with warehouse.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1


def test_a_pooled_connection_that_died_while_idle_is_replaced(
    warehouse: sa.Engine, runtime_url: str
) -> None:
    with warehouse.connect() as connection:
        before = _backend(connection)
    _kill_backend(runtime_url, before)
    with warehouse.connect() as connection:
        assert _backend(connection) != before


def test_errors_that_are_not_ours_stay_the_drivers(warehouse: sa.Engine) -> None:
    with warehouse.connect() as connection, pytest.raises(sa.exc.ProgrammingError, match="nowhere"):
        connection.execute(sa.text("SELECT * FROM nowhere"))


# ---------------------------------------------------------------------------- processes and locks


def test_a_forked_child_has_connections_of_its_own(warehouse: sa.Engine) -> None:
    with warehouse.connect() as connection:
        before = _backend(connection)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with warehouse.connect() as connection:
                os.write(writer, str(_backend(connection)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert int(pipe.read()) != before
    with warehouse.connect() as connection:
        assert _backend(connection) == before


def test_an_advisory_lock_ends_with_its_transaction(warehouse: sa.Engine) -> None:
    held = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    with warehouse.begin() as connection:
        advisory_lock(connection, "a test")
        assert connection.scalar(held) == 1
    with warehouse.connect() as connection:
        assert connection.scalar(held) == 0
