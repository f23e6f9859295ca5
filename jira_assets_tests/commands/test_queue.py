"""`jira-assets queue`: what got stuck is shown, sent on again, given up."""

import json
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from pydantic import create_model

from jira_assets.queue import inbox, message
from jira_assets.queue.broker import Broker
from jira_assets.queue.dead_letters import id_of
from jira_assets.queue.message import VERSION
from jira_assets.warehouse.tables import applied_extractions, etl_job_queue, statuses
from jira_assets_tests.commands.conftest import shell_on
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, Shell, rows
from jira_assets_tests.conftest import Database

CANARY = "canary-51d0"
AWAY = f"amqp://loader:{CANARY}@127.0.0.1:1//"
NOTHING = "No dead letters, no failed messages."


@pytest.fixture(params=["rabbitmq", "folder"])
def shell(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Shell:
    """A terminal of a deployment with a real RabbitMQ, and of one with the embedded broker."""
    rabbitmq = request.param == "rabbitmq"
    more = {"JIRA_ASSETS_BROKER_URL": request.getfixturevalue("broker_url")} if rabbitmq else {}
    return shell_on(database, tmp_path / "home", **more)


@pytest.fixture
def queue(shell: Shell) -> Broker:
    folder = f"filesystem://{Path(shell.environment['JIRA_ASSETS_HOME']).absolute()}/broker"
    return Broker(shell.environment.get("JIRA_ASSETS_BROKER_URL", folder))


@pytest.fixture
def stuck(desk: Desk) -> UUID:
    """The id of a message about statuses that was given up: the tables have none."""
    assert desk.sync("--only", "statuses").code == 0
    with desk.engine.begin() as connection:
        connection.execute(sa.delete(statuses))
        connection.execute(sa.delete(applied_extractions))
        given_up = sa.update(etl_job_queue).values(
            state="failed", attempt=5, error="no such \x1b[31mcolumn", run_id="run"
        )
        connection.execute(given_up)
        (message_id,) = connection.scalars(sa.select(etl_job_queue.c.message_id))
    return UUID(str(message_id))


def put(broker: Broker, *bodies: bytes) -> None:
    with broker._channel() as channel:
        for body in bodies:
            channel.send(broker.names.transform, body, {})


def bury(broker: Broker, engine: sa.Engine, *bodies: bytes) -> None:
    """Let the sensor's inbox refuse these, one after the other."""
    for body in bodies:
        put(broker, body)
        assert len(inbox.drain(engine, broker).refused) == 1


def dead(broker: Broker) -> set[bytes]:
    return {letter.body for letter in broker.dead_letters(1000)}


def states(engine: sa.Engine) -> list[tuple[str, int]]:
    return [tuple(row) for row in rows(engine, "SELECT state, attempt FROM jira.etl_job_queue")]


def published(engine: sa.Engine, **changes: Any) -> bytes:
    """Return the body of the message about the one row; ``...`` leaves a field out."""
    (row,) = rows(engine, sa.select(etl_job_queue))
    fields = {
        "version": VERSION,
        "message_id": str(row.message_id),
        "partition_key": row.partition_key,
        "tenant_id": row.tenant_id,
        "integration_id": row.integration_id,
        "extraction_id": str(row.extraction_id),
        "entity": row.entity,
        "scope": row.scope,
        **changes,
    }
    return json.dumps({name: each for name, each in fields.items() if each is not ...}).encode()


def test_where_nothing_is_stuck_it_says_so(shell: Shell) -> None:
    assert (shell("queue", "list").code, shell("queue", "list").out) == (0, f"{NOTHING}\n")
    assert json.loads(shell("queue", "list", "--json").out) == {
        "dead_letters_in_all": 0,
        "dead_letters": [],
        "failed_in_all": 0,
        "failed": [],
    }
    said = shell("queue", "retry", "--all").said
    assert "0 dead letters went back" in said
    assert "0 failed messages will be tried again" in said


def test_why_messages_are_dead_stands_in_the_list(
    desk: Desk, queue: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.sync("--only", "statuses").code == 0
    newer = published(desk.engine, version=VERSION + 1, landed_by="me")
    refused = {
        newer: "upgrade jira_assets where the transform sensor runs, then run "
        "`jira-assets queue retry`.",
        published(desk.engine, landed_by="me"): "landed_by: Extra inputs are not permitted",
        published(desk.engine, entity=...): "entity: Field required",
        published(desk.engine, version=0): f"its version is 0; this program reads {VERSION}.",
        b"\x1b[2J garbage": "it is not JSON.",
    }
    bury(queue, desk.engine, *refused)
    monkeypatch.setenv("COLUMNS", "400")
    typed = desk.shell("queue", "list")
    assert typed.code == 0
    assert "\x1b[2J" not in typed.out
    lines = {body: line(typed.out, id_of(body)) for body in refused}
    for body, reason in refused.items():
        assert reason in lines[body]
        assert f" {queue.names.transform} " in lines[body]
    (message_id,) = rows(desk.engine, sa.select(etl_job_queue.c.message_id))[0]
    assert str(message_id) in lines[newer]
    assert r"\x1b[2J garbage" in lines[b"\x1b[2J garbage"]

    listed = json.loads(desk.shell("queue", "list", "--json", "--limit", "2").out)
    assert (listed["dead_letters_in_all"], len(listed["dead_letters"])) == (5, 2)
    assert "Dead letters, 2 of 5" in desk.shell("queue", "list", "--limit", "2").out
    assert dead(queue) == set(refused)


def line(text: str, word: str) -> str:
    (found,) = (each for each in text.splitlines() if word in each)
    return found


def test_after_the_upgrade_the_dead_letter_is_read(
    desk: Desk, queue: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.sync("--only", "statuses").code == 0
    with desk.engine.begin() as connection:
        connection.execute(sa.update(etl_job_queue).values(state="published"))
    newer = published(desk.engine, version=VERSION + 1)
    bury(queue, desk.engine, newer, b"garbage")
    assert states(desk.engine) == [("published", 1)]
    # As long as nobody has upgraded, it comes back.
    desk.shell("queue", "retry", id_of(newer))
    assert len(inbox.drain(desk.engine, queue).refused) == 1

    # As after an upgrade: the next version has the same fields.
    monkeypatch.setattr(message, "VERSION", VERSION + 1)
    monkeypatch.setattr(message, "_TO_NEXT", {VERSION: lambda fields: fields})
    monkeypatch.setattr(message, "Message", newest())
    typed = desk.shell("queue", "retry", id_of(newer))
    assert (typed.code, typed.out) == (
        0,
        f"1 dead letter went back to {queue.names.transform}\n",
    )
    assert inbox.drain(desk.engine, queue).received == 1
    assert states(desk.engine) == [("received", 1)]
    assert dead(queue) == {b"garbage"}


def newest() -> Any:
    own: Any = Literal[VERSION + 1]
    return create_model("Newer", __base__=message.Message, version=(own, ...))


def test_a_failed_message_is_tried_again_until_the_tables_have_it(desk: Desk, stuck: UUID) -> None:
    typed = desk.shell("queue", "list")
    assert str(stuck) in typed.out
    assert r"no such \x1b[31mcolumn" in typed.out
    (listed,) = json.loads(desk.shell("queue", "list", "--json").out)["failed"]
    assert (listed["id"], listed["integration"], listed["entity"], listed["attempts"]) == (
        str(stuck),
        KEY,
        "statuses",
        5,
    )
    typed = desk.shell("queue", "retry", str(stuck))
    assert (typed.code, typed.out) == (
        0,
        "1 failed message will be tried again by the transform sensor\n",
    )
    assert states(desk.engine) == [("received", 6)]
    assert desk.sync("--only", "issue_types").code == 0
    assert set(states(desk.engine)) == {("completed", 6), ("completed", 1)}
    listed_statuses = {each.id for each in desk.site.state.statuses.values() if each.listed}
    found = rows(desk.engine, sa.select(statuses.c.jira_id))
    assert {jira_id for (jira_id,) in found} == listed_statuses


def test_dropping_asks_first(desk: Desk, queue: Broker, stuck: UUID) -> None:
    bury(queue, desk.engine, b"garbage", b"more garbage")
    typed = desk.shell("queue", "drop", str(stuck), id_of(b"garbage"))
    assert typed.code == 1
    assert "Drop 1 dead letter and 1 failed message for good?" in typed.said
    assert "Drop 2 dead letters and 1 failed message" in desk.shell("queue", "drop", "--all").said
    assert states(desk.engine) == [("failed", 5)]
    assert dead(queue) == {b"garbage", b"more garbage"}

    typed = desk.shell("queue", "drop", "--yes", str(stuck), id_of(b"garbage"))
    assert (typed.code, typed.out) == (0, "1 dead letter deleted\n1 failed message dropped\n")
    assert states(desk.engine) == [("dropped", 5)]
    assert dead(queue) == {b"more garbage"}
    said = desk.shell("queue", "retry", str(stuck)).said
    assert f"message {stuck} is dropped, not failed" in said
    assert states(desk.engine) == [("dropped", 5)]


def test_all_of_them_at_once(desk: Desk, queue: Broker, stuck: UUID) -> None:
    bury(queue, desk.engine, b"garbage", b"more garbage")
    assert desk.shell("queue", "retry", "--all").code == 0
    assert dead(queue) == set()
    assert states(desk.engine) == [("received", 6)]
    assert len(inbox.drain(desk.engine, queue).refused) == 2
    with desk.engine.begin() as connection:
        connection.execute(sa.update(etl_job_queue).values(state="failed"))
    assert desk.shell("queue", "drop", "--all", "--yes").code == 0
    assert desk.shell("queue", "list").out == f"{NOTHING}\n"
    assert rows(desk.engine, sa.select(etl_job_queue.c.message_id)) == [(stuck,)]


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_where_one_id_is_wrong_nothing_is_touched(
    desk: Desk, queue: Broker, stuck: UUID, verb: str
) -> None:
    bury(queue, desk.engine, b"garbage")
    yes = ("--yes",) if verb == "drop" else ()
    nobody = uuid4()
    wrong = (
        (str(nobody), 1, f"there is no message {nobody}"),
        (id_of(b"nobody"), 1, f"There is no dead letter {id_of(b'nobody')}"),
        ("42", 2, "'42' is neither the id of a dead letter nor that of a message"),
        ("--all", 2, "not both"),
    )
    for given, code, complaint in wrong:
        typed = desk.shell("queue", verb, *yes, id_of(b"garbage"), str(stuck), given)
        assert typed.code == code
        assert complaint in typed.said
    assert desk.shell("queue", verb).code == 2
    assert (dead(queue), states(desk.engine)) == ({b"garbage"}, [("failed", 5)])


def test_status_and_doctor_name_the_command(desk: Desk, queue: Broker, stuck: UUID) -> None:
    del stuck
    assert "dead letter" not in desk.shell("status").said + desk.shell("doctor").said
    assert "jira-assets queue retry" in desk.shell("status").said
    bury(queue, desk.engine, b"garbage")
    told = f"1 dead letter in {queue.names.dead}: jira-assets queue list\n"
    assert told in desk.shell("status").out
    typed = desk.shell("status", "--json")
    assert typed.err == told
    assert json.loads(typed.out)[0]["queue"] == {"failed": 1}
    doctor = desk.shell("doctor")
    assert doctor.code == 0
    assert f"advice: 1 message lies in {queue.names.dead}: " in doctor.out
    assert "jira-assets queue list" in doctor.out


@pytest.mark.parametrize("shell", ["folder"], indirect=True)
def test_a_broker_that_is_away_is_told_and_what_is_in_postgres_is_done(
    desk: Desk, stuck: UUID
) -> None:
    away = {"JIRA_ASSETS_BROKER_URL": AWAY}
    for verb in (
        ("list",),
        ("list", "--json"),
        ("retry", "--all"),
        ("drop", "--all", "--yes"),
        ("retry", id_of(b"x"), str(stuck)),
    ):
        typed = desk.shell("queue", *verb, **away)
        assert typed.code == 1
        assert "RabbitMQ at 127.0.0.1:1/ as loader is not available" in typed.err
        assert CANARY not in typed.said
    assert states(desk.engine) == [("failed", 5)]
    assert str(stuck) in desk.shell("queue", "list", **away).out
    status = desk.shell("status", **away)
    assert status.code == 0
    assert "Whether there are dead letters is not known: RabbitMQ at 127.0.0.1:1" in status.out
    assert desk.shell("queue", "retry", str(stuck), **away).code == 0
    assert states(desk.engine) == [("received", 6)]
