"""What the Dagster UI shows of landings, merges and tables. Metadata values only, no I/O.

The names of metadata entries are read by the command line and by people's own automation:
``outcome``, ``rows_inserted``, ``rows_updated``, ``rows_unchanged``, ``rows_deleted``,
``rows_rejected``, ``rows_before``, ``extractions``, ``extraction``, ``pages``, ``items``,
``unreadable_projects``, ``projects_read``, ``idle_projects``, ``seconds`` and Dagster's
``dagster/partition_row_count``. A landing has
beside them what its reading notes about itself (``Reading.notes``), under names that are none of
these: ``calls``, ``retries``, ``answers_429``, ``waited_seconds`` (summed over the calls at once),
``asked_to_wait_seconds`` (pauses that Jira asked for) and ``received_megabytes``; and ``job``,
``interval_minutes`` and ``next_run_at`` of the job that reads the entity (``timing``).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
from sqlalchemy.dialects import postgresql

from jira_assets.warehouse.contracts import Landing, MergeResult, Note
from jira_assets.warehouse.scoped_landing import ScopedLanding
from jira_assets.warehouse.tables import SCHEMA
from jira_assets.warehouse.tables import metadata as tables_metadata

if TYPE_CHECKING:
    import pandas as pd

PREVIEW_ROWS: Final = 5
LISTED: Final = 50
"""How many unreadable projects are listed; the marker in the warehouse has them all."""
_CELL: Final = 80

Metadata = Mapping[str, Any]


def column_schema(table: str) -> dg.TableSchema:
    """Describe the columns of a table, for the definition metadata of the asset that fills it."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy's own factory
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type.compile(dialect).lower(),
                description=column.comment,
                constraints=dg.TableColumnConstraints(
                    nullable=bool(column.nullable),
                    other=["primary key"] if column.primary_key else [],
                ),
            )
            for column in tables_metadata.tables[f"{SCHEMA}.{table}"].columns
        ]
    )


def landing_metadata(
    landing: Landing, seconds: float, notes: Mapping[str, Note] | None = None
) -> Metadata:
    """Describe what landed: how much, of which extraction, and what could not be read and why.

    ``notes`` come along; one under a name of ours does not replace it.
    """
    metadata: dict[str, Any] = {
        **(notes or {}),
        "extraction": str(landing.extraction_id),
        "pages": landing.pages,
        "items": landing.items,
        "dagster/partition_row_count": landing.items,
        "unreadable_projects": len(landing.unreadable),
        "seconds": round(seconds, 2),
    }
    if landing.unreadable:
        metadata["unreadable"] = _unreadable(landing.unreadable, "jira.raw_extractions")
    return metadata


def _unreadable(reasons: Mapping[str, str], where: str) -> dg.MarkdownMetadataValue:
    listed = islice(sorted(reasons.items()), LISTED)
    table = markdown_table(["project id", "reason"], listed)
    more = len(reasons) - LISTED
    note = f"\n\n… and {more:,} more, in {where}" if more > 0 else ""
    return dg.MetadataValue.md(table + note)


def scoped_landing_metadata(
    landing: ScopedLanding, seconds: float, notes: Mapping[str, Note] | None = None
) -> Metadata:
    """Describe what landed of many projects; as ``landing_metadata``, with counts of projects.

    ``projects_read`` are those that landed, ``idle_projects`` those without a change.
    """
    metadata: dict[str, Any] = {
        **(notes or {}),
        "extraction": str(landing.extraction_id),
        "projects_read": len(landing.landed),
        "idle_projects": len(landing.idle),
        "pages": landing.pages,
        "items": landing.items,
        "dagster/partition_row_count": landing.items,
        "unreadable_projects": len(landing.unreadable),
        "seconds": round(seconds, 2),
    }
    if landing.unreadable:
        metadata["unreadable"] = _unreadable(landing.unreadable, "jira.issue_watermarks")
    return metadata


def merge_metadata(result: MergeResult, preview: str) -> Metadata:
    """Describe what a merge did to one integration's rows of one table."""
    extractions = {entity: str(uuid) for entity, uuid in sorted(result.extraction_ids.items())}
    return {
        "outcome": result.outcome,
        "rows_inserted": result.inserted,
        "rows_updated": result.updated,
        "rows_unchanged": result.unchanged,
        "rows_deleted": result.deleted,
        "rows_rejected": result.rejected,
        "rows_before": result.alive_before,
        "dagster/partition_row_count": result.alive,
        "extractions": dg.MetadataValue.json(extractions),
        "preview": dg.MetadataValue.md(preview),
    }


def preview(frame: "pd.DataFrame") -> str:
    """Return the first rows of a snapshot as a markdown table, without whose they are."""
    shown = frame.drop(columns=["tenant_id", "integration_id"]).head(PREVIEW_ROWS)
    if shown.empty:
        return "no rows"
    rows = shown.astype(object).where(shown.notna(), None).itertuples(index=False, name=None)
    return markdown_table([str(column) for column in shown.columns], rows)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a markdown table; long cells are cut, nulls are blank."""
    lines = [header, ["---"] * len(header), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # pandas keeps integers as floats where a null is beside them
    text = " ".join(str(value).split())
    text = text if len(text) <= _CELL else text[: _CELL - 1] + "…"
    return text.replace("\\", "\\\\").replace("|", "\\|")
