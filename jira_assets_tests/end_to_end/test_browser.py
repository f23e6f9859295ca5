"""What somebody sees who opens the UI: one click fills the tables, and everything says what it is.

With ``JIRA_ASSETS_SCREENSHOTS`` set, the pictures in ``docs/images`` are taken anew.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dagster import AssetKey, AssetRecordsFilter, EventLogRecord
from dagster._core.storage.dagster_run import RunsFilter
from playwright.sync_api import Browser, FloatRect, Locator, expect

from jira_assets.jobs import failure_sensor, partitions_sensor, reconciler, schedules
from jira_assets.jobs import sensor as jobs_sensor
from jira_assets.queue import tick
from jira_assets.sandbox.site import JiraSite
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets.warehouse.tables import issues as issues_table
from jira_assets.warehouse.views import STATUS_HISTORY
from jira_assets_tests.end_to_end.browser import PICTURES, TAKE_PICTURES, Ui, chromium, window
from jira_assets_tests.end_to_end.conftest import RAW, Deployment
from jira_assets_tests.patience import wait_for

pytestmark = pytest.mark.timeout(300)

SENSORS = (
    partitions_sensor.SENSOR_NAME,
    jobs_sensor.SENSOR_NAME,
    reconciler.SENSOR_NAME,
    failure_sensor.SENSOR_NAME,
    tick.SENSOR_NAME,
)
GROUPS = ("jira_raw", "jira", "jira_views")
ISSUE_TABLES = ("issues", "issue_changelogs")
VIEW = STATUS_HISTORY.name

ASSETS = """
{ assetNodes {
    assetKey { path } description kinds groupName owners { ... on TeamAssetOwner { team } }
    metadataEntries {
      label
      ... on TextMetadataEntry { text }
      ... on TableSchemaMetadataEntry { schema { columns { name description } } } }
    assetChecksOrError { ... on AssetChecks { checks { name description } } } } }
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go: into the documentation only when somebody asks for it."""
    return PICTURES if TAKE_PICTURES else tmp_path


@pytest.fixture
def ui(browser: Browser, deployment: Deployment, pictures: Path) -> Iterator[Ui]:
    with window(browser, deployment.dev.url, pictures) as opened:
        yield opened


def test_one_click_on_a_raw_asset_materializes_the_tables_that_it_feeds(
    filled: Deployment, ui: Ui
) -> None:
    _take_a_status_from_a_project(filled.site)
    ui.open("/assets/raw_project_statuses")
    ui.button("Materialize…").click()
    ui.page.get_by_text("Select a partition or create one").click()
    ui.page.get_by_role("menuitem", name=filled.key).click()
    ui.page.keyboard.press("Escape")
    expect(ui.page.get_by_role("menuitem")).to_have_count(0)
    ui.picture("materialize")

    clicked = time.time()
    ui.button("Launch 1 run").click()
    made = wait_for("projects_statuses", lambda: _made_since(filled, "projects_statuses", clicked))
    filled.wait_until_equal()

    assert _value(made, "rows_deleted") == 1
    run = filled.instance.get_run_by_id(made.run_id)
    assert run is not None
    assert run.tags["dagster/sensor_name"] == tick.SENSOR_NAME
    _shows_materialization(ui, filled.key, made)


def _take_a_status_from_a_project(site: JiraSite) -> None:
    """Change the site so that ``projects_statuses`` loses one row."""
    project, status = min(
        (str(one), str(other)) for one, other in site.truth()["projects_statuses"]
    )
    for issue_type, used in site.state.workflows[project]:
        if status in used:
            site.remove_relation(project, issue_type, status)


def test_one_click_on_raw_issues_fills_the_tables_of_issues(filled: Deployment, ui: Ui) -> None:
    project_id, issues = max(filled.site.state.issues_by_project.items(), key=lambda one: one[0])
    moved_on = filled.site.change_issue(issues[0].id, summary="Changed since")
    filled.site.add_issue(project_id)
    ui.open("/assets/raw_issues")
    ui.button("Materialize…").click()
    ui.page.get_by_text("Select a partition or create one").click()
    ui.page.get_by_role("menuitem", name=filled.key).click()
    ui.page.keyboard.press("Escape")
    expect(ui.page.get_by_role("menuitem")).to_have_count(0)

    clicked = time.time()
    ui.button("Launch 1 run").click()
    made = wait_for("issues", lambda: _made_since(filled, "issues", clicked))
    filled.wait_until_equal()

    assert (_value(made, "rows_inserted"), _value(made, "rows_updated")) == (1, 1)
    run = filled.instance.get_run_by_id(made.run_id)
    assert run is not None
    assert run.tags["dagster/sensor_name"] == tick.SENSOR_NAME
    with filled.engine.connect() as connection:
        mine = issues_table.c.jira_id == moved_on.id
        assert connection.scalar(sa.select(issues_table.c.summary).where(mine)) == "Changed since"

    ui.open(f"/assets/issues?view=partitions&partition={filled.key}")
    expect(ui.page.get_by_text("Materialized", exact=True)).to_be_visible()
    inserted = ui.page.get_by_role("row").filter(has_text="rows_inserted")
    expect(inserted.get_by_role("cell").nth(1)).to_have_text("1")
    ui.picture("issues")


def _made_since(deployment: Deployment, asset: str, moment: float) -> EventLogRecord | None:
    """Return the first materialization of the asset's partition after ``moment``."""
    wanted = AssetRecordsFilter(
        AssetKey(asset), asset_partitions=[deployment.key], after_timestamp=moment
    )
    found = deployment.instance.fetch_materializations(wanted, limit=1, ascending=True)
    return next(iter(found.records), None)


