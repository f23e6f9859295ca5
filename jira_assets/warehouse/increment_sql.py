"""The statements that bring staged issues and changes into their tables.

Decisions this module embodies:

* An issue's keys are kept whatever the order in which its versions come: of an older version its
  keys are taken, and nothing else.
* A version replaces the stored one unless that is newer by Jira's ``updated``; one without it is
  older than any.
* What was read before the sweep that was applied last does not bring back what is deleted.
* Rows are written only where a value really differs.
* A change is deleted if its issue is.
* A history brings all of its items: where it brings fewer than before, the others are not its own,
  and their rows go. So of several answers that bring it, the last one's items count alone.
* What is set aside of an issue is one record, on however many pages it came.
"""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from jira_assets.warehouse.staging import staged_columns
from jira_assets.warehouse.tables import DATA_TABLES

MARKS: Final = ("merge_landing", "merge_piece", "merge_row")
"""Columns of a stage beside those of its table: a row's landing, its piece, its place."""

REJECTED_COLUMNS: Final = ("entity", "jira_id", "payload", "reason", "merge_landing", "merge_piece")

_ISSUES: Final = tuple(staged_columns(DATA_TABLES["issues"]))
_CHANGES: Final = tuple(staged_columns(DATA_TABLES["issue_changelogs"]))
_DIALECT: Final = sa.create_mock_engine("postgresql+psycopg://", lambda *_: None).dialect
_VERSION: Final = "coalesce({row}.jira_updated_at, '-infinity')"


def _filled(statement: str, **parts: str) -> sa.TextClause:
    """Return a statement with constants of this module in it; what callers give is bound."""
    return sa.text(statement.format(**parts))


def _listed(names: Iterable[str], form: str = "{0}") -> str:
    return ", ".join(form.format(name) for name in names)


def _keys(of: str, without: str) -> str:
    """Return the expression of all these keys but one; sorted, each once."""
    distinct = 'SELECT DISTINCT each COLLATE "C" FROM unnest({of}) AS each'
    return f"ARRAY({distinct} WHERE each <> {{without}} ORDER BY 1)".format(of=of, without=without)


def _create(table: str, columns: Iterable[str]) -> str:
    types = DATA_TABLES[table].columns
    kinds = [f"{name} {types[name].type.compile(_DIALECT)}" for name in columns]
    marks = [f"{mark} bigint NOT NULL" for mark in MARKS]
    return f"CREATE TEMPORARY TABLE stage_{table} ({', '.join([*kinds, *marks])}) ON COMMIT DROP"


def _uncompressed(table: str, columns: Iterable[str]) -> str:
    """Return what keeps a stage from compressing what its table compresses a moment later."""
    large = (name for name in columns if isinstance(_type_of(table, name), sa.Text | JSONB))
    return f"ALTER TABLE stage_{table} " + ", ".join(
        f"ALTER {name} SET STORAGE EXTERNAL" for name in large
    )


def _type_of(table: str, column: str) -> sa.types.TypeEngine[Any]:
    return DATA_TABLES[table].columns[column].type


CREATE_STAGES: Final = (
    _create("issues", _ISSUES),
    _uncompressed("issues", _ISSUES),
    _create("issue_changelogs", _CHANGES),
    _uncompressed("issue_changelogs", _CHANGES),
    """
    CREATE TEMPORARY TABLE stage_rejected (
        entity text, jira_id text, payload jsonb, reason text, merge_landing bigint,
        merge_piece bigint
    ) ON COMMIT DROP
    """,
)
STAGES: Final = ("stage_issues", "stage_issue_changelogs", "stage_rejected")

COLUMNS: Final = {
    "stage_issues": (*_ISSUES, *MARKS),
    "stage_issue_changelogs": (*_CHANGES, *MARKS),
    "stage_rejected": REJECTED_COLUMNS,
}
"""Of each stage, in the order in which they are copied."""

INDEX_STAGES: Final = (
    "CREATE INDEX ON stage_issues (jira_id)",
    "CREATE INDEX ON stage_issue_changelogs (history_jira_id, item)",
)
"""For joins by nested loops, which are then harmless whichever way round they are."""

# --------------------------------------------------------------------------- within a stage

ISSUES_REPEAT: Final = sa.text(
    "SELECT EXISTS (SELECT FROM stage_issues GROUP BY jira_id HAVING count(*) > 1)"
)
CHANGES_REPEAT: Final = sa.text(
    "SELECT EXISTS ("
    "SELECT FROM stage_issue_changelogs GROUP BY history_jira_id, item HAVING count(*) > 1)"
)

_DROP_REPEATED: Final = """
    DELETE FROM {stage} USING (
        SELECT ctid AS place, row_number() OVER (PARTITION BY {keys} ORDER BY {best_first}) AS rank
        FROM {stage}
    ) AS ranked
    WHERE {stage}.ctid = ranked.place AND ranked.rank > 1
"""

