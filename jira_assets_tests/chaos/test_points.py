"""A point kills the process that passes it, in its turn, once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from jira_assets_tests.chaos.points import FOLDER_VARIABLE, MID_MERGE, arm, disarm, fallen

PASSES = f"from jira_assets_tests.chaos.points import fall; fall({MID_MERGE!r})"


def _pass(folder: Path) -> int:
    command = [sys.executable, "-c", PASSES]
    return subprocess.run(
        command, env={**os.environ, FOLDER_VARIABLE: str(folder)}, check=False
    ).returncode


def test_a_point_kills_in_its_turn_and_once(tmp_path: Path) -> None:
    assert _pass(tmp_path) == 0
    arm(tmp_path, MID_MERGE, passes=1)
    assert _pass(tmp_path) == 0
    assert not fallen(tmp_path, MID_MERGE)
    assert _pass(tmp_path) == -signal.SIGKILL
    assert _pass(tmp_path) == 0
    assert disarm(tmp_path, MID_MERGE)


def test_a_point_that_nobody_met_is_taken_away(tmp_path: Path) -> None:
    arm(tmp_path, MID_MERGE)
    assert not disarm(tmp_path, MID_MERGE)
    assert _pass(tmp_path) == 0


def test_the_harness_itself_has_no_points() -> None:
    code = (
        "import sys, jira_assets_tests.chaos.__main__, jira_assets_tests.chaos.points as points; "
        "sys.exit(bool({points.LOCATION_MODULE, points.DAEMON_MODULE} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