def _value(made: EventLogRecord, label: str) -> object:
    assert made.asset_materialization is not None
    return made.asset_materialization.metadata[label].value


def _shows_materialization(ui: Ui, key: str, made: EventLogRecord) -> None:
    """Look at the table's page, as somebody does who waits for it: no click."""
    ui.open(f"/assets/projects_statuses?view=partitions&partition={key}")
    expect(ui.page.get_by_text("Materialized", exact=True)).to_be_visible()
    expect(ui.page.get_by_role("link", name=made.run_id[:8], exact=True)).to_be_visible()
    deleted = ui.page.get_by_role("row").filter(has_text="rows_deleted")
    expect(deleted.get_by_role("cell").nth(1)).to_have_text("1")


def test_the_run_that_the_sensor_asked_for_can_be_seen(filled: Deployment, ui: Ui) -> None:
    made = RunsFilter(tags={"dagster/sensor_name": tick.SENSOR_NAME})
    table = AssetKey("projects_statuses")
    runs = filled.instance.get_runs(filters=made)
    run = next(each for each in runs if table in (each.asset_selection or ()))
    ui.open(f"/runs/{run.run_id}?logs=step:projects_statuses")
    expect(ui.page.get_by_text("Success", exact=True)).to_be_visible()
    expect(ui.page.get_by_text(f"partition: {filled.key}")).to_be_visible()
    expect(ui.page.get_by_text('Finished execution of step "projects_statuses"')).to_be_visible()
    bar = ui.page.locator('.box[data-tooltip="projects_statuses"]')
    expect(bar).to_have_attribute("style", re.compile("accent-green"))
    ui.picture("run")


def test_the_tick_that_asked_for_a_run_can_be_seen(filled: Deployment, ui: Ui) -> None:
    ui.open(f"/locations/jira_assets/sensors/{tick.SENSOR_NAME}")
    _shows_only_ticks_that_asked_for_a_run(ui)
    ui.picture("sensor")


def _shows_only_ticks_that_asked_for_a_run(ui: Ui) -> None:
    ui.button("All ticks").click()
    ui.page.get_by_role("menuitem", name="Requested").click()
    ticks = ui.page.get_by_role("row").filter(has=ui.button("View logs"))
    expect(ticks.filter(has_text="0 runs requested")).to_have_count(0)
    expect(ticks.filter(has_text="1 run requested").first).to_be_visible()


