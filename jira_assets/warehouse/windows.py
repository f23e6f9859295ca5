"""Windows and mapped fields as the JSON that markers and watermarks keep."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jira_assets.warehouse.contracts import MappedField, Window


def window_as_json(window: Window) -> dict[str, Any]:
    """Return a window as ``complete_for`` of a marker holds it; moments in ISO 8601."""
    return {
        "since": None if window.since is None else window.since.isoformat(),
        "until": window.until.isoformat(),
        "project_key": window.project_key,
        "fields": list(window.fields),
        "mapped": mapped_as_json(window.mapped),
    }


def window_of(stored: Mapping[str, Any]) -> Window:
    """Return the window that ``window_as_json`` wrote."""
    since = stored["since"]
    return Window(
        since=None if since is None else datetime.fromisoformat(since),
        until=datetime.fromisoformat(stored["until"]),
        project_key=stored["project_key"],
        fields=tuple(stored["fields"]),
        mapped=mapped_of(stored["mapped"]),
    )


def mapped_as_json(mapped: Mapping[str, MappedField]) -> dict[str, Any]:
    """Return mapped fields by column, as markers and watermarks hold them."""
    return {
        column: {"field_id": each.field_id, "type": each.type, "changed": each.changed}
        for column, each in mapped.items()
    }


def mapped_of(stored: Mapping[str, Mapping[str, Any]]) -> dict[str, MappedField]:
    """Return what ``mapped_as_json`` wrote."""
    return {
        column: MappedField(each["field_id"], each["type"], each["changed"])
        for column, each in stored.items()
    }
