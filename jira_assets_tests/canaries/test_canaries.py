"""Every secret of the product is a canary, everything runs and fails; nobody sees one anywhere.

Where secrets are by their nature is not looked at: the environment of processes, the files that
hold them, RabbitMQ's own configuration, and the one line that prints a key when it is made.
"""

import base64
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
import sqlalchemy as sa
from dagster import DagsterInstance, DagsterRunStatus

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.job_settings import TEMPLATES
from jira_assets.warehouse.jobs import update_job
from jira_assets_tests.canaries.needles import PREFIX, canary, files, found
from jira_assets_tests.canaries.scene import (
    KINDS,
    SECONDS,
    USERNAME,
    Scene,
    reference,
    running,
    scene,
    stored,
)
from jira_assets_tests.conftest import PostgresServer
from jira_assets_tests.patience import wait_for

pytestmark = pytest.mark.timeout(600)

AWAY = f"postgresql://loader:{quote(canary('Away'), safe='')}@127.0.0.1:1/jira"
BROKER_AWAY = f"amqp://loader:{quote(canary('Away'), safe='')}@127.0.0.1:1//"
TRIGGER = "/jira/extract/statuses-and-relationships/file"
RENEWED = [canary("Second"), canary("Third")]


@pytest.fixture(scope="module")
def played(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """The scene when everything has happened, its processes ended and its servers still up."""
    with scene(postgres_server, tmp_path_factory.mktemp("canaries")) as made:
        set_up(made)
        fail_here(made)
        with running(made):
            read_by_dagster(made)
            call_the_service(made)
        yield made


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"{USERNAME}:{secret}".encode()).decode()


def set_up(of: Scene) -> None:
    """Migrate, add the integrations and look at them, sync one, as a person does."""
    of.jira.accepted = {basic(canary(kind.title())) for kind in ("cloud", "unit", "vault")}
    of.jira.accepted |= {f"Bearer {canary('File')}"}
    assert of.type("migrate").code == 0
    for kind in KINDS:
        how = ["--auth", "bearer"] if kind == "file" else ["--auth", "basic"]
        how += [] if kind == "file" else ["--username", USERNAME]
        how += ["--secret", reference(of, kind), "--max-concurrency", "1"]
        added = of.type("integration", "add", f"acme/{kind}", "--base-url", of.jira.url, *how)
        assert added.code == 0, added.said
        tested = of.type("integration", "test", f"acme/{kind}")
        assert tested.code == 0, tested.said
        for template in TEMPLATES:
            update_job(of.engine, PartitionKey("acme", kind), template.job_name, enabled=False)
    synced = of.type("sync", "acme/cloud", "--only", "statuses,project_statuses")
    assert "raw" in of.logged.getvalue(), synced.said
    for verb in (["status"], ["doctor"], ["integration", "list"], ["queue", "list"]):
        of.type(*verb)
    of.type("webhook", "test")
    made = of.shell("key", "create", "acme", "--name", "canaries")
    of.key = made.out.strip()
    assert of.key.startswith("ja_"), made.said
    of.type("key", "list")


def fail_here(of: Scene) -> None:
    """Let everything fail that a command can meet."""
    wrong = {"CLOUD_TOKEN": canary("Wrong")}
    of.jira.redirects = True
    failures = [of.type("integration", "test", "acme/vault")]
    of.jira.redirects = False
    once = ("sync", "acme/cloud", "--only", "statuses")
    failures += [
        of.type(*once, **wrong),
        of.type("integration", "test", "acme/cloud", **wrong),
        of.type("status", JIRA_ASSETS_DATABASE_URL=AWAY),
        of.type("migrate", JIRA_ASSETS_OWNER_DATABASE_URL=AWAY),
        of.type(*once, JIRA_ASSETS_DAGSTER_DATABASE_URL=AWAY),
        of.type(*once, JIRA_ASSETS_BROKER_URL=BROKER_AWAY),
        of.type("integration", "add", "acme/it", "--base-url", of.jira.url, "--secret", "oops"),
    ]
    assert [each.code != 0 for each in failures] == [True] * len(failures)


def read_by_dagster(of: Scene) -> None:
    """Read by the daemon: with a token renewed midway, a renewed one, and a refused one."""
    calls = itertools.count()

    def renew(path: str) -> None:
        if re.search(r"/project/\w+/statuses", path) and next(calls) == 2:
            renewed(of, RENEWED[0])

    of.jira.before = renew
    request = call(of, "POST", TRIGGER).json()["request_id"]
    made = call(of, "POST", f"/requests/{request}/stream-token", kept=False).json()
    of.stream_token = made["token"]
    with requests.get(of.api_url + made["events"], stream=True, timeout=SECONDS) as stream:
        lines = [line.decode() for line in stream.iter_lines()]
    of.answered += lines
    ends = [json.loads(line[6:])["state"] for line in lines if line.startswith("data: ")]
    assert ends[-1] == "done", lines[-6:]
    renewed(of, RENEWED[1])
    run(of, DagsterRunStatus.SUCCESS)
    of.jira.accepted = set()
    posted = len(of.webhook.bodies)
    run(of, DagsterRunStatus.FAILURE)
    wait_for("the failure to be told", lambda: of.webhook.bodies[posted:], SECONDS)


def renewed(of: Scene, token: str) -> None:
    of.jira.accepted = {f"Bearer {token}"}
    of.put("file", token)


