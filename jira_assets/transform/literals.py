"""Values as the text that Postgres reads: arrays of texts. JSON is the business of ``jsonb``."""

from collections.abc import Sequence
from typing import Final

EMPTY_ARRAY: Final = "{}"


def array_literal(texts: Sequence[str]) -> str:
    """Return a ``text[]`` as a literal. Every text is quoted, so that ``NULL`` is a word."""
    if not texts:
        return EMPTY_ARRAY
    quoted = '","'.join([text.replace("\\", "\\\\").replace('"', '\\"') for text in texts])
    return f'{{"{quoted}"}}'
