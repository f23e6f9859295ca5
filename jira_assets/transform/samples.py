"""Which custom fields each project uses, as its newest issues show.

Decisions this module embodies:

* A project's answer is one page of its issues with all their fields. A field is used as often as it
  has a value there; one that has none anywhere makes no row.
* Of a project of whose answer something was set aside nobody can tell which fields it does not use:
  it counts as unreadable, and keeps the rows it had.
"""

from collections import Counter
from typing import Any

from jira_assets.transform.pages import Selection
from jira_assets.transform.values import CUSTOM_FIELD, has_value, identifier, member, text
from jira_assets.warehouse.contracts import LandedEntity, RawPage, Rejected


class Samples:
    """How often the fields of each selected project are filled.

    ``filled`` is project id to field id to issues with a value; ``sampled`` project id to issues.
    ``complete`` is False where a page does not say which project it is about.
    """

    def __init__(self, source: LandedEntity) -> None:
        self._entity = source.landing.entity
        self.filled: dict[str, Counter[str]] = {}
        self.sampled: dict[str, int] = {}
        self.unreadable: set[str] = set()
        self.rejected: list[Rejected] = []
        self.complete = True
        selection = Selection.of(source.landing)
        for page in source.pages():
            if text(page.request.get("project_key")) in selection:
                self._add(page)

    def _add(self, page: RawPage) -> None:
        project_id = identifier(page.request.get("project_id"))
        found = member(page.payload, "issues")
        if project_id is None:
            self._reject(page.payload, f"page {page.page} is about no project")
            self.complete = False
        elif not page.readable:
            self.unreadable.add(project_id)
        elif not isinstance(found, list):
            self._reject(page.payload, f"project {project_id}: answer is no list of issues")
            self.unreadable.add(project_id)
        else:
            self._count(project_id, found)

    def _count(self, project_id: str, issues: list[Any]) -> None:
        filled: Counter[str] = Counter()
        for issue in issues:
            fields = member(issue, "fields")
            if not isinstance(fields, dict):
                jira_id = identifier(member(issue, "id"))
                self._reject(issue, f"project {project_id}: issue has no fields", jira_id)
                self.unreadable.add(project_id)
                continue
            filled.update(name for name, value in fields.items() if _counts(name, value))
        self.filled[project_id] = filled
        self.sampled[project_id] = len(issues)

    def _reject(self, payload: Any, reason: str, jira_id: str | None = None) -> None:
        self.rejected.append(Rejected(self._entity, payload, reason, jira_id))


def _counts(field_id: str, value: Any) -> bool:
    """Whether a field is a custom one with a value, and its id one that a key can hold."""
    return (
        field_id.startswith(CUSTOM_FIELD) and has_value(value) and identifier(field_id) == field_id
    )
