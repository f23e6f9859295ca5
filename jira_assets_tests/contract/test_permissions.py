"""``docs/permissions.md`` against the specs, and against what the client really asks."""

import re
from pathlib import Path
from typing import NamedTuple

from jira_assets.sandbox.model import Deployment
from jira_assets_tests.contract.asked import OUTSIDE, asked
from jira_assets_tests.contract.issues_asked import asked_about_issues
from jira_assets_tests.contract.spec import Operation, Spec

PAGE = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text()
TITLES: dict[Deployment, str] = {"cloud": "Cloud", "data_center": "Data Center"}
READING_POSTS: dict[Deployment, set[str]] = {
    "cloud": {"/search/jql", "/changelog/bulkfetch"},
    "data_center": {"/search"},
}
SCOPE = re.compile(r"read:[\w.:-]+")
Specs = dict[Deployment, Spec]


class Row(NamedTuple):
    """One endpoint of the page."""

    method: str
    api: str
    template: str
    cells: tuple[str, ...]

    @property
    def permissions(self) -> set[str]:
        return {name.lower() for name in re.findall(r"\*([\w ]+)\*", self.cells[0])}

    def scopes(self, column: int) -> set[str]:
        return set(SCOPE.findall(self.cells[column]))


def rows(deployment: Deployment) -> list[Row]:
    """Return the rows of one deployment's table."""
    section = PAGE.split(f"## {TITLES[deployment]}\n")[1].split("\n## ")[0]
    row = r"^\| `(GET|POST) (/rest/api/\d)(/\S+)` \| (.*) \|$"
    found = re.findall(row, section, re.MULTILINE)
    return [Row(method, api, path, tuple(cells.split(" | "))) for method, api, path, cells in found]


def declared(row: Row, specs: Specs) -> Operation:
    return specs["cloud"].operation(row.template, row.method.lower())


def issue_calls(specs: Specs, deployment: Deployment) -> set[tuple[str, str, str]]:
    """Return method, version of the API and template of each call about issues."""
    called = set()
    for request in asked_about_issues(deployment):
        api = request.path[: len("/rest/api/3")]
        path, method = request.path.removeprefix(api), request.method
        template = specs[deployment].asked_by(path, method.lower()).template
        called.add((method, api, template))
    return called


def test_the_page_has_what_is_called_and_nothing_else(specs: Specs, deployment: Deployment) -> None:
    called = issue_calls(specs, deployment)
    for says in ("auto", deployment):
        for request in asked(deployment, declared=says):
            operation = request.operation(specs)
            template = operation.template if operation else request.path
            called.add((request.method, request.api, template))
    assert {(row.method, row.api, row.template) for row in rows(deployment)} == called


def test_what_is_posted_only_reads(deployment: Deployment) -> None:
    assert {row.template for row in rows(deployment) if row.method == "POST"} == READING_POSTS[
        deployment
    ]


def test_every_row_says_all(deployment: Deployment) -> None:
    columns = 5 if deployment == "cloud" else 3
    for row in rows(deployment):
        assert len(row.cells) == columns
        assert all(cell.strip() for cell in row.cells)


def test_scopes_and_permissions_are_those_of_the_spec(specs: Specs) -> None:
    for row in rows("cloud"):
        if row.template not in OUTSIDE:
            operation = declared(row, specs)
            assert row.scopes(1) == operation.scopes("Current") == operation.secured_by
            assert row.scopes(2) == operation.scopes("Beta")
            assert row.permissions == operation.permissions


def test_the_summary_names_every_scope() -> None:
    summary, (_, listed) = PAGE.split("## Cloud\n")[0], PAGE.split("## All granular scopes\n")
    assert set(SCOPE.findall(summary)) == set().union(*(row.scopes(1) for row in rows("cloud")))
    assert SCOPE.findall(listed) == sorted(set().union(*(row.scopes(2) for row in rows("cloud"))))
