import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from jira_assets.sandbox.command import sandbox
from jira_assets.sandbox.faults import KINDS

JIRA_ASSETS = str(Path(sys.executable).with_name("jira-assets"))


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    arguments = ["--projects", "12", "--statuses", "30", "--deployment", "data_center"]
    arguments += ["--issues", "40"]
    arguments += ["--context-path", "/jira", "--username", "me", "--secret-env", "SANDBOX_SECRET"]
    with subprocess.Popen(
        [JIRA_ASSETS, "sandbox", *arguments],
        env={**os.environ, "SANDBOX_SECRET": "pa55"},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        yield running
        running.kill()


def test_it_serves_until_told_to_end(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    announced = "".join(process.stdout.readline() for _ in range(5))
    assert (
        "Jira Data Center sandbox: 12 projects, 8 issue types, 30 statuses, 20 custom fields, "
        "40 issues" in announced
    )
    [url] = set(re.findall(r"http://127\.0\.0\.1:\d+/jira", announced))
    assert (
        f"jira-assets integration add acme/sandbox --base-url {url} --deployment data_center "
        "--auth basic --username me --secret env:SANDBOX_SECRET"
    ) in announced
    assert "pa55" not in announced
    listed = requests.get(
        f"{url}/rest/api/2/project",
        params={"includeArchived": "true"},
        auth=("me", "pa55"),
        timeout=10,
    )
    assert len(listed.json()) == 12
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fault", "http_50=0.1"], "There is no fault 'http_50'. Did you mean http_500?"),
        (["--fault", "http_500=7"], "write KIND=SHARE with a share between 0 and 1"),
        (["--projects", "-1"], "-1 is not in the range x>=0"),
        (["--deployment", "server"], "'server' is not one of 'cloud', 'data_center'"),
        (["--burst", "3"], "--burst belongs to a --rate-limit"),
        (["--rate-limit", "0"], "0.0 is not in the range x>0"),
        (["--from", "/no/such/folder"], "does not exist"),
        (["--context-path", "jira"], "'jira' is no path"),
        (["--username", "me"], "--username needs --secret-env"),
        (["--secret-env", "SANDBOX_UNSET"], "environment variable SANDBOX_UNSET is not set"),
    ],
)
def test_bad_input_is_refused_with_the_reason(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(sandbox, arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_every_fault_is_said_in_words() -> None:
    result = CliRunner().invoke(sandbox, ["--list-faults"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [
        [kind, words] for kind, (words, _) in KINDS.items()
    ]


def test_captured_answers_have_their_own_sizes(tmp_path: Path) -> None:
    result = CliRunner().invoke(sandbox, ["--from", str(tmp_path), "--issue-types", "3"])
    assert result.exit_code == 2
    assert "leave out --issue-types" in result.output


def test_a_folder_without_captured_answers_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(sandbox, ["--from", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds none of status.json" in result.output


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(sandbox, ["--port", str(port)])
    assert result.exit_code == 1
    assert f"Cannot listen on port {port}" in result.output
