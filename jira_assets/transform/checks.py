"""The asset checks: what the tables must not show, asked of the database after each merge.

Decisions this module embodies:

* Checks are partitioned: else one tenant's pass hides another's failure. In a run over many
  partitions, Dagster's ``AssetCheckResult`` cannot say which one it is about, so there each
  partition gets an evaluation of its own.
* The checks of a table are one step; those that look at a second table are another, which waits
  for that table, too. Both can be subset, else a partial run fails.
* None is blocking: nothing here stands downstream of a table. ``sync`` reads the results.
"""

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import dagster as dg

from jira_assets.partitions import PARTITIONS_NAME, partitions_definition
from jira_assets.transform import check_queries, issue_check_queries, verdicts
from jira_assets.transform.runs import RETRY_POLICY, table_asset_key
from jira_assets.transform.snapshots import TRANSFORMS
from jira_assets.transform.verdicts import Verdict
from jira_assets.warehouse.tables import SOURCES

if TYPE_CHECKING:
    import sqlalchemy as sa

FindingT = TypeVar("FindingT")
Query = Callable[["sa.Connection", str, Collection[str]], Mapping[str, FindingT]]
Examine = Callable[["sa.Connection", str, Collection[str]], Mapping[str, Verdict]]


@dataclass(frozen=True)
class TableCheck:
    """One check, of any of some tables."""

    name: str
    description: str
    tables: tuple[str, ...]
    examine: Examine
    """Connection, table and partition keys to the verdict on each partition."""
    other: str | None = None
    """The second table that it looks at."""


def _judged(query: Query[FindingT], judge: Callable[[FindingT], Verdict]) -> Examine:
    """Put a question to the database and a judgement on its answer together."""

    def examine(
        connection: "sa.Connection", table: str, keys: Collection[str]
    ) -> Mapping[str, Verdict]:
        return {key: judge(found).on(key) for key, found in query(connection, table, keys).items()}

    return examine


def _names_only(other: str, column: str) -> Examine:
    return _judged(
        partial(check_queries.unknown_ids, other=other, column=column),
        partial(verdicts.unknown_ids, other=other),
    )


SNAPSHOTS: Final = tuple(TRANSFORMS)
"""The tables that are made as a whole, of the newest extraction."""

CHECKS: Final = (
    TableCheck(
        "no_unknown_status",
        "Every living relation names a living status.",
        ("projects_statuses", "projects_issue_types_statuses"),
        _names_only("statuses", "status_jira_id"),
        other="statuses",
    ),
    TableCheck(
        "no_unknown_issue_type",
        "Every living relation names a living issue type.",
        ("projects_issue_types", "projects_issue_types_statuses"),
        _names_only("issue_types", "issue_type_jira_id"),
        other="issue_types",
    ),
    TableCheck(
        "known_category",
        "Every living status is in one of Jira's four categories.",
        ("statuses",),
        _judged(check_queries.unknown_categories, verdicts.known_categories),
    ),
    TableCheck(
        "no_rejected_records",
        "Every object of the applied extraction made a row.",
        SNAPSHOTS,
        _judged(check_queries.rejected, verdicts.no_rejected),
    ),
    TableCheck(
        "unreadable_projects",
        "Every project could be read; one that could not be read keeps the statuses it had.",
        ("projects_statuses",),
        _judged(check_queries.unreadable_projects, verdicts.all_readable),
    ),
    TableCheck(
        "no_large_drop",
        "The applied extraction deleted no more than half of the living rows.",
        SNAPSHOTS,
        _judged(check_queries.drop, verdicts.no_large_drop),
    ),
    TableCheck(
        "no_rejected_records",
        "Every issue that was read made a row, and so did every change of it.",
        ("issues",),
        _judged(issue_check_queries.rejected, verdicts.no_rejected),
    ),
    TableCheck(
        "unreadable_projects",
        "The issues of every project could be read; one that could not be read keeps its issues.",
        ("issues",),
        _judged(issue_check_queries.unreadable_projects, verdicts.all_readable),
    ),
    TableCheck(
        "no_withheld_deletions",
        "No project lost half of its issues at once; one that did keeps them.",
        ("issues",),
        _judged(issue_check_queries.withheld_deletions, verdicts.no_withheld_deletions),
    ),
    TableCheck(
        "mapped_fields_fit",
        "The values of mapped fields fit the columns that they are mapped to.",
        ("issues",),
        _judged(issue_check_queries.mistyped, verdicts.mapped_fields_fit),
    ),
    TableCheck(
        "mapped_fields_exist",
        "The site has every field that a column of issues is mapped to.",
        ("custom_fields",),
        _judged(issue_check_queries.missing_fields, verdicts.mapped_fields_exist),
    ),
)