UNITE_ISSUES: Final = (
    # What all the versions of an issue have to say together.
    sa.text(
        """
        UPDATE stage_issues SET earlier_keys = united.keys, merge_landing = united.landing,
            merge_piece = united.piece
        FROM (
            SELECT jira_id, array_agg(each) AS keys, max(merge_landing) AS landing,
                max(merge_piece) AS piece
            FROM stage_issues CROSS JOIN unnest(earlier_keys || key) AS each
            GROUP BY jira_id HAVING count(DISTINCT merge_row) > 1
        ) AS united
        WHERE stage_issues.jira_id = united.jira_id
        """
    ),
    _filled(
        _DROP_REPEATED,
        stage="stage_issues",
        keys="jira_id",
        best_first=f"{_VERSION.format(row='stage_issues')} DESC, merge_row DESC",
    ),
)
DROP_REPEATED_CHANGES: Final = sa.text(
    # Within an answer, items follow each other; where one is no higher, another answer begins.
    """
    DELETE FROM stage_issue_changelogs AS stage USING (
        SELECT ctid AS place, item, min(item) OVER (
            PARTITION BY history_jira_id ORDER BY merge_row
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS later
        FROM stage_issue_changelogs
    ) AS ranked
    WHERE stage.ctid = ranked.place AND ranked.later <= ranked.item
    """
)

# --------------------------------------------------------------------------- into the tables

_INSERT: Final = """
    INSERT INTO jira.{table} (tenant_id, integration_id, first_seen_at, updated_at, {columns})
    SELECT :tenant_id, :integration_id, now(), now(), {values} FROM stage_{table} AS new
    WHERE NOT EXISTS (
        SELECT FROM jira.{table} AS old WHERE old.integration_id = :integration_id AND {same}
    )
"""
_SAME_ISSUE: Final = "old.jira_id = new.jira_id"
_SAME_CHANGE: Final = "old.history_jira_id = new.history_jira_id AND old.item = new.item"

INSERT_ISSUES: Final = _filled(
    _INSERT,
    table="issues",
    columns=_listed(_ISSUES),
    values=", ".join(
        f"CASE WHEN new.earlier_keys = '{{}}' THEN new.earlier_keys "
        f"ELSE {_keys('new.earlier_keys', 'new.key')} END"
        if name == "earlier_keys"
        else f"new.{name}"
        for name in _ISSUES
    ),
    same=_SAME_ISSUE,
)
INSERT_CHANGES: Final = _filled(
    _INSERT,
    table="issue_changelogs",
    columns=_listed(_CHANGES),
    values=_listed(_CHANGES, "new.{0}"),
    same=_SAME_CHANGE,
)

_IS_STORED: Final = f"old.integration_id = :integration_id AND {_SAME_ISSUE}"
_IS_OLDER: Final = f"{_VERSION.format(row='new')} < {_VERSION.format(row='old')}"
_REVIVES: Final = "old.deleted_at IS NOT NULL AND new.merge_landing > :last_before_sweep"
_DELETED_AT: Final = f"CASE WHEN {_REVIVES} THEN NULL ELSE old.deleted_at END"
_ISSUE_VALUES: Final = [name for name in _ISSUES if name not in {"jira_id", "earlier_keys"}]
_CHANGE_VALUES: Final = [name for name in _CHANGES if name not in {"history_jira_id", "item"}]

COUNT_STORED_ISSUES: Final = _filled(
    """
    SELECT count(*) FILTER (WHERE old.deleted_at IS NOT NULL) AS dead,
        count(*) FILTER (WHERE {revives}) AS revived, count(*) FILTER (WHERE {is_older}) AS older
    FROM stage_issues AS new JOIN jira.issues AS old ON {is_stored}
    """,
    revives=_REVIVES,
    is_older=_IS_OLDER,
    is_stored=_IS_STORED,
)
"""Of the staged issues: ``dead``, ``revived`` among them, and ``older`` than what is stored."""

