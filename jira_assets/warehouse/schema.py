"""The schema ``jira``: its metadata, and the columns that many of its tables share.

Decisions this module embodies:

* Data tables carry Jira's own ids and no foreign keys: relations need no order between transforms,
  and a million-row merge pays for no trigger. What keeps them whole is the merge, and a check.
* Ids in Jira are unique only inside an integration, so ``integration_id`` leads every key.
* ``deleted_at`` is null while a row is alive; rows are never removed but by ``--purge``.
"""

from typing import Any, Final

import sqlalchemy as sa

SCHEMA: Final = "jira"
DAGSTER_SCHEMA: Final = "dagster"
"""Of the same database: Dagster's own tables, unless its storage is elsewhere."""

NAMING_CONVENTION: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = sa.MetaData(schema=SCHEMA, naming_convention=NAMING_CONVENTION)


def timestamp(name: str, comment: str, *, nullable: bool = True) -> sa.Column[Any]:
    """Return a column that holds a moment."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def now(name: str, comment: str) -> sa.Column[Any]:
    """Return a column that holds the moment at which its row was written, unless told otherwise."""
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.clock_timestamp(),
        comment=comment,
    )


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    """Return the constraint that a column holds one of these texts."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def owner_columns() -> list[sa.Column[Any]]:
    """Return the columns that say whose a row is."""
    return [
        sa.Column("tenant_id", sa.BigInteger, nullable=False, comment="tenants.id"),
        sa.Column("integration_id", sa.BigInteger, nullable=False, comment="integrations.id"),
    ]


_KEYS: Final = {
    "jira_id": "Jira's id",
    "project_jira_id": "projects.jira_id",
    "issue_type_jira_id": "issue_types.jira_id",
    "status_jira_id": "statuses.jira_id",
    "custom_field_jira_id": "custom_fields.jira_id",
    "history_jira_id": "Jira's id of the change",
}


def data_table(
    name: str, keys: list[str], *columns: sa.schema.SchemaItem, comment: str
) -> sa.Table:
    """Make a table of Jira's objects, a row each by integration and ``keys``, and its times."""
    return sa.Table(
        name,
        metadata,
        sa.Column(
            "integration_id",
            sa.BigInteger,
            primary_key=True,
            autoincrement=False,
            comment="integrations.id",
        ),
        *(sa.Column(key, sa.Text, primary_key=True, comment=_KEYS[key]) for key in keys),
        sa.Column("tenant_id", sa.BigInteger, nullable=False, comment="tenants.id"),
        *columns,
        now("first_seen_at", "when the row first arrived"),
        now("updated_at", "last real change, deletion and return included"),
        timestamp("deleted_at", "null while Jira has it"),
        comment=comment,
    )
