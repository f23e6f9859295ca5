"""Custom fields with columns of their own, from the front door: mapped, mapped anew, retyped."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest

from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.commands.conftest import new_database, shell_on
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.issue_story import IssueStory, Told
from jira_assets_tests.commands.shell import KEY, Typed
from jira_assets_tests.conftest import PostgresServer, engine_seeing_all

NUMBER: Final = "customfield_10007"
OPTION: Final = "customfield_10004"
NOWHERE: Final = "customfield_99999"
ISSUES: Final = ("--only", "fields,issue_samples,issues")
LONG_AGO: Final = "1704067200000"
"""2024-01-01, as JQL says it."""


@dataclass
class Story(IssueStory):
    """Syncs: first, with another mapping, after the field has become a text, in full, and again."""

    columns: list[dict[str, tuple[str | None, str | None]]] = field(default_factory=list)
    """After each sync: issue id to its first two mapped columns."""
    maps: list[Typed] = field(default_factory=list)
    listed: list[Typed] = field(default_factory=list)
    """What `integration fields` said before anything was read, and between the first two syncs."""

    def map(self, **fields: str) -> Typed:
        self.listed.append(self.desk.shell("integration", "fields", KEY))
        maps = [part for pair in fields.items() for part in ("--map", "=".join(pair))]
        self.maps.append(self.desk.shell("integration", "update", KEY, *maps))
        return self.maps[-1]

    def sync(self, *arguments: str) -> Told:
        told = super().sync(*ISSUES, *arguments)
        query = "SELECT jira_id, custom_field_01, custom_field_02 FROM jira.issues"
        self.columns.append({row[0]: (row[1], row[2]) for row in self.rows(query)})
        return told

    def with_value(self, field: str) -> set[str]:
        """Return the ids of the site's issues that have a value in a field."""
        return {each.id for each in self.desk.site.state.issues.values() if field in each.values}


