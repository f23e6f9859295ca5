"""JQL, as much of it as a reader of issues needs, and as strict as Jira's own.

Decisions this module embodies:

* Clauses are joined by AND: ``project``, ``updated``, ``created`` and ``key`` (also ``issuekey``,
  ``issue``, ``id``), then ORDER BY these. Everything else is refused: a query that is wrong must
  never look like one that finds nothing.
* Parsing knows nothing of a site; what values mean is decided in ``issue_search``.
* Refusals are in Jira's words where it has them. Jira knows OR, NOT, functions and many more
  fields; who asks for them is told that this is a sandbox.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

FIELDS: Final = {
    "project": "project",
    "updated": "updated",
    "updateddate": "updated",
    "created": "created",
    "createddate": "created",
    "key": "key",
    "issuekey": "key",
    "issue": "key",
    "id": "key",
}
"""What a field may be called, in lower case, to what it is."""

_COMPARISONS: Final = frozenset({"=", "<", "<=", ">", ">="})
_OPERATORS: Final = {
    "project": frozenset({"=", "in"}),
    "key": _COMPARISONS | {"in"},
    "updated": _COMPARISONS,
    "created": _COMPARISONS,
}
_OF_JIRA: Final = "'=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'"
_UNKNOWN_HERE: Final = frozenset({"or", "not", "is", "was", "changed", "!=", "~", "!~"})
_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<sign><=|>=|!=|!~|[=<>~(),])
    | (?P<word>[^\s"'=<>!~(),]+)
    )""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(.)")


class JqlError(ValueError):
    """A query that Jira refuses; the text is what it says."""


class Operand(NamedTuple):
    """A value as it was written; ``quoted`` ones are never numbers."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Clause:
    """``field`` is one of ``FIELDS``' meanings, ``said`` how it was called; one value, or some."""

    field: str
    said: str
    operator: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """All clauses hold. ``order`` has the fields to sort by, and whether they descend."""

    clauses: tuple[Clause, ...]
    order: tuple[tuple[str, bool], ...]


class _Token(NamedTuple):
    kind: str
    text: str
    place: int

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "word" else ""


_END: Final = _Token("end", "", -1)


def parse(text: str) -> Query:
    """Read a query; ``JqlError`` says in Jira's words what is wrong with it."""
    return _Parser(list(_tokens(text))).query()


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise _wrong(f"The character '{text[start]}' is out of place", start)
        kind = str(found.lastgroup)
        said = found[kind]
        if kind == "quoted":
            said = _ESCAPE.sub(r"\1", said[1:-1])
        yield _Token(kind, said, found.start(kind))
        place = found.end()


def _wrong(what: str, place: int) -> JqlError:
    where = "" if place < 0 else f" (line 1, character {place + 1})"
    return JqlError(f"Error in the JQL Query: {what}.{where}")


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def query(self) -> Query:
        clauses: list[Clause] = []
        if self._peek() is not _END and self._peek().word != "order":
            clauses.append(self._clause())
            while self._peek().word == "and":
                self._take()
                clauses.append(self._clause())
        order = self._order() if self._peek().word == "order" else ()
        if self._peek() is not _END:
            raise self._expected("either 'OR' or 'AND'")
        return Query(tuple(clauses), order)

    def _clause(self) -> Clause:
        said, meant = self._field()
        token = self._take()
        operator = token.word or (token.text if token.kind == "sign" else "")
        if operator in _UNKNOWN_HERE:
            raise self._unknown_here(token)
        if operator not in {*_COMPARISONS, "in"}:
            raise _wrong(
                f"Expecting operator but got '{token.text}'. The valid operators are {_OF_JIRA}",
                token.place,
            )
        if operator not in _OPERATORS[meant]:
            raise JqlError(f"The operator '{operator}' is not supported by the '{said}' field.")
        operands = self._list() if operator == "in" else (self._operand(),)
        return Clause(meant, said, operator, operands)

    def _field(self) -> tuple[str, str]:
        token = self._take()
        if token.word in {"not", "or"} or (token.kind, token.text) == ("sign", "("):
            raise self._unknown_here(token)
        if token.word == "and" or token.kind not in {"word", "quoted"}:
            raise _wrong(f"Expecting a field name but got '{token.text}'", token.place)
        meant = FIELDS.get(token.text.lower())
        if meant is None:
            raise JqlError(
                f"Field '{token.text}' does not exist or you do not have permission to view it."
            )
        return token.text, meant

    def _operand(self) -> Operand:
        token = self._take()
        if token.kind not in {"word", "quoted"}:
            raise _wrong(
                f"Expecting either a value, list or function but got '{token.text}'", token.place
            )
        if self._peek().text == "(" and token.kind == "word":
            raise self._unknown_here(token)
        return Operand(token.text, token.kind == "quoted")

    def _list(self) -> tuple[Operand, ...]:
        self._sign("(")
        operands = [self._operand()]
        while self._peek().text == "," and self._peek().kind == "sign":
            self._take()
            operands.append(self._operand())
        self._sign(")")
        return tuple(operands)

    def _order(self) -> tuple[tuple[str, bool], ...]:
        self._take()
        by = self._take()
        if by.word != "by":
            raise _wrong(f"Expecting 'by' but got '{by.text}'", by.place)
        order = [self._order_field()]
        while self._peek().text == "," and self._peek().kind == "sign":
            self._take()
            order.append(self._order_field())
        return tuple(order)

    def _order_field(self) -> tuple[str, bool]:
        _, meant = self._field()
        direction = self._peek().word
        if direction in {"asc", "desc"}:
            self._take()
        return meant, direction == "desc"

    def _sign(self, text: str) -> None:
        token = self._take()
        if (token.kind, token.text) != ("sign", text):
            raise _wrong(f"Expecting '{text}' but got '{token.text}'", token.place)

    def _peek(self) -> _Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else _END

    def _take(self) -> _Token:
        token = self._peek()
        self._next += 1
        return token

    def _expected(self, what: str) -> JqlError:
        token = self._peek()
        if token.word in _UNKNOWN_HERE:
            return self._unknown_here(token)
        return _wrong(f"Expecting {what} but got '{token.text}'", token.place)

    @staticmethod
    def _unknown_here(token: _Token) -> JqlError:
        return _wrong(f"This sandbox does not know '{token.text}'", token.place)