@pytest.mark.usefixtures("job_that_ran")
def test_the_tick_that_launched_a_job_can_be_seen(ui: Ui) -> None:
    ui.open(f"/locations/jira_assets/sensors/{jobs_sensor.SENSOR_NAME}")
    _shows_only_ticks_that_asked_for_a_run(ui)
    ui.picture("jobs-sensor")


def test_a_schedule_is_switched_on_and_its_ticks_can_be_seen(filled: Deployment, ui: Ui) -> None:
    ui.open(f"/locations/jira_assets/schedules/{schedules.NIGHTLY}")
    switch = ui.page.get_by_role("checkbox")
    expect(switch).not_to_be_checked()
    switch.press("Space")
    expect(switch).to_be_checked()
    tick = ui.page.get_by_role("row").filter(has_text="1 run requested")
    expect(tick.first).to_be_visible(timeout=150_000)
    ui.picture("schedule")
    switch.press("Space")
    expect(switch).not_to_be_checked()

    filled.wait_until_equal()
    made = RunsFilter(tags={"dagster/schedule_name": schedules.NIGHTLY})
    run = filled.instance.get_runs(filters=made, limit=1)[0]
    assert run.tags["dagster/partition"] == filled.key


def test_the_results_of_checks_can_be_seen(filled: Deployment, ui: Ui) -> None:
    ui.open("/assets/projects_statuses?view=checks&checkDetail=no_large_drop")
    expect(ui.page.get_by_text("Succeeded", exact=True)).to_have_count(4)
    expect(ui.page.get_by_text("Passed", exact=True)).to_be_visible()
    expect(ui.page.get_by_text(filled.key, exact=True)).to_be_visible()
    ui.picture("checks")


def test_the_checks_of_issues_can_be_seen(filled: Deployment, ui: Ui) -> None:
    ui.open("/assets/issues?view=checks")
    nodes = filled.dev.graphql(ASSETS)["assetNodes"]
    (issues,) = (node for node in nodes if node["assetKey"]["path"] == ["issues"])
    names = [check["name"] for check in issues["assetChecksOrError"]["checks"]]
    assert "no_withheld_deletions" in names
    for name in names:
        expect(ui.page.get_by_text(name, exact=True).first).to_be_visible()
    expect(ui.page.get_by_text("Succeeded", exact=True)).to_have_count(len(names))
    ui.picture("checks-of-issues")


def test_a_table_says_what_its_columns_are(filled: Deployment, ui: Ui) -> None:
    ui.open("/assets/statuses?view=overview")
    for column in DATA_TABLES["statuses"].columns:
        assert column.comment
        expect(ui.page.get_by_text(column.comment, exact=True)).to_be_visible()
    expect(ui.page.get_by_text("jira.statuses", exact=True).first).to_be_visible()
    ui.picture("asset")


def test_every_asset_says_what_it_is(deployment: Deployment) -> None:
    nodes = deployment.dev.graphql(ASSETS)["assetNodes"]
    assert {node["assetKey"]["path"][-1] for node in nodes} == {*RAW, *DATA_TABLES, VIEW}
    assert {node["assetKey"]["path"][-1]: _unsaid(node) for node in nodes if _unsaid(node)} == {}


def _unsaid(node: dict[str, Any]) -> list[str]:
    """Return what an asset does not say about itself."""
    name = node["assetKey"]["path"][-1]
    entries = {entry["label"]: entry for entry in node["metadataEntries"]}
    table = entries.get("dagster/table_name", {}).get("text")
    columns = entries.get("dagster/column_schema", {}).get("schema", {}).get("columns", [])
    checks = node["assetChecksOrError"]["checks"]
    said = {
        "description": node["description"],
        "group": node["groupName"] == _group(name),
        "kinds": set(node["kinds"]) == {"postgres", *_kinds(name)},
        "owners": node["owners"],
        "table name": table == ("jira.raw_extraction_data" if name in RAW else f"jira.{name}"),
        "columns": columns,
        "descriptions of columns": all(column["description"] for column in columns),
        # Changelogs come with their issues, whose checks tell of both.
        "checks": name in {*RAW, VIEW, "issue_changelogs"} or checks,
        "descriptions of checks": all(check["description"] for check in checks),
    }
    return [what for what, is_said in said.items() if not is_said]