UPDATE_ISSUES: Final = _filled(
    """
    UPDATE jira.issues AS old SET {values}, earlier_keys = {keys}, deleted_at = {deleted_at},
        updated_at = now()
    FROM stage_issues AS new
    WHERE {is_stored} AND NOT {is_older}
    AND (
        NOT (old.key = new.key AND new.earlier_keys <@ (old.earlier_keys || old.key))
        OR {revives} OR {differs}
    )
    """,
    values=_listed(_ISSUE_VALUES, "{0} = new.{0}"),
    keys=_keys("old.earlier_keys || new.earlier_keys || old.key", "new.key"),
    deleted_at=_DELETED_AT,
    is_stored=_IS_STORED,
    is_older=_IS_OLDER,
    revives=_REVIVES,
    differs=" OR ".join(f"old.{name} IS DISTINCT FROM new.{name}" for name in _ISSUE_VALUES),
)
UPDATE_BY_OLDER_ISSUES: Final = _filled(
    """
    UPDATE jira.issues AS old SET earlier_keys = {keys}, deleted_at = {deleted_at},
        updated_at = now()
    FROM stage_issues AS new
    WHERE {is_stored} AND {is_older} AND ({revives} OR {keys} <> old.earlier_keys)
    """,
    keys=_keys("old.earlier_keys || new.earlier_keys || new.key", "old.key"),
    deleted_at=_DELETED_AT,
    is_stored=_IS_STORED,
    is_older=_IS_OLDER,
    revives=_REVIVES,
)
UPDATE_CHANGES: Final = _filled(
    """
    UPDATE jira.issue_changelogs AS old SET {values}, updated_at = now()
    FROM stage_issue_changelogs AS new
    WHERE old.integration_id = :integration_id AND {same} AND ({differs})
    """,
    values=_listed(_CHANGE_VALUES, "{0} = new.{0}"),
    same=_SAME_CHANGE,
    differs=" OR ".join(f"old.{name} IS DISTINCT FROM new.{name}" for name in _CHANGE_VALUES),
)
DELETE_CHANGES: Final = sa.text(
    """
    WITH gone AS (
        DELETE FROM jira.issue_changelogs AS old
        USING (SELECT DISTINCT history_jira_id FROM stage_issue_changelogs) AS new
        WHERE old.integration_id = :integration_id AND old.history_jira_id = new.history_jira_id
        AND NOT EXISTS (
            SELECT FROM stage_issue_changelogs AS kept
            WHERE kept.history_jira_id = old.history_jira_id AND kept.item = old.item
        )
        RETURNING old.deleted_at
    )
    SELECT count(*) AS rows, count(*) FILTER (WHERE deleted_at IS NULL) AS alive FROM gone
    """
)
"""Removes items that staged histories do not have any more: ``rows``, and how many were alive."""
FOLLOW_ISSUES: Final = sa.text(
    """
    WITH followed AS (
        UPDATE jira.issue_changelogs AS change
        SET deleted_at = issue.deleted_at, updated_at = now()
        FROM stage_issues AS new JOIN jira.issues AS issue
        ON issue.integration_id = :integration_id AND issue.jira_id = new.jira_id
        WHERE change.integration_id = :integration_id AND change.issue_jira_id = new.jira_id
        AND (change.deleted_at IS NULL) <> (issue.deleted_at IS NULL)
        RETURNING change.deleted_at, change.first_seen_at
    )
    SELECT count(*) FILTER (WHERE deleted_at IS NULL) AS revived,
        count(*) FILTER (WHERE deleted_at IS NOT NULL) AS dead
    FROM followed
    """
)
"""Lets changes live and die with the staged issues; counts the ``revived`` and the ``dead``."""

# --------------------------------------------------------------------------- what was set aside

FORGET_REJECTED: Final = sa.text(
    """
    DELETE FROM jira.rejected_records AS record
    USING (SELECT jira_id FROM stage_issues UNION SELECT jira_id FROM stage_rejected) AS new
    WHERE record.integration_id = :integration_id AND record.table_name = :table
    AND record.jira_id = new.jira_id
    """
)
"""Deletes the records of issues that came again."""

INSERT_REJECTED: Final = sa.text(
    """
    INSERT INTO jira.rejected_records (
        tenant_id, integration_id, extraction_id, entity, table_name, jira_id, payload, reason,
        created_at
    )
    SELECT :tenant_id, :integration_id, landing.extraction_id, new.entity, :table, new.jira_id,
        new.payload, new.reason, now()
    FROM stage_rejected AS new JOIN unnest(
        CAST(:landings AS bigint[]), CAST(:extractions AS uuid[])
    ) AS landing (number, extraction_id) ON landing.number = new.merge_landing
    WHERE NOT EXISTS (
        SELECT FROM stage_issues AS issue
        WHERE issue.jira_id = new.jira_id AND issue.merge_piece > new.merge_piece
    )
    AND NOT EXISTS (
        SELECT FROM stage_rejected AS later
        WHERE later.jira_id = new.jira_id AND later.merge_landing > new.merge_landing
    )
    -- An issue may be on two pages.
    AND NOT EXISTS (
        SELECT FROM stage_rejected AS again
        WHERE again.jira_id = new.jira_id AND again.merge_piece > new.merge_piece
        AND again.reason = new.reason AND again.payload IS NOT DISTINCT FROM new.payload
    )
    -- What has no id of its own, and was set aside before.
    AND NOT EXISTS (
        SELECT FROM jira.rejected_records AS record
        WHERE record.integration_id = :integration_id AND record.table_name = :table
        AND record.extraction_id = landing.extraction_id AND record.jira_id IS NULL
        AND new.jira_id IS NULL AND record.reason = new.reason
        AND record.payload IS NOT DISTINCT FROM new.payload
    )
    """
)
