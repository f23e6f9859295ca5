"""Words as Jira sends them: Atlassian documents, wiki text, HTML.

A document is handed out as bytes that are JSON already: it may be nested deeper than any encoder
goes, and it may hold a megabyte.
"""

from html import escape
from typing import Final

import orjson

from jira_assets.sandbox.issue_model import RichText

_QUOTATION: Final = b'{"type":"blockquote","content":['
_PARAGRAPH: Final = b'{"type":"paragraph","content":[{"type":"text","text":%b}]}'
_EMPTY_PARAGRAPH: Final = b'{"type":"paragraph","content":[]}'


def as_document(words: RichText) -> orjson.Fragment:
    """Return an Atlassian document, a paragraph a line."""
    content = b",".join(_paragraph(line) for line in words.text.split("\n")) if words.text else b""
    deep = words.quotations
    inside = _QUOTATION * deep + content + b"]}" * deep
    return orjson.Fragment(b'{"type":"doc","version":1,"content":[' + inside + b"]}")


def as_wiki(words: RichText) -> str:
    """Return wiki text."""
    quotation = "{quote}" * words.quotations
    return quotation + words.text + quotation


def as_html(words: RichText) -> str:
    """Return what ``renderedFields`` holds."""
    deep = words.quotations
    lines = "".join(f"<p>{escape(line)}</p>" for line in words.text.split("\n"))
    return "<blockquote>" * deep + lines + "</blockquote>" * deep


def _paragraph(line: str) -> bytes:
    return _PARAGRAPH % orjson.dumps(line) if line else _EMPTY_PARAGRAPH
