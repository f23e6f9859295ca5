"""Issues from the front door: what each sync of a changing site leaves, in both dialects."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from jira_assets.sandbox.model import Deployment
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.tables import DATA_TABLES
from jira_assets_tests.commands.conftest import new_database, shell_on
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.issue_story import IssueStory, Told
from jira_assets_tests.conftest import PostgresServer, engine_seeing_all

ZONES: Final[dict[Deployment, str]] = {
    "cloud": "America/New_York",
    "data_center": "Australia/Sydney",
}
CHANGING: Final = "projects, issue_samples, issue_ids, issues"
"""What the changes are about: the rest is read once, and then only takes time."""
CHANGES: Final = 45
"""More than a search of Cloud embeds, which is 40."""


@dataclass
class Plot:
    """Which project and issue what happens to."""

    busy: str
    """A project with changes."""
    rekeyed: str
    closed: str
    """Becomes unreadable, and readable again."""
    changed: str
    deleted: str
    moved: str
    talkative: str
    """Has a long history."""
    added: str = ""
    changed_behind_the_door: str = ""
    rekeyed_issues: tuple[str, ...] = ()
    moved_from: str = ""


@dataclass
class Story(IssueStory):
    """Five syncs: all is new; nothing is; much has changed; the closed project opens; one more."""

    plot: Plot | None = None

    @property
    def of(self) -> Plot:
        assert self.plot is not None
        return self.plot

    @property
    def first(self) -> Told:
        return self.told[0]

    @property
    def idle(self) -> Told:
        return self.told[1]

    @property
    def changed(self) -> Told:
        return self.told[2]

    @property
    def opened(self) -> Told:
        return self.told[3]


def plotted(desk: Desk) -> Plot:
    issues = desk.site.state.issues_by_project
    busy, rekeyed, closed = sorted(issues, key=lambda project: -len(issues[project]))[:3]
    ids = [issue.id for issue in sorted(issues[busy], key=lambda each: len(each.histories))]
    return Plot(
        busy=busy,
        rekeyed=rekeyed,
        closed=closed,
        changed=ids[0],
        moved=ids[1],
        talkative=ids[2],
        deleted=ids[-1],
        rekeyed_issues=tuple(issue.id for issue in issues[rekeyed]),
        moved_from=desk.site.state.key_of(desk.site.issue(ids[1])),
        changed_behind_the_door=issues[closed][0].id,
    )


def change_much(desk: Desk, plot: Plot) -> None:
    site = desk.site
    site.change_issue(plot.changed, summary="Changed", labels=("new",))
    plot.added = site.add_issue(plot.busy, summary="Added").id
    site.delete_issue(plot.deleted)
    site.move_issue(plot.moved, plot.rekeyed)
    site.rekey_project(plot.rekeyed, "FRESH")
    for number in range(CHANGES):
        site.change_issue(plot.talkative, summary=f"Said {number}")
    site.make_unreadable(plot.closed)
    site.change_issue(plot.changed_behind_the_door, summary="Behind the door")


@pytest.fixture(scope="module", params=list(ZONES))
def story(
    request: pytest.FixtureRequest,
    postgres_server: PostgresServer,
    dagster_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    deployment: Deployment = request.param
    site = synthetic_site(
        projects=6,
        issues=50,
        custom_fields=8,
        seed=3,
        deployment=deployment,
        time_zone=ZONES[deployment],
    )
    home = tmp_path_factory.mktemp("issues")
    with (
        new_database(postgres_server, dagster_template) as database,
        SandboxServer(site) as server,
    ):
        desk = Desk(shell_on(database, home), site, server, engine_seeing_all(database.runtime_url))
        yield told(Story(desk.added()))


def told(story: Story) -> Story:
    """Let the story happen."""
    plot = story.plot = plotted(story.desk)
    story.sync()
    story.sync("--only", CHANGING)
    change_much(story.desk, plot)
    story.sync("--only", CHANGING)
    story.desk.site.make_readable(plot.closed)
    story.sync("--only", CHANGING)
    return story


def test_the_first_sync_brings_every_issue_and_every_history(story: Story) -> None:
    assert story.first.typed.code == 0, story.first.typed.said
    assert story.first.differences == []


def test_no_changelog_is_asked_for_twice(story: Story) -> None:
    for told in story.told:
        asked = told.changelogs()
        assert len(asked) == len(set(asked))


def test_a_second_sync_writes_nothing_and_asks_nothing_of_idle_projects(story: Story) -> None:
    assert story.idle.typed.code == 0, story.idle.typed.said
    assert story.idle.prints == story.first.prints
    asked = story.idle.windows()
    if story.desk.site.deployment == "cloud":
        assert asked == []
    else:
        assert len(asked) == len(story.first.windows())
        assert all("updated >= " in each.jql for each in asked)


def test_what_changed_shows_after_the_next_sync(story: Story) -> None:
    assert story.changed.typed.code == 0, story.changed.typed.said
    behind = story.of.changed_behind_the_door
    assert all(behind in line for line in story.changed.differences)
    assert story.opened.typed.code == 0, story.opened.typed.said
    assert story.opened.differences == []


def test_each_kind_of_change_is_in_its_row(story: Story) -> None:
    changed = story.issue(story.of.changed)
    assert (changed.summary, changed.labels) == ("Changed", ["new"])
    assert changed.first_seen_at < changed.updated_at
    added = story.issue(story.of.added)
    assert (added.project_jira_id, added.deleted_at) == (story.of.busy, None)


def test_a_deleted_issue_is_marked_with_its_changelog(story: Story) -> None:
    deleted = story.of.deleted
    assert story.issue(deleted).deleted_at is not None
    living = (
        "SELECT count(*), count(*) FILTER (WHERE deleted_at IS NULL) FROM jira.issue_changelogs "
        f"WHERE issue_jira_id = '{deleted}'"
    )
    ((rows, alive),) = story.rows(living)
    assert rows > 0
    assert alive == 0


def test_a_moved_issue_keeps_its_row_and_its_earlier_keys(story: Story) -> None:
    moved = story.issue(story.of.moved)
    assert moved.project_jira_id == story.of.rekeyed
    assert moved.key.startswith("FRESH-")
    assert story.of.moved_from in moved.earlier_keys
    assert moved.first_seen_at < moved.updated_at


def test_a_project_with_a_new_key_is_read_in_full_and_keeps_the_old_keys(story: Story) -> None:
    project = story.of.rekeyed
    assert all("updated" not in w.jql.split(" ORDER")[0] for w in story.changed.windows(project))
    assert story.changed.windows(project)
    for issue in story.of.rekeyed_issues:
        row = story.issue(issue)
        assert row.key.startswith("FRESH-")
        assert row.earlier_keys


def test_only_the_projects_that_changed_are_asked(story: Story) -> None:
    asked = {each.jql.split()[2] for each in story.changed.windows()}
    assert {story.of.busy, story.of.rekeyed} <= asked
    # Data Center does not say when a project last changed: all of them are asked.
    others = asked - {story.of.busy, story.of.rekeyed, story.of.closed}
    assert bool(others) is (story.desk.site.deployment == "data_center")


def test_a_project_that_closed_keeps_its_issues_and_its_watermark(story: Story) -> None:
    said = story.changed.typed.said
    assert "warning: issues: unreadable_projects: 1 project could not be read" in said
    assert not any("too many" in line for line in story.changed.differences)
    assert story.marks()[story.of.closed].unreadable is None
    assert story.issue(story.of.changed_behind_the_door).summary == "Behind the door"


def test_a_project_that_opened_is_read_from_its_watermark_on(story: Story) -> None:
    asked = story.opened.windows(story.of.closed)
    assert asked
    assert all("updated >= " in each.jql for each in asked)


def test_a_long_history_is_whole(story: Story) -> None:
    query = (
        "SELECT count(DISTINCT history_jira_id) FROM jira.issue_changelogs "
        f"WHERE issue_jira_id = '{story.of.talkative}' AND deleted_at IS NULL"
    )
    ((histories,),) = story.rows(query)
    assert histories == len(story.desk.site.issue(story.of.talkative).histories)
    assert histories >= CHANGES


def test_moments_are_those_of_jira_in_utc(story: Story) -> None:
    query = (
        "SELECT jira_id, jira_created_at, jira_updated_at FROM jira.issues WHERE deleted_at IS NULL"
    )
    for row in story.rows(query):
        issue = story.desk.site.issue(row.jira_id)
        assert row.jira_created_at == datetime.fromtimestamp(issue.created / 1000, UTC)
        assert row.jira_updated_at == datetime.fromtimestamp(issue.updated / 1000, UTC)


def test_the_stays_of_an_issue_are_its_whole_life(story: Story) -> None:
    query = """
        SELECT issue.jira_id, issue.jira_created_at, min(stay.entered_at) AS entered_at,
            count(*) FILTER (WHERE stay.left_at IS NULL) AS open,
            sum(stay.left_at - stay.entered_at) AS closed,
            max(stay.entered_at) FILTER (WHERE stay.left_at IS NULL) AS last_entered_at,
            max(stay.status_jira_id) FILTER (WHERE stay.left_at IS NULL) AS status
        FROM jira.issues AS issue LEFT JOIN jira.status_history AS stay
        ON stay.integration_id = issue.integration_id AND stay.issue_jira_id = issue.jira_id
        WHERE issue.deleted_at IS NULL GROUP BY 1, 2
    """
    lives = story.rows(query)
    assert {life.jira_id for life in lives} == set(story.desk.site.state.issues)
    for life in lives:
        assert life.open == 1
        assert life.entered_at == life.jira_created_at
        closed = life.closed or timedelta()
        assert closed == life.last_entered_at - life.jira_created_at
        assert life.status == story.desk.site.issue(life.jira_id).status_id


def test_a_replay_makes_the_same_rows(story: Story) -> None:
    calls = len(story.desk.server.requests)
    columns = "jira_id, key, earlier_keys, summary, custom_fields, deleted_at IS NULL"
    before = story.rows(f"SELECT {columns} FROM jira.issues ORDER BY 1")
    typed = story.replay()
    assert typed.code == 0, typed.said
    assert story.rows(f"SELECT {columns} FROM jira.issues ORDER BY 1") == before
    assert story.desk.differences() == []
    assert len(story.desk.server.requests) == calls


def test_every_table_has_its_rows(story: Story) -> None:
    for table in DATA_TABLES:
        ((rows,),) = story.rows(f"SELECT count(*) FROM jira.{table}")
        assert rows > 0, table
