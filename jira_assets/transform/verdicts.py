"""What the asset checks decide: from numbers to passed or not, how bad, and in which words.

Pure functions. ERROR is what the tables must not show whatever Jira says (a relation that points
nowhere, half of a table gone at once); WARN is what somebody should look at in Jira.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from jira_assets.transform.records import CATEGORIES

PARTITION: Final = "TENANT/INTEGRATION"
"""Stands for the partition in the commands that a verdict names."""

SHOWN: Final = 10
"""How many examples a verdict shows."""

MAX_DROP: Final = 0.5
"""The share of a table's living rows that one application may delete unremarked."""


@dataclass(frozen=True)
class Verdict:
    """What a check says about one partition."""

    passed: bool
    description: str
    error: bool = False
    """Where it did not pass: ERROR rather than WARN."""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def on(self, partition_key: str) -> "Verdict":
        """Return it with the commands that it names on a partition."""
        return replace(self, description=self.description.replace(PARTITION, partition_key))


@dataclass(frozen=True)
class UnknownIds:
    """Living rows of a relation that name what no living row of another table has."""

    relations: int
    ids: Sequence[str]
    """All of the ids, or the first ``SHOWN``."""
    distinct: int
    caught_up: bool
    """Whether the other table holds an extraction at least as new as the relation's."""


def unknown_ids(found: UnknownIds, other: str) -> Verdict:
    """Judge a relation against the table that it names; what has yet to be made is no error."""
    if not found.relations:
        return Verdict(passed=True, description=f"Every relation names a living row of {other}.")
    description = (
        f"{_count(found.relations, 'relation')} to {_count(found.distinct, 'id')} that {other} "
        f"does not have: {_listed(found.ids, found.distinct)}."
    )
    if not found.caught_up:
        description += f" {other} holds an older extraction than this table: materialize {other}."
    return Verdict(
        passed=False,
        description=description,
        error=found.caught_up,
        metadata={"relations": found.relations, "unknown_ids": found.distinct},
    )


@dataclass(frozen=True)
class UnknownCategories:
    """Living statuses whose category is none of Jira's four."""

    statuses: int
    examples: Sequence[str]
    """The first ``SHOWN``, each as ``id: category``."""


def known_categories(found: UnknownCategories) -> Verdict:
    """Judge the categories of statuses. An unknown one is Jira's news, not a broken table."""
    if not found.statuses:
        return Verdict(passed=True, description="Every status is in one of Jira's categories.")
    return Verdict(
        passed=False,
        description=(
            f"{_count(found.statuses, 'status', 'statuses')} in a category other than "
            f"{', '.join(CATEGORIES)}: {_listed(found.examples, found.statuses)}."
        ),
        metadata={"statuses": found.statuses},
    )


@dataclass(frozen=True)
class RejectedRecords:
    """Objects of the applied extractions that made no row."""

    records: int
    reasons: Sequence[str]
    """The first ``SHOWN``."""


def no_rejected(found: RejectedRecords) -> Verdict:
    """Judge what was set aside."""
    if not found.records:
        return Verdict(passed=True, description="Every object made a row.")
    return Verdict(
        passed=False,
        description=(
            f"{_count(found.records, 'object')} made no row: "
            f"{_listed(found.reasons, found.records)}. See jira.rejected_records."
        ),
        metadata={"rejected": found.records, "reasons": list(found.reasons)},
    )


def all_readable(unreadable: Mapping[str, str]) -> Verdict:
    """Judge the projects that could not be read; ``unreadable`` is project key to reason."""
    if not unreadable:
        return Verdict(passed=True, description="Every project could be read.")
    shown = dict(sorted(unreadable.items())[:SHOWN])
    projects = _listed([f"{key} ({why})" for key, why in shown.items()], len(unreadable))
    return Verdict(
        passed=False,
        description=(
            f"{_count(len(unreadable), 'project')} could not be read; what was there stays: "
            f"{projects}. The account needs the permission Browse Projects."
        ),
        metadata={"unreadable_projects": len(unreadable), "reasons": shown},
    )


@dataclass(frozen=True)
class Drop:
    """What the application that a table now holds did to the rows that were alive before it."""

    deleted: int
    kept: int


def no_large_drop(found: Drop) -> Verdict:
    """Judge the rows that were deleted at once: half a site rarely goes, permissions often do."""
    before = found.deleted + found.kept
    description = f"The last extraction deleted {found.deleted:,} of {before:,} living rows."
    passed = found.deleted <= before * MAX_DROP
    if not passed:
        description += " If Jira still has them, check what the account may see, and sync again."
    return Verdict(
        passed=passed,
        description=description,
        error=True,
        metadata={"deleted": found.deleted, "alive_before": before},
    )


def no_withheld_deletions(withheld: Mapping[str, int]) -> Verdict:
    """Judge the deletions that a sweep did not dare; ``withheld`` is project key to issues."""
    if not withheld:
        return Verdict(passed=True, description="No project lost half of its issues at once.")
    shown = dict(sorted(withheld.items())[:SHOWN])
    projects = _listed([f"{key} ({count:,})" for key, count in shown.items()], len(withheld))
    return Verdict(
        passed=False,
        error=True,
        description=(
            f"In {_count(len(withheld), 'project')} half or more of the issues were gone at once; "
            f"they were kept: {projects}. An account that lost the permission Browse "
            "Projects, or a security level, looks like that: check it in Jira. If they are really "
            f"gone, run `jira-assets replay {PARTITION} --accept-deletions`."
        ),
        metadata={"issues": sum(withheld.values()), "projects": shown},
    )


def mapped_fields_exist(missing: Mapping[str, str]) -> Verdict:
    """Judge the mapped fields that the site does not have; ``missing`` is column to field id."""
    if not missing:
        return Verdict(passed=True, description="The site has every mapped field.")
    fields = [f"{field_id} ({column})" for column, field_id in sorted(missing.items())]
    return Verdict(
        passed=False,
        description=(
            f"The site does not have {_count(len(missing), 'mapped field')}, or the account does "
            f"not see {'it' if len(missing) == 1 else 'them'}: {_listed(fields, len(fields))}. "
            f"`jira-assets integration fields {PARTITION}` lists what there is, "
            f"`jira-assets integration update {PARTITION} --map …` maps anew."
        ),
        metadata={"missing": dict(missing)},
    )


@dataclass(frozen=True)
class Mistyped:
    """Living issues with values in mapped fields that do not fit the columns."""

    issues: int
    columns: Mapping[str, int]
    """Column to how many issues have such a value for it."""


def mapped_fields_fit(found: Mistyped) -> Verdict:
    """Judge the values that did not fit their columns."""
    if not found.issues:
        return Verdict(passed=True, description="Every value of a mapped field fits its column.")
    columns = [f"{name} ({count:,})" for name, count in sorted(found.columns.items())]
    return Verdict(
        passed=False,
        description=(
            f"{_count(found.issues, 'issue')} with a value that does not fit the column that its "
            f"field is mapped to; it is in custom_fields: {_listed(columns, len(columns))}. If the "
            "field has changed its type, map it anew, or read all issues again: "
            f"`jira-assets sync {PARTITION} --only issues --full`."
        ),
        metadata={"issues": found.issues, "columns": dict(found.columns)},
    )


def no_such_integration(partition_key: str) -> Verdict:
    """Judge a partition that is nobody's."""
    return Verdict(
        passed=False, error=True, description=f"There is no integration {partition_key} (any more)."
    )


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _listed(examples: Sequence[str], total: int) -> str:
    more = total - len(examples[:SHOWN])
    return ", ".join(examples[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")
