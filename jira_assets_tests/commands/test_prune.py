"""`jira-assets prune`: old raw data goes, and the tables can be made of the rest."""

import pytest
import sqlalchemy as sa

from jira_assets.warehouse.tables import DATA_TABLES, raw_extractions, run_heartbeats
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, everything, fingerprints, scalar
from jira_assets_tests.warehouse.retention_data import days_ago

MARKERS = "SELECT count(*) FROM jira.raw_extractions"


def test_after_a_pruning_a_replay_makes_the_same_tables(desk: Desk) -> None:
    status = next(each.id for each in desk.site.state.statuses.values() if each.listed)
    for name in ("Once", "Twice", "Thrice"):
        desk.site.rename_status(status, name)
        assert desk.sync("--only", "statuses").code == 0
    with desk.engine.begin() as connection:
        connection.execute(sa.update(raw_extractions).values(landed_at=days_ago(40)))
    first = scalar(
        desk.engine, "SELECT extraction_id FROM jira.raw_extractions ORDER BY sequence LIMIT 1"
    )
    before, tables = everything(desk.engine), fingerprints(desk.engine, ["statuses"])

    dry = desk.shell("prune", "--dry-run", "--keep-extractions", "1")
    assert dry.code == 0
    assert f"{KEY}: 2 landings and 0 unfinished readings, 2 pages, 0.0 MB" in dry.said
    assert "would remove in all: 2 landings" in dry.said
    assert everything(desk.engine) == before

    pruned = desk.shell("prune", JIRA_ASSETS_KEEP_EXTRACTIONS="1")
    assert pruned.code == 0
    assert "keeps the 1 newest extractions of each entity and those of the last 30 days" in (
        pruned.said
    )
    assert "removed in all: 2 landings" in pruned.said
    assert scalar(desk.engine, MARKERS) == 1
    assert fingerprints(desk.engine, ["statuses"]) == tables

    with desk.engine.begin() as connection:
        connection.execute(sa.delete(DATA_TABLES["statuses"]))
    replayed = desk.shell("replay", KEY)
    assert replayed.code == 0, replayed.said
    assert scalar(desk.engine, f"SELECT name FROM jira.statuses WHERE jira_id = '{status}'") == (
        "Thrice"
    )
    gone = desk.shell("replay", KEY, "--extraction", str(first))
    assert gone.code == 1
    assert f"nothing of extraction {first} has landed for {KEY}" in gone.said


def test_doctor_says_that_nobody_prunes_until_somebody_does(desk: Desk) -> None:
    assert desk.sync("--only", "statuses").code == 0
    told = "Nobody removes old raw data"

    def age(days: float) -> None:
        with desk.engine.begin() as connection:
            old = days_ago(days)
            connection.execute(sa.update(run_heartbeats).values(finished_at=old, heartbeat_at=old))

    age(31)
    assert told not in desk.shell("doctor").said, "retention runs once a day: not late yet"
    age(33)
    assert told in desk.shell("doctor").said
    assert told not in desk.shell("doctor", JIRA_ASSETS_KEEP_DAYS="60").said
    assert desk.shell("prune").code == 0
    assert told not in desk.shell("doctor").said


def test_by_default_what_is_young_stays(synced: Desk) -> None:
    before = everything(synced.engine)
    assert "removed in all: 0 landings" in synced.shell("prune").said
    assert everything(synced.engine) == before


@pytest.mark.parametrize(
    ("typed", "variables", "code", "complaint"),
    [
        (("--keep-extractions", "0"), {}, 1, "at least 1 extraction of each entity is kept, not 0"),
        (("--keep-days", "-1"), {}, 1, "days to keep are 0 up to 36,500, not -1."),
        (("--keep-days", "99999"), {}, 1, "days to keep are 0 up to 36,500, not 99999."),
        (("acme/cloud",), {}, 2, "unexpected extra argument"),
        ((), {"JIRA_ASSETS_KEEP_EXTRACTIONS": "0"}, 1, "JIRA_ASSETS_KEEP_EXTRACTIONS is wrong"),
        ((), {"JIRA_ASSETS_KEEP_DAYS": "soon"}, 1, "JIRA_ASSETS_KEEP_DAYS is wrong"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_removes_nothing(
    synced: Desk, typed: tuple[str, ...], variables: dict[str, str], code: int, complaint: str
) -> None:
    before = everything(synced.engine)
    answered = synced.shell("prune", *typed, **variables)
    assert answered.code == code
    assert complaint in answered.said
    assert everything(synced.engine) == before