def run(of: Scene, ends: DagsterRunStatus) -> None:
    """Materialize as the UI does; wait for the run's end."""
    run_id = of.dev.materialize("acme/file", ["raw_statuses"])
    with of.shell.variables(**of.variables), DagsterInstance.get() as instance:

        def ended() -> Any:
            found = instance.get_run_by_id(run_id)
            return found if found and found.is_finished else None

        assert wait_for("the run", ended, SECONDS).status is ends


def call(of: Scene, method: str, path: str, key: str = "", *, kept: bool = True) -> Any:
    headers = {"Authorization": f"Bearer {key or of.key}"}
    answer = requests.request(method, of.api_url + path, headers=headers, timeout=60)
    if kept:
        of.answered.append(f"{answer.text} {answer.headers}")
    return answer


def call_the_service(of: Scene) -> None:
    """Ask well, as nobody, with a wrong key and a wrong token; then the tables break under it."""
    assert call(of, "GET", "/integrations").status_code == 200
    wrong = canary("Key").replace("=", "")
    assert call(of, "GET", "/integrations", wrong).status_code == 401
    assert call(of, "GET", f"/requests/{'0' * 8}/events?token={wrong}").status_code >= 400
    with of.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE jira.api_keys RENAME COLUMN name TO named"))
    assert call(of, "GET", "/integrations").status_code == 500
    with of.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE jira.api_keys RENAME COLUMN named TO name"))


# ------------------------------------------------------------------------------- what was seen


def seen(of: Scene) -> dict[str, Callable[[], dict[str, bytes]]]:
    """Return what reads each kind of place."""
    broker, home = of.folder / "rabbitmq", of.folder
    said = [each.said for each in of.typed] + [repr(of.webhook.bodies), *of.answered]
    return {
        "logs": lambda: {
            "this process": of.logged.getvalue().encode(),
            "dagster.log": (home / "dagster.log").read_bytes(),
            "api.log": (home / "api.log").read_bytes(),
        },
        "output": lambda: {"output": "\n".join(said).encode()},
        "database": lambda: stored(of.engine),
        "Postgres's log": lambda: {"server.log": of.postgres_log.read_bytes()},
        "command lines": lambda: {"ps": "\n".join(of.command_lines).encode()},
        "broker": lambda: files(broker, but=[broker / "rabbitmq.config"]),
        "files": lambda: files(home, but=[home / "held", broker]),
    }


EXPECTED = {
    "logs": [b"urllib3.connectionpool", b"sqlalchemy.engine", b"/rest/api/3/status", b"Traceback"],
    "output": [b"refuses the credentials", b"not available", b"done", b"401"],
    "database": [b"env:CLOUD_TOKEN", b"refuses the credentials", b"dagster/partition", b"***"],
    "Postgres's log": [b"INSERT INTO jira.", b"api_keys", b"dagster"],
    "command lines": [b"dagster", b"jira_assets"],
    "broker": [b"extraction", b"acme/"],
    "files": [b"dagster.yaml", b"JIRA_ASSETS_DAGSTER_DATABASE_URL"],
}
"""What must be there, so that nothing of a place is looked past."""


@pytest.mark.parametrize("where", EXPECTED)
def test_no_secret_is_seen(played: Scene, where: str) -> None:
    read = seen(played)[where]()
    whole = b"\n".join(read.values())
    missing = [each for each in EXPECTED[where] if each not in whole]
    of_the_key = re.findall("[0-9A-Za-z]+", played.key.split("_", 2)[2])
    secrets = [PREFIX, max(of_the_key, key=len), played.stream_token.rpartition(".")[2]]
    hits = {name: found(text, secrets) for name, text in read.items()}
    assert not {name: those for name, those in hits.items() if those}
    assert missing == []


def test_a_renewed_secret_is_taken_up_without_a_restart(played: Scene) -> None:
    sent = [(who, status) for _, who, status in played.jira.asked if who.startswith("Bearer ")]
    tokens = [f"Bearer {token}" for token in (canary("File"), *RENEWED)]
    assert [who for who, _ in itertools.groupby(who for who, _ in sent)] == tokens
    assert [status for who, status in sent if who == tokens[0]].count(401) == 1
    assert 401 not in [status for who, status in sent if who == tokens[1]]


def test_all_secrets_were_used(played: Scene) -> None:
    welcome = {who for _, who, status in played.jira.asked if status == 200}
    assert {basic(canary(kind.title())) for kind in ("cloud", "unit", "vault")} <= welcome
    assert basic(canary("Wrong")) in {who for _, who, status in played.jira.asked if status == 401}
    assert {path for path, _ in played.webhook.asked} == {
        f"/services/{canary('Webhook').rstrip('=')}"
    }


@pytest.mark.parametrize(
    "spell",
    [
        str.encode,
        lambda text: json.dumps(text).encode(),
        lambda text: quote(text, safe="").encode(),
        lambda text: text.encode().hex().encode(),
        *(lambda text, at=at: base64.b64encode(b"mia:"[:at] + text.encode()) for at in range(4)),
    ],
)
def test_a_canary_is_found_in_every_spelling(spell: Any) -> None:
    assert found(b"before " + spell(canary("Any")) + b" after", [PREFIX])
    assert found(spell("Qx7Cana"), [PREFIX]) == []
