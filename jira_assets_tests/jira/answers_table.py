"""The table of answers: everything a site may send, and what jira_assets makes of it.

One line a fault of the sandbox, or a thing that a site itself holds, in the order of the seventeen
kinds that real sites are known to send. ``test_table_of_answers.py`` runs every line against a
server, and ``docs/answers.md`` shows them to people: this module, run with ``-m``, prints its
tables.
"""

import sys
from collections.abc import Iterator

from jira_assets.jira.errors import PagingError, TransientJiraError
from jira_assets.sandbox.faults import KINDS
from jira_assets_tests.jira.answers_line import (
    BOTH,
    CLOUD,
    DATA_CENTER,
    EACH_PROJECT,
    ONE_LIST,
    Line,
)
from jira_assets_tests.jira.answers_read import READ
from jira_assets_tests.jira.answers_refused import REFUSED

TITLES = {
    1: "Pages for people instead of JSON",
    2: "The anonymous view, and lists that are empty",
    3: "An empty body",
    4: "A CAPTCHA",
    5: "Redirects",
    6: "Errors, in all their shapes",
    7: "Proxies, gateways and limits",
    8: "Half an answer, or none",
    9: "Status categories",
    10: "Statuses whose names repeat, or that no list has",
    11: "The same id twice",
    12: "U+0000",
    13: "Ids as numbers and as texts",
    14: "Descriptions and people",
    15: "Keys that change",
    16: "Projects without issue types, and on two pages",
    17: "Long URLs",
    0: "Besides: pages that do not hang together, and objects that are not whole",
}

TABLE = tuple(line for number in TITLES for line in (*REFUSED, *READ) if line.number == number)

_WHERE = {ONE_LIST: "; for a list", EACH_PROJECT: "; for each project"}
_DEPLOYMENTS = {BOTH: "", CLOUD: " (Cloud)", DATA_CENTER: " (Data Center)"}
_HEAD = "| sent | fault of the sandbox | jira_assets | the user reads, or the tables hold |"


def document() -> str:
    """Return the tables as Markdown, one a number."""
    return "\n".join(text for number in TITLES for text in _section(number))


def _section(number: int) -> Iterator[str]:
    yield f"## {number}. {TITLES[number]}\n" if number else f"## {TITLES[number]}\n"
    yield f"{_HEAD}\n|---|---|---|---|"
    yield from (_row(line) for line in TABLE if line.number == number)
    yield ""


def _row(line: Line) -> str:
    sent = KINDS[line.kind][0] if line.is_fault else line.kind
    fault = f"`{line.kind}`" if line.is_fault else "(in the site)"
    of = _WHERE.get(line.path, "") + _DEPLOYMENTS[line.deployments]
    cells = (sent + of, fault, _done(line), line.text)
    return f"| {' | '.join(cells)} |"


def _done(line: Line) -> str:
    if line.error is None:
        return "reads on"
    if issubclass(line.error, TransientJiraError) and line.error is not PagingError:
        return f"tries again, then ends: `{line.error.__name__}`"
    return f"ends at once: `{line.error.__name__}`"


if __name__ == "__main__":
    sys.stdout.write(document())
