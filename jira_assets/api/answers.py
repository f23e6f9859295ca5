"""Answers in JSON, written by one hand: times look the same wherever they stand."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Response


def json_answer(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with JSON that nobody may keep: it is the state of a moment."""
    no_store = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(content), status, no_store, "application/json")