@pytest.fixture(scope="module")
def story(
    postgres_server: PostgresServer,
    dagster_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    site = synthetic_site(projects=4, issues=30, custom_fields=8, seed=3)
    home = tmp_path_factory.mktemp("mapped")
    with (
        new_database(postgres_server, dagster_template) as database,
        SandboxServer(site) as server,
    ):
        desk = Desk(shell_on(database, home), site, server, engine_seeing_all(database.runtime_url))
        yield told(Story(desk.added()))


def told(story: Story) -> Story:
    """Let the story happen."""
    site = story.desk.site
    assert story.map(custom_field_01=NUMBER, custom_field_02=NOWHERE).code == 0
    story.sync()
    assert story.map(custom_field_01=NUMBER, custom_field_02=OPTION).code == 0
    story.sync()
    site.retype_field(NUMBER, "string", "com.app:text")
    for issue in sorted(story.with_value(NUMBER)):
        site.change_issue(issue, values={NUMBER: f"of {issue}"})
    story.sync()
    story.sync("--full", "--rendered")
    story.sync("--since", "2024-01-01")
    return story


def test_every_sync_goes_well(story: Story) -> None:
    assert [told.typed.code for told in story.told] == [0] * 5


def test_who_maps_fields_is_told_which_they_are(story: Story) -> None:
    before, after = (typed.said for typed in story.maps)
    assert "not known yet: jira-assets sync acme/cloud --only fields,issue_samples" in before
    assert "warning" not in before
    filled = len(story.with_value(OPTION))
    assert filled
    assert f"custom_field_02: '客户' (option), filled in {filled} of " in after
    assert "a full one, for the columns: jira-assets sync acme/cloud --only issues" in after
    assert "warning" not in after


def test_the_fields_of_a_site_are_listed_with_their_use_and_columns(story: Story) -> None:
    before, after = (typed.said for typed in story.listed)
    assert "not known yet: jira-assets sync acme/cloud --only fields,issue_samples" in before
    lines = {line.split()[1]: line.split() for line in after.splitlines() if "customfield_" in line}
    (number,) = [words for words in lines.values() if NUMBER in words]
    assert "custom_field_01" in number
    assert str(len(story.with_value(NUMBER))) in number
    assert f"warning: custom_field_02: the site does not have {NOWHERE}, or" in after


def test_values_of_a_mapped_field_are_in_its_column(story: Story) -> None:
    filled = {issue for issue, (first, _) in story.columns[0].items() if first is not None}
    assert filled == story.with_value(NUMBER)
    assert filled
    assert all(float(str(story.columns[0][issue][0])) >= 0 for issue in filled)
    assert {second for _, second in story.columns[0].values()} == {None}


def test_a_mapped_field_that_the_site_does_not_have_warns(story: Story) -> None:
    first, second, *_ = story.told
    assert f"1 mapped field, or the account does not see it: {NOWHERE} (custom_field_02)" in (
        first.typed.said
    )
    assert "warning: custom_fields: mapped_fields_exist:" in first.typed.said
    assert "mapped_fields_exist" not in second.typed.said
    assert all(NOWHERE not in each.fields for each in first.windows())


def test_another_mapping_reads_every_project_in_full(story: Story) -> None:
    first, second, *_ = story.told
    assert second.windows()
    assert len(second.windows()) == len(first.windows())
    assert all("updated >=" not in each.jql for each in second.windows())
    filled = {issue for issue, (_, option) in story.columns[1].items() if option is not None}
    assert filled == story.with_value(OPTION)
    assert {issue: first for issue, (first, _) in story.columns[1].items()} == {
        issue: first for issue, (first, _) in story.columns[0].items()
    }


def test_a_field_of_another_type_goes_to_the_other_fields_and_warns(story: Story) -> None:
    changed = story.told[2]
    filled = story.with_value(NUMBER)
    assert {story.columns[2][issue][0] for issue in filled} == {None}
    assert "warning: issues: mapped_fields_fit:" in changed.typed.said
    assert f"custom_field_01 ({len(filled)})" in changed.typed.said
    assert all("updated >=" in each.jql for each in changed.windows())


def test_reading_all_again_takes_the_new_type(story: Story) -> None:
    full = story.told[3]
    assert all("updated >=" not in each.jql for each in full.windows())
    for issue in story.with_value(NUMBER):
        assert story.columns[3][issue][0] == f"of {issue}"
        row = story.issue(issue, "custom_fields, mistyped_fields")
        assert (NUMBER in row.custom_fields, row.mistyped_fields) == (False, None)
    assert "mapped_fields_fit" not in full.typed.said


def test_what_is_in_a_column_is_not_among_the_other_fields(story: Story) -> None:
    for issue in story.desk.site.state.issues.values():
        kept = story.issue(issue.id, "custom_fields").custom_fields
        filled = {name for name, value in issue.values.items() if value not in (None, "", ())}
        assert kept.keys() == filled - {NUMBER, OPTION}


def test_texts_as_html_are_asked_for_and_stay_raw(story: Story) -> None:
    for told in story.told:
        wanted = told is story.told[3]
        assert {"renderedFields" in each.expand for each in told.windows()} == {wanted}
    query = """
        SELECT count(*) FROM jira.raw_extraction_data, jsonb_array_elements(payload -> 'issues') one
        WHERE entity = 'issues' AND one ? 'renderedFields'
    """
    ((rendered,),) = story.rows(query)
    assert rendered >= len(story.desk.site.state.issues)


def test_somebody_may_go_back_and_nothing_changes(story: Story) -> None:
    again = story.told[4]
    assert all(f"updated >= {LONG_AGO} " in each.jql for each in again.windows())
    assert len(again.windows()) == len(story.told[3].windows())
    assert again.prints == story.told[3].prints


def test_everything_and_a_moment_exclude_each_other(story: Story) -> None:
    typed = story.desk.sync("--full", "--since", "2024-01-01")
    assert typed.code == 2
    assert "--full reads everything: leave out --since." in typed.said


@pytest.mark.parametrize("option", [["--full"], ["--since", "2024-01-01"], ["--rendered"]])
def test_what_is_about_issues_needs_issues(story: Story, option: list[str]) -> None:
    typed = story.desk.sync("--only", "statuses,issue_ids", *option)
    assert typed.code == 2
    assert "--full, --since and --rendered are about issues" in typed.err
