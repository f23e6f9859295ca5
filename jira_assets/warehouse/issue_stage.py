"""Issues and their changes beside their tables: what is new, what differs, what comes back.

Decisions this module embodies:

* Pieces are copied as they come, so memory holds one page, whatever a landing holds. Rows that come
  twice are told apart in the stage: the newest version by Jira's own ``updated`` stays, of equals
  the last one.
* A stage is analyzed before it is joined: a hundred changed issues are looked up by the key of a
  table of a million, a first load is joined by hash, and the planner needs to know which it is.
* A version of an issue that is older by ``jira_updated_at`` than the stored one changes nothing,
  whichever project it landed with. A deleted issue comes back only with a landing that began after
  the sweep that did not find it.
* Rows are written only where a value really differs.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import psycopg
import sqlalchemy as sa

from jira_assets.warehouse.contracts import Owner, Rows
from jira_assets.warehouse.staging import staged_columns
from jira_assets.warehouse.tables import DATA_TABLES, issue_changelogs, issues

SETTINGS: Final = {"work_mem": "128MB", "jit": "off"}
ROWS_A_COPY: Final = 2_000
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_ISSUES: Final = issues.name
_CHANGELOGS: Final = issue_changelogs.name
STAGED: Final = (_ISSUES, _CHANGELOGS)


class IncrementStage:
    """The temporary tables that hold a batch of landings until the transaction ends."""

    def __init__(self, connection: sa.Connection, owner: Owner) -> None:
        self._connection = connection
        self._owner = owner
        self._waiting: dict[str, list[list[str | None]]] = {}
        settings = (sa.func.set_config(name, value, True) for name, value in SETTINGS.items())
        connection.execute(sa.select(*settings))
        for table in STAGED:
            self._create(table)

    def add(self, table: str, rows: Rows, *, before_sweep: bool) -> None:
        """Take in rows; ``before_sweep``: they were read before the sweep that is applied."""
        columns = [list(rows.columns[name]) for name in staged_columns(DATA_TABLES[table])]
        columns.append(["t" if before_sweep else "f"] * len(columns[0]))
        waiting = self._waiting.setdefault(table, [[] for _ in columns])
        for have, more in zip(waiting, columns, strict=True):
            have.extend(more)
        if len(waiting[0]) >= ROWS_A_COPY:
            self._copy(table)

    def close(self) -> None:
        """Copy what is left, and leave one row a key: the newest."""
        for table in STAGED:
            self._copy(table)
        self._run(_NEWEST_ISSUES)
        self._run(_NEWEST_CHANGELOGS)
        for table in STAGED:
            self._connection.exec_driver_sql(f"ANALYZE stage_{table}")
        self._run(_STAY_DELETED_CHANGELOGS)
        self._run(_STAY_DELETED_ISSUES)

    def count(self, table: str) -> int:
        """Return how many distinct rows are staged."""
        query = f"SELECT count(*) FROM stage_{table}"  # noqa: S608 # one of STAGED
        return int(self._connection.exec_driver_sql(query).scalar_one())

    def merge(self, table: str) -> tuple[int, int]:
        """Insert what is new and update what differs; return how many of each."""
        insert, update = _MERGES[table]
        if table == _ISSUES:
            self._run(_REVIVE_CHANGELOGS)
        updated = self._run(update)
        return self._run(insert), updated

    def clear_rejected(self) -> None:
        """Forget what was set aside of issues that make rows now."""
        self._run(_CLEAR_REJECTED)

    def _create(self, table: str) -> None:
        names = staged_columns(DATA_TABLES[table])
        columns = ", ".join(f'"{name}"' for name in names)
        self._connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE stage_{table} ON COMMIT DROP AS "  # noqa: S608 # our own names
            f"SELECT {columns}, false AS before_sweep FROM jira.{table} WITH NO DATA"
        )
        self._connection.exec_driver_sql(
            f"ALTER TABLE stage_{table} ADD COLUMN ordinal bigint GENERATED ALWAYS AS IDENTITY"
        )

    def _copy(self, table: str) -> None:
        waiting = self._waiting.pop(table, None)
        if waiting is None:
            return
        names = ", ".join(f'"{name}"' for name in staged_columns(DATA_TABLES[table]))
        driver = self._connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            raise TypeError("the warehouse needs the driver psycopg 3: postgresql+psycopg://")
        command = f"COPY stage_{table} ({names}, before_sweep) FROM STDIN"
        with driver.cursor() as cursor, cursor.copy(command) as to:
            to.write(copy_rows(waiting))

    def _run(self, statement: str) -> int:
        parameters = {
            "integration": self._owner.integration_id,
            "tenant": self._owner.tenant_id,
        }
        options = {"preserve_rowcount": True}
        return self._connection.exec_driver_sql(
            statement, parameters, execution_options=options
        ).rowcount


def copy_rows(columns: Sequence[Sequence[str | None]]) -> bytes:
    """Return rows, given column by column as Postgres reads them, as COPY text in UTF-8.

    Only columns in which something needs it are escaped value by value.
    """
    return ("\n".join(map("\t".join, zip(*map(_escaped, columns), strict=True))) + "\n").encode()


def _escaped(column: Sequence[str | None]) -> Iterator[str]:
    joined = "".join(filter(None, column))
    if any(sign in joined for sign in "\\\t\n\r"):
        return ("\\N" if value is None else value.translate(_ESCAPES) for value in column)
    return ("\\N" if value is None else value for value in column)


def _differs(names: Sequence[str]) -> str:
    ours = ", ".join(f'stored."{name}"' for name in names)
    theirs = ", ".join(f'stage."{name}"' for name in names)
    return f"({ours}) IS DISTINCT FROM ({theirs})"


def _values(table: sa.Table, but: Sequence[str] = ()) -> list[str]:
    keys = {column.name for column in table.primary_key}
    return [name for name in staged_columns(table) if name not in keys and name not in but]


def _insert(table: sa.Table, match: str) -> str:
    names = ", ".join(f'"{name}"' for name in staged_columns(table))
    staged = ", ".join(f'stage."{name}"' for name in staged_columns(table))
    return f"""
        INSERT INTO jira.{table.name}
            (tenant_id, integration_id, first_seen_at, updated_at, {names})
        SELECT %(tenant)s, %(integration)s, now(), now(), {staged}
        FROM stage_{table.name} AS stage
        WHERE NOT EXISTS (
            SELECT FROM jira.{table.name} AS stored
            WHERE stored.integration_id = %(integration)s AND {match}
        )
    """  # noqa: S608 # made of our own tables' names


def _assigned(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}" = stage."{name}"' for name in names)


_ISSUE_VALUES: Final = _values(issues, but=["earlier_keys"])
_CHANGELOG_VALUES: Final = _values(issue_changelogs)
_SAME_ISSUE: Final = "stored.jira_id = stage.jira_id"
_SAME_ITEM: Final = "(stored.history_jira_id, stored.item) = (stage.history_jira_id, stage.item)"
_EARLIER_KEYS: Final = """
    CASE WHEN stored.key = stage.key AND stage.earlier_keys <@ stored.earlier_keys
        THEN stored.earlier_keys
    ELSE ARRAY(
        SELECT DISTINCT earlier COLLATE "C"
        FROM unnest(stored.earlier_keys || stage.earlier_keys || stored.key) AS earlier
        WHERE earlier <> stage.key ORDER BY 1
    ) END
