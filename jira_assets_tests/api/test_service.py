"""The service itself: health, figures, Postgres away, what it loads, what its document says."""

import subprocess
import sys

import pytest
import requests
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from jira_assets.warehouse import heartbeat
from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.job_requests import request_job
from jira_assets.warehouse.job_settings import TEMPLATES
from jira_assets_tests.api.caller import ADMIN, Caller, problem
from jira_assets_tests.api.conftest import Filled, serving
from jira_assets_tests.api.way import Way
from jira_assets_tests.conftest import Database

CANARY = "canary-77e1"
AWAY = f"postgresql://loader:{CANARY}@127.0.0.1:1/jira"
KEY = f"ja_{'0' * 12}_{'x' * 43}"


def test_health_needs_no_key(api: Caller) -> None:
    assert api("GET", "/healthz", None).json() == {"status": "ok", "checks": {}}
    ready = api("GET", "/readyz", None).json()
    assert ready == {"status": "ok", "checks": {"postgres": "ok", "broker": "not looked at"}}


def test_postgres_away_is_said_without_where(caplog: pytest.LogCaptureFixture) -> None:
    with serving(engine_for(AWAY)) as api:
        assert api("GET", "/healthz", None).status_code == 200
        for method, path in (
            ("GET", "/integrations"),
            ("POST", "/jira/extract/statuses-and-relationships/cloud"),
            ("GET", "/metrics"),
            ("GET", "/readyz"),
        ):
            answer = api(method, path, KEY)
            said = problem(answer, 503)
            assert int(answer.headers["Retry-After"]) > 0
            assert "whoever runs this service must" in said.lower()
            assert "127.0.0.1" not in answer.text
    logged = caplog.text
    assert "database jira at 127.0.0.1:1 as loader" in logged
    assert CANARY not in logged


def test_tables_of_another_revision_ask_for_migrate(empty_database: Database) -> None:
    with serving(engine_for(empty_database.runtime_url)) as api:
        assert "`jira-assets migrate`" in problem(api("GET", "/readyz", None), 503)
        assert "`jira-assets migrate`" in problem(api("GET", "/integrations", KEY), 503)


def test_a_stream_goes_on_when_postgres_was_away(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = api.ask()
    with api.events(f"/requests/{request_id}/events") as events:
        assert next(events).data["state"] == "queued"
        with monkeypatch.context() as away:
            away.setattr(api.service.looks, "_read", lambda _: engine_for(AWAY).connect())
            comment = next(events).comment
            assert comment is not None
            assert "cannot be used now" in comment
        with api.engine.begin() as connection:
            connection.execute(sa.text("UPDATE jira.job_requests SET state = 'failed'"))
        event = next(events)
        while event.comment is not None:
            event = next(events)
        assert (event.name, event.data["state"]) == ("end", "failed")


def figures(api: Caller) -> dict[tuple[str, ...], float]:
    """Return the value of each sample, by its name and its labels' values."""
    answer = api("GET", "/metrics", ADMIN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_figures_say_what_the_tables_hold(api: Caller, way: Way) -> None:
    api.ask()
    run_id = way.begin()
    way.land(run_id)
    way.land(run_id, "projects")
    way.merge("projects")
    heartbeat.beat(api.engine, run_id)
    request_job(api.engine, way.of.key, "jira_metadata", requested_by="a test")
    seen = figures(api)
    assert seen["jira_assets_runs", "alive"] == 1
    assert seen["jira_assets_runs", "dead"] == 0
    assert seen["jira_assets_jobs", "running"] == 1
    # Three integrations, each with a job of every template.
    assert seen["jira_assets_jobs", "ready"] == 3 * len(TEMPLATES) - 1
    assert seen["jira_assets_requests", "running"] == 1
    assert seen["jira_assets_requests", "queued"] == 1
    assert seen["jira_assets_queue_messages", "pending"] == 1
    assert seen["jira_assets_queue_messages", "completed"] == 1
    assert seen["jira_assets_rows", "acme/cloud", "projects"] == 1
    for what in ("landed", "applied"):
        assert 0 <= seen["jira_assets_age_seconds", "acme/cloud", what] < 120
    assert ("jira_assets_age_seconds", "globex/cloud", "landed") not in seen
    # Both entities of the extraction: ten calls and one refusal each.
    assert seen["jira_assets_last_reading", "acme/cloud", "calls"] == 20
    assert seen["jira_assets_last_reading", "acme/cloud", "answers_429"] == 2


def test_rows_are_counted_once_a_minute_however_often_one_asks(api: Caller) -> None:
    statements: list[str] = []
    sa.event.listen(api.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    for _ in range(3):
        figures(api)
    assert len([each for each in statements if "jira.projects_statuses " in each]) == 1


def test_it_loads_neither_dagster_nor_pandas() -> None:
    program = (
        "import sys\n"
        "import jira_assets.api.server, jira_assets.commands.api, jira_assets.services\n"
        "from jira_assets.api.service import Service\n"
        "from jira_assets.warehouse.connect import engine_for\n"
        "service = Service(engine_for('postgresql://x@127.0.0.1:1/x'), dagster_url='http://x')\n"
        "jira_assets.api.server.make_server(service)\n"
        "print([name for name in ('dagster', 'pandas', 'alembic') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_document_and_its_page_are_open(filled: Filled) -> None:
    url = filled.api.url
    document = requests.get(f"{url}/openapi.json", timeout=20).json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in str(document)
    assert "swagger" in requests.get(f"{url}/docs", timeout=20).text.lower()
