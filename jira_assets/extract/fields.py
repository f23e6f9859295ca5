"""Which fields to ask for, project by project: a pure choice from what is known of their use.

Decisions this module embodies:

* A site has hundreds of custom fields, and Jira sends each of them, null or not, with each issue
  that is asked for with all of them. A project uses a few dozen.
* What is used is known from samples: each project's newest issues with all their fields. Of a
  project that nothing is known of yet, all fields are asked for: that costs bytes, and loses none.
* A mapped field is always asked for, as far as the site has it: its name alone would be refused.
* Field names repeat on one site: a field is its id.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jira_assets.warehouse.contracts import MappedField

BASE: Final = (
    "summary",
    "description",
    "status",
    "assignee",
    "reporter",
    "priority",
    "issuetype",
    "project",
    "created",
    "updated",
    "resolutiondate",
    "parent",
    "resolution",
    "labels",
    "components",
    "versions",
    "fixVersions",
)
"""What every issue is asked for; its id and key come with it anyway."""
ALL: Final = ("*all",)
CUSTOM: Final = "customfield_"
COMMON_SHARE: Final = 0.1
"""A field that is filled in so many of the site's projects is asked for in all of them."""
MOST_USED: Final = 20
"""So many more are asked for of each project: those that it uses most."""

Usage = Mapping[str, Mapping[str, int]]
"""Project id to the fields it uses: id to how many of its sampled issues have a value."""


@dataclass
class FieldUsage:
    """What is known of the use of custom fields, by project id."""

    filled: dict[str, dict[str, int]] = field(default_factory=dict)

    def sample(self, project_id: str, payload: Any) -> None:
        """Take in a page of a project's issues with all their fields."""
        counts: Counter[str] = Counter()
        for values in _fields_of(payload):
            counts.update(name for name, value in values.items() if _is_filled(name, value))
        self.filled[project_id] = dict(counts)

    def learn(self, known: Usage) -> None:
        """Take in what was found out earlier, of projects that were not sampled now."""
        for project_id, counts in known.items():
            self.filled.setdefault(project_id, dict(counts))

    def common(self) -> frozenset[str]:
        """Return the fields that a tenth of the known projects use."""
        projects = Counter(name for counts in self.filled.values() for name in counts)
        least = COMMON_SHARE * len(self.filled)
        return frozenset(name for name, used in projects.items() if used >= least)

    def most_used(self, project_id: str, but: Collection[str]) -> list[str]:
        """Return a project's most used fields that are not among ``but``, most used first."""
        counts = self.filled.get(project_id, {})
        ranked = sorted(counts, key=lambda name: (-counts[name], name))
        return [name for name in ranked if name not in but][:MOST_USED]


class FieldChoice:
    """The fields to ask for, of any project."""

    def __init__(self, usage: FieldUsage, mapped: Mapping[str, MappedField]) -> None:
        self._usage = usage
        self._shared = usage.common() | {each.field_id for each in mapped.values()}

    def of(self, project_id: str) -> tuple[str, ...]:
        """Return what to ask for of a project, in an order that does not depend on chance."""
        if project_id not in self._usage.filled:
            return ALL
        own = self._usage.most_used(project_id, self._shared)
        return (*BASE, *sorted(self._shared | set(own), key=lambda name: (len(name), name)))


def types_of(payload: Any) -> dict[str, str | None]:
    """Return the type of each custom field that a list of fields names, by id."""
    listed = payload if isinstance(payload, list) else ()
    return {
        each["id"]: _type(each)
        for each in listed
        if isinstance(each, dict) and str(each.get("id", "")).startswith(CUSTOM)
    }


def mapped_fields(
    mappings: Mapping[str, str], types: Mapping[str, str | None]
) -> dict[str, MappedField]:
    """Return the fields that have a column, of those that the site has; all where that is unknown.

    A field that the site does not have is left out: a check tells of it.
    """
    return {
        column: MappedField(field_id, types.get(field_id))
        for column, field_id in sorted(mappings.items())
        if not types or field_id in types
    }


def _type(listed: Mapping[str, Any]) -> str | None:
    schema = listed.get("schema")
    found = schema.get("type") if isinstance(schema, dict) else None
    return found if isinstance(found, str) else None


def _fields_of(payload: Any) -> Iterator[Mapping[str, Any]]:
    issues = payload.get("issues") if isinstance(payload, dict) else None
    for issue in issues if isinstance(issues, list) else ():
        fields = issue.get("fields") if isinstance(issue, dict) else None
        if isinstance(fields, dict):
            yield fields


def _is_filled(name: str, value: Any) -> bool:
    return name.startswith(CUSTOM) and value not in (None, "", [], {})
