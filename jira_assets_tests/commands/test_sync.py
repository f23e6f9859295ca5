"""`jira-assets sync`, from an empty database on: what the tables hold after each sync of a site."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from jira_assets.sandbox.faults import Fault
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    ENTITIES,
    custom_fields,
    etl_job_queue,
    projects,
    projects_issue_types_statuses,
    projects_statuses,
    raw_extractions,
    statuses,
)
from jira_assets_tests.commands.conftest import new_database, shell_on
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import Typed, fingerprints, rows, scalar
from jira_assets_tests.conftest import PostgresServer, engine_seeing_all
from jira_assets_tests.rabbitmq import private_names


@dataclass
class Story:
    """Three syncs of one site, over RabbitMQ: the first, one after changes, one after none."""

    desk: Desk
    project: str
    """Was renamed, and lost ``relation``."""
    relation: tuple[str, str, str]
    """The only one by which ``project`` used that status."""
    renamed: str
    vanished: str
    unreadable: str
    fields: tuple[str, str, str]
    """Custom ones: the first was renamed, the second got another type, the third vanished."""
    typed: list[Typed] = field(default_factory=list)
    differences: list[list[str]] = field(default_factory=list)
    prints: list[dict[str, str]] = field(default_factory=list)

    def sync(self) -> None:
        self.typed.append(self.desk.sync())
        self.differences.append(self.desk.differences(unreadable_too=True))
        self.prints.append(fingerprints(self.desk.engine))

    def deleted(self, table: sa.Table, **where: str) -> set[bool]:
        """Say of the rows ``where`` these columns hold these values whether they are deleted."""
        query = sa.select(table.c.deleted_at.is_not(None)).filter_by(**where)
        return {row[0] for row in rows(self.desk.engine, query)}


@pytest.fixture(scope="module")
def story(
    postgres_server: PostgresServer,
    dagster_template: str,
    rabbitmq_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    site = synthetic_site(projects=6, seed=3)
    home = tmp_path_factory.mktemp("story")
    with (
        new_database(postgres_server, dagster_template) as database,
        private_names(rabbitmq_url) as broker_url,
        SandboxServer(site) as server,
    ):
        shell = shell_on(database, home, JIRA_ASSETS_BROKER_URL=broker_url)
        yield told(Desk(shell, site, server, engine_seeing_all(database.runtime_url)).added())


def told(desk: Desk) -> Story:
    """Let the story happen."""
    truth = desk.site.truth()
    used = sorted((str(p), str(i), str(s)) for p, i, s in truth["projects_issue_types_statuses"])
    times = Counter((project, status) for project, _, status in used)
    statuses_of = Counter(project for project, _ in times)
    unreadable = min(statuses_of, key=lambda project: statuses_of[project])
    relation = next(r for r in used if r[0] != unreadable and times[r[0], r[2]] == 1)
    spared = {relation[2], *(status for project, status in times if project == unreadable)}
    renamed, vanished = sorted({status for _, _, status in used} - spared)[:2]
    first, second, third = sorted(str(row[0]) for row in truth["custom_fields"])[:3]
    fields = (first, second, third)
    story = Story(desk, relation[0], relation, renamed, vanished, unreadable, fields)
    story.sync()
    desk.site.rename_status(renamed, "Renamed 🚀")
    desk.site.rename_project(story.project, "Renamed, too")
    desk.site.remove_relation(*relation)
    desk.site.make_unreadable(unreadable, 403)
    desk.site.remove_status(vanished)
    desk.site.rename_field(first, "Renamed, as well")
    desk.site.retype_field(second, "number", "com.app:float")
    desk.site.remove_field(third)
    story.sync()
    story.sync()
    return story


def test_the_first_sync_fills_the_tables_with_what_the_site_holds(story: Story) -> None:
    assert story.typed[0].code == 0, story.typed[0].said
    assert story.differences[0] == []


def test_every_sync_prints_each_table_and_how_long_it_took(story: Story) -> None:
    for typed in story.typed:
        assert typed.err == ""
        assert all(table in typed.out for table in DATA_TABLES)
        assert "acme/cloud: done (extract " in typed.out


def test_what_changed_shows_after_the_next_sync(story: Story) -> None:
    assert story.typed[1].code == 0, story.typed[1].said
    assert story.differences[1] == []


def test_a_rename_changes_the_name_and_keeps_the_row(story: Story) -> None:
    status = sa.select(statuses).filter_by(jira_id=story.renamed)
    (row,) = rows(story.desk.engine, status)
    assert row.name == "Renamed 🚀"
    assert row.deleted_at is None
    assert row.first_seen_at < row.updated_at
    name = sa.select(projects.c.name).filter_by(jira_id=story.project)
    assert scalar(story.desk.engine, name) == "Renamed, too"


def test_a_removed_relationship_is_marked_deleted_and_nothing_else_of_its_project(
    story: Story,
) -> None:
    project, issue_type, status = story.relation
    gone = {"project_jira_id": project, "status_jira_id": status}
    assert story.deleted(projects_statuses, **gone) == {True}
    assert story.deleted(projects_issue_types_statuses, **gone, issue_type_jira_id=issue_type) == {
        True
    }
    assert story.deleted(statuses, jira_id=status) == {False}


def test_an_unreadable_project_keeps_what_it_had(story: Story) -> None:
    assert story.deleted(projects, jira_id=story.unreadable) == {False}
    for table in (projects_statuses, projects_issue_types_statuses):
        assert story.deleted(table, project_jira_id=story.unreadable) == {False}
    assert "warning: projects_statuses: unreadable_projects: 1 project could not be read" in (
        story.typed[1].said
    )
    status = story.desk.shell("status")
    assert "acme/cloud: 1 unreadable project, 0 rejected records\n" in status.out


def test_a_status_that_vanished_is_marked_deleted_with_its_relations(story: Story) -> None:
    assert story.deleted(statuses, jira_id=story.vanished) == {True}
    assert story.deleted(projects_statuses, status_jira_id=story.vanished) == {True}


def test_what_became_of_fields_shows_in_their_rows(story: Story) -> None:
    renamed, retyped, vanished = story.fields
    columns = custom_fields.c
    query = sa.select(
        columns.jira_id, columns.name, columns.type, columns.deleted_at.is_not(None).label("gone")
    )
    found = {row.jira_id: row for row in rows(story.desk.engine, query)}
    assert (found[renamed].name, found[renamed].gone) == ("Renamed, as well", False)
    assert (found[retyped].type, found[retyped].gone) == ("number", False)
    assert found[vanished].gone
    assert len({row.name for row in found.values()}) < len(found)


def test_a_third_sync_changes_no_row(story: Story) -> None:
    assert story.typed[2].code == 0, story.typed[2].said
    assert story.differences[2] == []
    assert story.prints[0] != story.prints[1]
    assert story.prints[1] == story.prints[2]


def test_every_message_went_over_the_broker_and_is_completed(story: Story) -> None:
    found = rows(
        story.desk.engine,
        sa.select(etl_job_queue.c.state, etl_job_queue.c.received_at.is_not(None)),
    )
    assert set(found) == {("completed", True)}
    # Each time one of each entity but issues; of these one a project, the first time: it has none,
    # and nothing comes of a project that did not change, or is archived.
    projects = story.desk.site.state.projects.values()
    searched = [each for each in projects if not each.archived]
    assert len(found) == 3 * (len(ENTITIES) - 1) + len(searched)


def test_runs_and_their_events_are_in_postgres(story: Story) -> None:
    runs = rows(story.desk.engine, "SELECT pipeline_name, status FROM dagster.runs ORDER BY id")
    assert runs == [("extract_jira_site", "SUCCESS"), ("transform_jira_metadata", "SUCCESS")] * 3
    assert scalar(story.desk.engine, "SELECT count(*) FROM dagster.event_logs") > 0


def test_only_some_entities(desk: Desk) -> None:
    typed = desk.sync("--only", "statuses, project_statuses")
    assert typed.code == 0, typed.said
    landed = rows(desk.engine, sa.select(raw_extractions.c.entity).distinct())
    assert {entity for (entity,) in landed} == {"statuses", "project_statuses"}
    assert {line.partition(" lacks ")[0] for line in desk.differences()} == {
        "projects",
        "custom_fields",
    }
    for table in (projects, custom_fields):
        assert scalar(desk.engine, sa.select(sa.func.count()).select_from(table)) == 0


def test_fields_that_may_not_be_read_fail_and_delete_nothing(desk: Desk) -> None:
    assert desk.sync("--only", "fields").code == 0
    query = sa.select(custom_fields).order_by(custom_fields.c.jira_id)
    before = rows(desk.engine, query)
    assert len(before) == len(desk.site.truth()["custom_fields"])
    for fault in ("captcha_403", "scope_401", "empty_list"):
        desk.server.faults = [Fault(fault, path="*/field")]
        typed = desk.sync("--only", "fields")
        assert typed.code == 1
        assert rows(desk.engine, query) == before
    assert "Jira answered no fields at all" in typed.said
    markers = sa.select(sa.func.count()).select_from(raw_extractions)
    assert scalar(desk.engine, markers) == 1


def test_a_check_of_severity_error_fails_the_sync(desk: Desk) -> None:
    assert desk.sync("--only", "statuses").code == 0
    listed = [status.id for status in desk.site.state.statuses.values() if status.listed]
    for status in listed[: len(listed) * 2 // 3]:
        desk.site.remove_status(status)
    typed = desk.sync("--only", "statuses")
    assert typed.code == 1
    assert "FAILED CHECK: statuses: no_large_drop: The last extraction deleted" in typed.out
    assert "acme/cloud: failed (" in typed.out