def _group(name: str) -> str:
    return "jira_raw" if name in RAW else "jira_views" if name == VIEW else "jira"


def _kinds(name: str) -> set[str]:
    """Return what an asset is beside Postgres's."""
    if name in ISSUE_TABLES:
        return set()
    return {"jira"} if name in RAW else {"view"} if name == VIEW else {"pandas"}


def test_the_lineage_reads_from_left_to_right(
    filled: Deployment, browser: Browser, pictures: Path
) -> None:
    with window(browser, filled.dev.url, pictures, size=(1300, 2300), scale=2) as ui:
        groups = ",".join(f"global@global:{group}" for group in GROUPS)
        ui.open(f"/asset-groups?expanded={groups}")
        names = (*RAW, *DATA_TABLES, VIEW)
        nodes = {name: ui.page.get_by_text(name, exact=True) for name in names}
        ui.button("Hide navigation").click()
        ui.button("panel_show_right", exact=True).click()
        _fit(ui, ui.page.locator("svg[class*=AssetGraphExplorer]"))
        # Only now: the UI does not draw nodes that are out of sight.
        for node in nodes.values():
            expect(node).to_be_visible()

        assert _end(nodes, RAW) < min(_box(nodes[name])["x"] for name in DATA_TABLES)
        assert _end(nodes, ISSUE_TABLES) < _box(nodes[VIEW])["x"]
        ui.picture("lineage")


def test_the_lineage_of_issues_goes_from_raw_to_the_time_in_each_status(
    filled: Deployment, browser: Browser, pictures: Path
) -> None:
    with window(browser, filled.dev.url, pictures, size=(1500, 1000), scale=2) as ui:
        ui.open(f"/assets/{VIEW}?view=lineage&lineageScope=upstream&lineageDepth=2")
        ui.button("Hide navigation").click()
        names = ("raw_issues", "raw_issue_ids", *ISSUE_TABLES, VIEW)
        nodes = {name: ui.page.get_by_text(name, exact=True).last for name in names}
        for node in nodes.values():
            expect(node).to_be_visible()

        assert _end(nodes, names[:2]) < min(_box(nodes[name])["x"] for name in ISSUE_TABLES)
        assert _end(nodes, ISSUE_TABLES) < _box(nodes[VIEW])["x"]
        ui.picture("lineage-of-issues")


def _end(nodes: Mapping[str, Locator], names: Iterable[str]) -> float:
    """Return where the last of these nodes ends, from left to right."""
    return max(_box(nodes[name])["x"] + _box(nodes[name])["width"] for name in names)


def _fit(ui: Ui, graph: Locator) -> None:
    """Put the graph into the middle of its pane, and zoom out until nothing of it is cut off."""
    pane = graph.locator("xpath=../..")
    pane.dblclick(position={"x": 20, "y": 200})
    wait_for("a graph in the middle", lambda: abs(_middle(graph) - _middle(pane)) < 2)
    while _box(graph)["height"] > _box(pane)["height"]:
        ui.button("zoom_out").click()
    assert _box(graph)["y"] >= _box(pane)["y"]
    assert _box(graph)["width"] <= _box(pane)["width"]


def _middle(locator: Locator) -> float:
    return _box(locator)["x"] + _box(locator)["width"] / 2


def _box(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def test_the_sensors_run_and_no_pop_up_asks_for_an_address(deployment: Deployment, ui: Ui) -> None:
    with ui.page.expect_response(_answers_whether_to_pop_up) as answer:
        ui.open("/automation")
    assert answer.value.json()["data"] == {"shouldShowNux": False}

    for sensor in SENSORS:
        expect(ui.page.get_by_text(sensor, exact=True)).to_be_visible()
    expect(ui.page.get_by_role("checkbox", checked=True)).to_have_count(len(SENSORS))
    expect(ui.page.locator("#newsletter")).to_have_count(0)


def _answers_whether_to_pop_up(response: Any) -> bool:
    return "ShouldShowNux" in (response.request.post_data or "")
