"""What people are told, as bodies of Slack's incoming webhooks. Pure.

Decisions this module embodies:

* ``text`` alone says everything: webhooks of other makers (Mattermost, Teams) may show nothing
  else.
* Texts come from Jira and from errors: what Slack reads as markup (``&<>``) is escaped, and nobody
  is called by a quoted ``@channel``.
* A tick tells a few failures one by one, and all others in one message, by kind: when a whole cloud
  is down, people need one line, not hundreds.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from jira_assets.warehouse.failure_reports import Report

ONE_BY_ONE: Final = 5
"""Failures, and recoveries, that a tick tells in a message of their own."""
_LONGEST_TITLE: Final = 150
_LONGEST_SECTION: Final = 3000
_LONGEST_TEXT: Final = 3500
_NAMED: Final = 20
_CALLS: Final = re.compile(r"@(?=channel|here|everyone|all\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Message:
    """One post: the body, and the rows that are told by it."""

    title: str
    body: dict[str, Any]
    reports: tuple[Report, ...]


def messages(reports: Sequence[Report], *, dagster_url: str) -> list[Message]:
    """Return what to post about these rows, in their order: recoveries first.

    Args:
        reports: final failures that nobody was told of, and recoveries.
        dagster_url: where Dagster's UI is.
    """
    base = dagster_url.rstrip("/")
    failing = [report for report in reports if report.recovered_at is None]
    over = sorted((report for report in reports if report.recovered_at is not None), key=_partition)
    recovered = [tuple(same) for _, same in groupby(over, key=_partition)]
    made = [_recovery(same) for same in recovered[:ONE_BY_ONE]]
    if recovered[ONE_BY_ONE:]:
        rest = [report for same in recovered[ONE_BY_ONE:] for report in same]
        made.append(_summary("recovered", rest, base))
    made += [_failure(report, base) for report in failing[:ONE_BY_ONE]]
    if failing[ONE_BY_ONE:]:
        made.append(_summary("failing", failing[ONE_BY_ONE:], base))
    return made


def trial(dagster_url: str) -> dict[str, Any]:
    """Return the body of a message that says that messages arrive."""
    title = "jira_assets tells of failures here."
    said = "This message was asked for by `jira-assets webhook test`. Nothing has failed."
    link = f"<{_escaped(dagster_url.rstrip('/'))}|Dagster>"
    return _body(f"{title} {said}", [_section(f"*{title}*"), _section(said), _context(link)])


def _failure(report: Report, base: str) -> Message:
    subject, _, what = report.kind.partition(": ")
    title = f"{report.partition_key}: {subject} failed ({what})"
    how_often = _how_often(report)
    link = f"{base}/runs/{report.run_id}" if report.run_id else base
    must_act = f"Who must act: {report.must_act}."
    text = f"{title}. {report.message} {must_act} {how_often}. {link}"
    blocks = [
        _section(f"*{_escaped(title)}*"),
        _section(_escaped(report.message)),
        _section(f"*Who must act:* {_escaped(report.must_act)}"),
        _context(f"{_escaped(how_often)}. <{_escaped(link)}|The run in Dagster>"),
    ]
    return Message(title, _body(_escaped(text), blocks), (report,))


def _recovery(reports: tuple[Report, ...]) -> Message:
    failures = sum(report.failures for report in reports)
    since = min(report.first_failed_at for report in reports)
    kinds = ", ".join(report.kind for report in reports)
    times = "1 failure" if failures == 1 else f"{failures:,} failures"
    title = f"{reports[0].partition_key}: recovered"
    said = f"After {times} since {_utc(since)}: {kinds}. Nobody need act."
    blocks = [_section(f"*{_escaped(title)}*"), _section(_escaped(said))]
    return Message(title, _body(_escaped(f"{title}. {said}"), blocks), reports)


def _summary(state: str, reports: Sequence[Report], base: str) -> Message:
    by_kind: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        by_kind[report.kind].append(report)
    count = len({report.partition_key for report in reports})
    title = f"{count:,} {'partition is' if count == 1 else 'partitions are'} {state} besides"
    lines = [
        _line(kind, same, act=state == "failing")
        for kind, same in sorted(by_kind.items(), key=lambda each: -len(each[1]))
    ]
    link = f"{base}/runs"
    blocks = [
        _section(f"*{_escaped(title)}*"),
        *(_section(line) for line in lines[:_NAMED]),
        _context(f"<{_escaped(link)}|The runs in Dagster>"),
    ]
    text = f"{title} ({_escaped(link)}). {' '.join(lines)}"
    return Message(title, _body(text, blocks), tuple(reports))


def _line(kind: str, reports: Sequence[Report], *, act: bool) -> str:
    named = ", ".join(report.partition_key for report in reports[:_NAMED])
    more = len(reports) - _NAMED
    if more > 0:
        named += f" and {more:,} more"
    who = f" Who must act: {reports[0].must_act}." if act else ""
    return _escaped(f"{kind} ({len(reports):,}): {named}.{who}")


def _how_often(report: Report) -> str:
    if report.failures == 1:
        return f"Failed at {_utc(report.last_failed_at)}"
    return f"Failed {report.failures:,} times in a row since {_utc(report.first_failed_at)}"


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _body(text: str, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    return {"text": _cut(text, _LONGEST_TEXT), "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    # Slack refuses a message of which one text is empty.
    shown = _cut(text.strip() or "…", _LONGEST_SECTION)
    return {"type": "section", "text": {"type": "mrkdwn", "text": shown}}


def _context(text: str) -> dict[str, Any]:
    element = {"type": "mrkdwn", "text": _cut(text, _LONGEST_SECTION)}
    return {"type": "context", "elements": [element]}


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A zero-width space: people see the same, and nobody's phone rings.
    return _CALLS.sub("@\u200b", text)


def _cut(text: str, longest: int) -> str:
    """Shorten ``text``, not in the middle of an escaped character."""
    if len(text) <= longest:
        return text
    return re.sub(r"&[a-z]{0,3}$", "", text[: longest - 1]) + "…"


def _partition(report: Report) -> str:
    return report.partition_key