"""
_NOT_OLDER: Final = (
    "coalesce(stage.jira_updated_at >= stored.jira_updated_at, "
    "stored.jira_updated_at IS NULL OR stage.jira_updated_at IS NULL)"
)

_UPDATE_ISSUES: Final = f"""
    UPDATE jira.issues AS stored
    SET {_assigned(_ISSUE_VALUES)}, earlier_keys = {_EARLIER_KEYS},
        deleted_at = NULL, updated_at = now()
    FROM stage_issues AS stage
    WHERE stored.integration_id = %(integration)s AND {_SAME_ISSUE} AND {_NOT_OLDER}
    AND (
        stored.deleted_at IS NOT NULL OR NOT stage.earlier_keys <@ stored.earlier_keys
        OR {_differs(_ISSUE_VALUES)}
    )
"""  # noqa: S608 # made of our own tables' names

_UPDATE_CHANGELOGS: Final = f"""
    UPDATE jira.issue_changelogs AS stored
    SET {_assigned(_CHANGELOG_VALUES)}, deleted_at = NULL, updated_at = now()
    FROM stage_issue_changelogs AS stage
    WHERE stored.integration_id = %(integration)s AND {_SAME_ITEM}
    AND (stored.deleted_at IS NOT NULL OR {_differs(_CHANGELOG_VALUES)})
"""  # noqa: S608 # made of our own tables' names

_MERGES: Final = {
    _ISSUES: (_insert(issues, _SAME_ISSUE), _UPDATE_ISSUES),
    _CHANGELOGS: (_insert(issue_changelogs, _SAME_ITEM), _UPDATE_CHANGELOGS),
}

_NEWEST_ISSUES: Final = """
    DELETE FROM stage_issues WHERE ordinal IN (
        SELECT ordinal FROM (
            SELECT ordinal, row_number() OVER (
                PARTITION BY jira_id ORDER BY jira_updated_at DESC NULLS LAST, ordinal DESC
            ) AS place FROM stage_issues
        ) AS ranked WHERE place > 1
    )
"""
_NEWEST_CHANGELOGS: Final = """
    DELETE FROM stage_issue_changelogs WHERE ordinal IN (
        SELECT ordinal FROM (
            SELECT ordinal, row_number() OVER (
                PARTITION BY history_jira_id, item ORDER BY ordinal DESC
            ) AS place FROM stage_issue_changelogs
        ) AS ranked WHERE place > 1
    )
"""
_STAY_DELETED_CHANGELOGS: Final = """
    DELETE FROM stage_issue_changelogs AS stage USING jira.issues AS stored
    WHERE stage.before_sweep AND stored.integration_id = %(integration)s
    AND stored.jira_id = stage.issue_jira_id AND stored.deleted_at IS NOT NULL
"""
_STAY_DELETED_ISSUES: Final = """
    DELETE FROM stage_issues AS stage USING jira.issues AS stored
    WHERE stage.before_sweep AND stored.integration_id = %(integration)s
    AND stored.jira_id = stage.jira_id AND stored.deleted_at IS NOT NULL
"""
_REVIVE_CHANGELOGS: Final = """
    UPDATE jira.issue_changelogs AS change SET deleted_at = NULL, updated_at = now()
    FROM stage_issues AS stage JOIN jira.issues AS stored ON stored.jira_id = stage.jira_id
    WHERE stored.integration_id = %(integration)s AND stored.deleted_at IS NOT NULL
    AND change.integration_id = %(integration)s AND change.issue_jira_id = stage.jira_id
    AND change.deleted_at IS NOT NULL
"""
_CLEAR_REJECTED: Final = """
    DELETE FROM jira.rejected_records AS record USING stage_issues AS stage
    WHERE record.integration_id = %(integration)s AND record.table_name = 'issues'
    AND record.jira_id = stage.jira_id
"""
