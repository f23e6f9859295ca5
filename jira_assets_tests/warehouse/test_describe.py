from datetime import UTC, datetime
from uuid import UUID

import pandas as pd
import pytest

from jira_assets.warehouse.contracts import Landing, Owner
from jira_assets.warehouse.describe import (
    LISTED,
    column_schema,
    landing_metadata,
    markdown_table,
    preview,
)
from jira_assets.warehouse.tables import DATA_TABLES


@pytest.mark.parametrize("table", DATA_TABLES)
def test_every_column_is_described(table: str) -> None:
    schema = column_schema(table)
    assert [column.name for column in schema.columns] == DATA_TABLES[table].columns.keys()
    assert all(column.description for column in schema.columns)


def test_types_are_those_of_postgres() -> None:
    columns = {column.name: column for column in column_schema("issue_types").columns}
    assert columns["updated_at"].type == "timestamp with time zone"
    assert (columns["subtask"].type, columns["subtask"].constraints.nullable) == ("boolean", False)
    assert (columns["jira_id"].type, columns["jira_id"].constraints.other) == (
        "text",
        ["primary key"],
    )


def test_a_long_list_of_unreadable_projects_is_cut() -> None:
    now = datetime.now(UTC)
    unreadable = {f"{number:04}": "404: gone" for number in range(LISTED + 7)}
    landing = Landing(
        Owner(1, 1, "acme/cloud"), UUID(int=1), "e", "site", 1, 1, 1, now, now, (), (), unreadable
    )
    metadata = landing_metadata(landing, 1.0)
    assert metadata["unreadable_projects"] == LISTED + 7
    lines = metadata["unreadable"].value.splitlines()
    assert len([line for line in lines if "gone" in line]) == LISTED
    assert lines[-1].startswith("… and 7 more")


def test_what_a_reading_notes_comes_along_and_replaces_nothing() -> None:
    now = datetime.now(UTC)
    landing = Landing(Owner(1, 1, "acme/cloud"), UUID(int=1), "e", "site", 1, 7, 9, now, now)
    plain = landing_metadata(landing, 1.0)
    noted = landing_metadata(landing, 1.0, {"calls": 12, "seconds_waited": 0.5, "pages": 99})
    assert noted == {**plain, "calls": 12, "seconds_waited": 0.5}


def test_cells_stay_in_their_cells() -> None:
    table = markdown_table(["a", "b"], [["x|y\n\\z", None], ["l" * 200, 1]])
    assert table.splitlines()[2:] == ["| x\\|y \\\\z |  |", f"| {'l' * 79}… | 1 |"]


def test_a_preview_shows_no_owner_and_no_nan() -> None:
    frame = pd.DataFrame({"tenant_id": [1, 1], "integration_id": [2, 2], "level": [1, None]})
    assert preview(frame).splitlines() == ["| level |", "| --- |", "| 1 |", "|  |"]
    assert preview(frame.head(0)) == "no rows"