def build_checks(
    *, tables: Sequence[str] = tuple(SOURCES), key_prefix: Sequence[str] = ()
) -> list[dg.AssetChecksDefinition]:
    """Build the checks of ``tables``; those that look at a table not among them are left out."""
    return [
        _step(table, other, checks, key_prefix)
        for table in SOURCES
        if table in tables
        for other in (None, *SOURCES)
        if other is None or other in tables
        if (checks := [c for c in CHECKS if table in c.tables and c.other == other])
    ]


def _step(
    table: str, other: str | None, checks: Sequence[TableCheck], key_prefix: Sequence[str]
) -> dg.AssetChecksDefinition:
    """Build the step that runs ``checks`` of ``table``, all of which look at ``other``."""
    specs = {check.name: _spec(table, check, key_prefix) for check in checks}

    @dg.multi_asset_check(
        name="_".join([*key_prefix, "check", table, *(["against", other] if other else [])]),
        specs=list(specs.values()),
        can_subset=True,
        required_resource_keys={"warehouse"},
        retry_policy=RETRY_POLICY,
    )
    def check_table(context: dg.AssetCheckExecutionContext) -> Iterator[Any]:
        selected = {key.name for key in context.selected_asset_check_keys}
        keys = _partition_keys(context)
        for check in checks:
            if check.name in selected:
                with context.resources.warehouse.engine_of(keys).connect() as connection:
                    found = check.examine(connection, table, keys)
                judged = {key: found.get(key) or verdicts.no_such_integration(key) for key in keys}
                yield from _events(specs[check.name], judged, of_one=context.has_partition_key)

    return check_table


def _partition_keys(context: dg.AssetCheckExecutionContext) -> list[str]:
    """Return the run's partitions; all there are if it has none, as a run of a check alone may."""
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    return list(context.instance.get_dynamic_partitions(PARTITIONS_NAME))


def _spec(table: str, check: TableCheck, key_prefix: Sequence[str]) -> dg.AssetCheckSpec:
    others = [] if check.other is None else [table_asset_key(check.other, key_prefix)]
    with warnings.catch_warnings():
        # Partitions of checks are in preview; a test pins what they do.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            check.name,
            asset=table_asset_key(table, key_prefix),
            description=check.description,
            additional_deps=others,
            partitions_def=partitions_definition(),
        )


def _events(
    spec: dg.AssetCheckSpec, judged: Mapping[str, Verdict], *, of_one: bool
) -> Iterator[Any]:
    """Yield a result, which Dagster completes, or an evaluation for each of many partitions."""
    if of_one:
        for verdict in judged.values():
            yield dg.AssetCheckResult(
                asset_key=spec.asset_key, check_name=spec.name, **_said(verdict)
            )
        return
    for key, verdict in judged.items():
        yield dg.AssetCheckEvaluation(
            asset_key=spec.asset_key, check_name=spec.name, partition=key, **_said(verdict)
        )
    yield dg.Output(None, output_name=spec.get_python_identifier())


def _said(verdict: Verdict) -> dict[str, Any]:
    severity = dg.AssetCheckSeverity.ERROR if verdict.error else dg.AssetCheckSeverity.WARN
    return {
        "passed": verdict.passed,
        "severity": severity,
        "description": verdict.description,
        "metadata": dict(verdict.metadata),
    }
