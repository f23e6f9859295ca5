"""Answers in JSON, written by one hand: times look the same wherever they stand."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Response


def json_answer(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with JSON that nobody may keep: it is the state of a moment.

    Args:
        content: what to put into JSON; bytes are JSON already.
        status: of the answer.
        headers: of the answer, besides its own.
    """
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    no_store = {"Cache-Control": "no-store", **(headers or {})}
    return Response(body, status, no_store, "application/json")
