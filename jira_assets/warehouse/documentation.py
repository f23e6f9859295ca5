"""``docs/tables.md``: ``python -m jira_assets.warehouse.documentation > docs/tables.md``.

A test holds the file equal to what this module makes.
"""

import sys
from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from jira_assets.warehouse.tables import DATA_TABLES, SCHEMA, SOURCES, metadata
from jira_assets.warehouse.views import VIEWS, View

EARLIER_NAMES: Final = {
    ("statuses", "jira_id"): "jira_status_id",
    ("statuses", "name"): "jira_status_name",
    ("statuses", "description"): "jira_status_description",
    ("statuses", "category"): "status_category",
    ("issue_types", None): "wits",
    ("projects_issue_types", None): "project_wits",
}
"""What a table or column was called in the service that this project takes the place of."""

_DIALECT: Final = sa.create_mock_engine("postgresql+psycopg://", lambda *_: None).dialect
_HEAD: Final = """# Tables

Made from `jira_assets/warehouse/tables.py`, what it names, and `views.py` by
`python -m jira_assets.warehouse.documentation`.

All tables are in the schema `jira`; Dagster's own are in `dagster`. What Jira has comes first.
A *key* column is part of the primary key. "Earlier name" is what the service before this project
called the same thing. Jira's ids are text and unique only inside an integration, so
`integration_id` leads every key.
"""


def document() -> str:
    """Return the whole page."""
    others = (table for table in metadata.tables.values() if table.name not in DATA_TABLES)
    tables = (line for table in (*DATA_TABLES.values(), *others) for line in _of(table))
    return "\n".join([_HEAD, *tables, *(line for view in VIEWS for line in _of_view(view))])


def _of(table: sa.Table) -> Iterator[str]:
    yield f"## {table.name}"
    yield ""
    yield table.comment or ""
    if table.name in DATA_TABLES:
        yield f"Made of the extracted entities: {', '.join(SOURCES[table.name])}."
    earlier = EARLIER_NAMES.get((table.name, None))
    if earlier:
        yield f"Earlier name: `{earlier}`."
    yield ""
    yield "| column | type | key | null | meaning | earlier name |"
    yield "|---|---|---|---|---|---|"
    for column in table.columns:
        yield _row(table, column)
    yield ""


def _of_view(view: View) -> Iterator[str]:
    yield f"## {view.name}"
    yield ""
    yield f"A view. {view.comment}"
    yield ""
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for name, (kind, meaning) in view.columns.items():
        yield f"| `{name}` | {kind} | {meaning} |"
    yield ""


def _row(table: sa.Table, column: sa.Column[object]) -> str:
    kind = column.type.compile(_DIALECT).lower()
    earlier = EARLIER_NAMES.get((table.name, column.name))
    cells = [
        f"`{column.name}`",
        kind,
        "key" if column.primary_key else "",
        "null" if column.nullable else "",
        (column.comment or _foreign_key(column)).replace("|", "\\|"),
        f"`{earlier}`" if earlier else "",
    ]
    return f"| {' | '.join(cells)} |"


def _foreign_key(column: sa.Column[object]) -> str:
    return ", ".join(key.target_fullname.removeprefix(f"{SCHEMA}.") for key in column.foreign_keys)


if __name__ == "__main__":
    sys.stdout.write(document())
