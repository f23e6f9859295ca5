"""`jira-assets api` as a process: asked, watched, told to end; and nothing secret in its log."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from jira_assets.warehouse.job_runs import claim, fail
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import scalar

SECONDS = 20
ORIGIN = "https://watch.example"


@dataclass
class Process:
    """A server that runs, and what it has said so far."""

    popen: subprocess.Popen[str]
    url: str
    log: Path

    def end(self) -> int:
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(SECONDS)


@contextmanager
def serving(desk: Desk, folder: Path, **variables: str) -> Iterator[Process]:
    log = folder / "api.log"
    environment = {**os.environ, **desk.shell.environment, **variables}
    command = [sys.executable, "-m", "jira_assets", "api", "--port", "0"]
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as popen,
    ):
        assert popen.stdout is not None
        try:
            announced = popen.stdout.readline()
            [url] = re.findall(r"HTTP service: (http://127\.0\.0\.1:\d+),", announced)
            yield Process(popen, url, log)
        finally:
            popen.kill()


def test_a_request_is_watched_to_its_end_and_the_log_holds_no_secret(
    desk: Desk, tmp_path: Path
) -> None:
    key = desk.shell("key", "create", "acme", "--name", "a test").out.strip()
    header = {"Authorization": f"Bearer {key}"}
    variables = {
        "JIRA_ASSETS_DAGSTER_URL": "https://dagster.example/",
        "JIRA_ASSETS_API_ALLOWED_ORIGINS": f"https://other.example, {ORIGIN}",
    }
    with serving(desk, tmp_path, **variables) as api:
        path = "/jira/extract/statuses-and-relationships/cloud"
        asked = requests.post(api.url + path, headers=header, timeout=SECONDS)
        assert asked.status_code == 202, asked.text
        request = asked.json()
        made = requests.post(
            api.url + request["links"]["stream_token"], headers=header, timeout=SECONDS
        ).json()
        with requests.get(
            api.url + made["events"],
            headers={"Origin": ORIGIN},
            stream=True,
            timeout=SECONDS,
        ) as stream:
            assert stream.headers["Access-Control-Allow-Origin"] == ORIGIN
            lines = stream.iter_lines(chunk_size=1, decode_unicode=True)
            assert next(lines) == "event: message"
            run_id = "6f1b3c52-3f6e-4a0c-9a35-3f3d2c5a7a11"
            claim(desk.engine, request["integration_id"], "jira_metadata", run_id, dead_after=60)
            assert fail(desk.engine, run_id, "no disk: free some")
            rest = list(lines)
        assert "event: end" in rest
        last = json.loads([line for line in rest if line.startswith("data: ")][-1][6:])
        assert (last["state"], last["error"]) == ("failed", "no disk: free some")
        assert last["runs"][0]["url"] == f"https://dagster.example/runs/{run_id}"
        requests.get(f"{api.url}/integrations", headers={"Authorization": "Bearer x"}, timeout=9)
        assert api.end() == 0
        log = api.log.read_text()
    assert f"POST {path} 202" in log
    assert f"GET /requests/{request['request_id']}/events 200" in log
    assert "GET /integrations 401" in log
    assert key not in log
    assert key.rpartition("_")[2] not in log
    assert made["token"] not in log
    assert "token=" not in log
    assert "Traceback" not in log


def test_told_to_end_it_ends_though_somebody_watches(desk: Desk, tmp_path: Path) -> None:
    key = desk.shell("key", "create", "acme", "--name", "a test").out.strip()
    header = {"Authorization": f"Bearer {key}"}
    with serving(desk, tmp_path) as api:
        path = "/integrations/cloud/jobs/jira_metadata/run"
        request = requests.post(api.url + path, headers=header, timeout=SECONDS).json()
        url = api.url + request["links"]["events"]
        with requests.get(url, headers=header, stream=True, timeout=SECONDS) as stream:
            lines = stream.iter_lines(chunk_size=1, decode_unicode=True)
            assert next(lines) == "event: message"
            rest: list[str] = []
            reader = threading.Thread(target=lambda: rest.extend(lines))
            reader.start()
            assert api.end() == 0
            reader.join(SECONDS)
        assert rest[-1] == ""
        assert "event: end" not in rest
        assert "Traceback" not in api.log.read_text()
    # What was asked for is a row: it waits for whoever serves next, and for the sensor.
    assert scalar(desk.engine, "SELECT state FROM jira.job_requests") == "queued"


def test_a_key_that_is_revoked_meanwhile_opens_nothing(desk: Desk, tmp_path: Path) -> None:
    key = desk.shell("key", "create", "acme", "--name", "a test").out.strip()
    header = {"Authorization": f"Bearer {key}"}
    with serving(desk, tmp_path) as api:
        url = f"{api.url}/integrations"
        assert requests.get(url, headers=header, timeout=SECONDS).status_code == 200
        assert desk.shell("key", "revoke", key.split("_")[1]).code == 0
        assert requests.get(url, headers=header, timeout=SECONDS).status_code == 401


def test_the_broker_away_is_told_and_holds_nothing_up(desk: Desk, tmp_path: Path) -> None:
    away = "amqp://loader:canary-8e20f3@127.0.0.1:1//"
    with serving(desk, tmp_path, JIRA_ASSETS_BROKER_URL=away) as api:
        ready = requests.get(f"{api.url}/readyz", timeout=SECONDS)
        assert ready.status_code == 200
        assert ready.json()["checks"]["broker"].startswith("away")
        assert api.end() == 0
        assert "canary" not in api.log.read_text() + ready.text


def test_a_port_that_is_taken_is_a_sentence(desk: Desk, tmp_path: Path) -> None:
    with serving(desk, tmp_path) as api:
        typed = desk.shell("api", "--port", api.url.rpartition(":")[2])
    assert typed.code == 1
    assert "Choose another --port or --host." in typed.said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("JIRA_ASSETS_API_ALLOWED_ORIGINS", "*"),
        ("JIRA_ASSETS_API_ALLOWED_ORIGINS", "watch.example"),
        ("JIRA_ASSETS_API_ALLOWED_ORIGINS", "https://a.example/path"),
        ("JIRA_ASSETS_DAGSTER_URL", "dagster.example"),
        ("JIRA_ASSETS_DAGSTER_URL", "javascript:alert(1)"),
    ],
)
def test_a_setting_that_cannot_be_names_its_variable(desk: Desk, variable: str, value: str) -> None:
    typed = desk.shell("api", "--port", "0", **{variable: value})
    assert typed.code == 1
    assert f"{variable} is wrong" in typed.said
