"""What real sites answered, served again and synced: every id of it is in the tables."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jira_assets.sandbox.captured import captured_site
from jira_assets.sandbox.captured_issues import ISSUES_FILE
from jira_assets.sandbox.site import JiraSite
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import rows, scalar

FOLDER = "REAL_JIRA_DIR"
FILES = {"projects": "project.json", "statuses": "status.json", "issue_types": "issuetype.json"}

pytestmark = pytest.mark.skipif(
    FOLDER not in os.environ,
    reason=f"{FOLDER} is not set: it names a folder of answers that real sites gave",
)


@pytest.fixture(params=["apache-data-center", "cloud-site"])
def answers(request: pytest.FixtureRequest) -> Path:
    return Path(os.environ[FOLDER], request.param)


@pytest.fixture
def site(answers: Path) -> JiraSite:
    return captured_site(answers)


def test_answers_of_a_real_site_fill_the_tables_with_every_id(desk: Desk, answers: Path) -> None:
    typed = desk.sync()
    assert typed.code == 0, typed.said
    assert desk.differences() == []
    captured = {table: file for table, file in FILES.items() if (answers / file).exists()}
    assert captured.keys() >= {"projects", "statuses"}
    for table, file in captured.items():
        data = DATA_TABLES[table]
        living = sa.select(data.c.jira_id).where(data.c.deleted_at.is_(None))
        assert {jira_id for (jira_id,) in rows(desk.engine, living)} >= ids(answers / file)
    if (answers / ISSUES_FILE).exists():
        histories = "SELECT count(DISTINCT history_jira_id) FROM jira.issue_changelogs"
        issues = "SELECT count(*) FROM jira.issues WHERE deleted_at IS NULL"
        assert (scalar(desk.engine, issues), scalar(desk.engine, histories)) == (33, 522)


def ids(file: Path) -> set[str]:
    found: Any = json.loads(file.read_text())
    return {str(each["id"]) for each in (found["values"] if isinstance(found, dict) else found)}
