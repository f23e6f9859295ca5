"""What `jira-assets integration test` looks at, and the one screen that says what it saw."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jira_assets.jira.errors import UnreadableError
from jira_assets.jira.shapes import ids_of, items_of

if TYPE_CHECKING:
    from jira_assets.jira.budget import Pace
    from jira_assets.jira.client import JiraClient, ProjectRef
    from jira_assets.jira.identity import Identity
    from jira_assets.jira.stats import Counts
    from jira_assets.warehouse.integrations import Integration

_OK: Final = 200
_NAMED: Final = 5
_KINDS: Final = {"cloud": "Jira Cloud", "data_center": "Jira Data Center"}
_NAMES: Final = {"BROWSE_PROJECTS": "Browse Projects", "ADMINISTER": "Administer Jira"}


@dataclass(frozen=True)
class Sight:
    """What an account sees of a site."""

    identity: "Identity"
    permissions: Mapping[str, bool]
    projects: int
    selected: int
    """Projects that the integration's include and exclude lists leave."""
    statuses: int
    issue_types: int
    fields: int
    """Custom ones."""
    sampled: int
    """Projects whose statuses were asked for."""
    unreadable: Sequence[str]
    """Keys of those that could not be read."""
    seconds: float
    """How long the sample took."""
    pace: "Pace"
    counts: "Counts"


def look(integration: "Integration", client: "JiraClient", sample: int) -> Sight:
    """Read the lists of a site, and the statuses of up to ``sample`` of its projects.

    Raises ``JiraError`` for whatever would also end an extraction.
    """
    from jira_assets.extract.roster import Roster

    identity = client.identity()
    roster = Roster()
    for answer in client.projects():
        roster.add(answer.payload)
    statuses = {i for answer in client.statuses() for i in ids_of(answer.payload)}
    types = {i for answer in client.issue_types() for i in ids_of(answer.payload)}
    fields = {i for answer in client.fields() for i in _custom_fields(answer.payload)}
    selected = roster.selected(integration)
    refs = _spread(selected, sample)
    began = time.monotonic()
    answers = list(client.project_statuses(refs))
    seconds = time.monotonic() - began
    return Sight(
        identity=identity,
        permissions=_permissions(client),
        projects=len(roster.by_id),
        selected=len(selected),
        statuses=len(statuses),
        issue_types=len(types),
        fields=len(fields),
        sampled=len(refs),
        unreadable=sorted(a.project.key for a in answers if a.project and a.status != _OK),
        seconds=seconds,
        pace=client.pace(),
        counts=client.stats,
    )


def _custom_fields(payload: Any) -> set[str]:
    from jira_assets.transform.records import is_system_field

    return ids_of([item for item in items_of(payload) if not is_system_field(item)])


def show(integration: "Integration", sight: Sight) -> None:
    """Print one screen."""
    from rich.table import Table
    from rich.text import Text

    from jira_assets.commands.output import console

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in described(integration, sight):
        table.add_row(label, Text(text))
    console().print(table)


def described(integration: "Integration", sight: Sight) -> Iterator[tuple[str, str]]:
    """Yield what was seen, as labels and sentences."""
    who = sight.identity
    account = f" ({who.account_id})" if who.account_id else ""
    title, kind = who.server_title or "Jira", _KINDS[who.deployment]
    version = who.version or "unknown"
    yield "site", f"{integration.base_url} answers: {title}, {kind}, version {version}"
    yield "account", f"{who.display_name}{account}, time zone {who.time_zone or 'unknown'}"
    yield "may", _may(sight.permissions)
    yield "sees", _sees(sight)
    yield "reads", _reads(sight)
    yield "speed", _speed(sight)
    yield "limit", _limit(sight.pace) if sight.sampled else "not looked for"
    yield "calls", str(sight.counts)


def _permissions(client: "JiraClient") -> Mapping[str, bool]:
    """Return what the account may do; nothing where it may not even ask."""
    try:
        return client.permissions()
    except UnreadableError:
        return {}


def _spread(refs: "Sequence[ProjectRef]", sample: int) -> "list[ProjectRef]":
    """Pick up to ``sample`` projects, evenly over the list: old ones and new ones differ."""
    count = min(sample, len(refs))
    return [refs[index * len(refs) // count] for index in range(count)]


def _may(permissions: Mapping[str, bool]) -> str:
    told = [f"{_NAMES[name]}: {'yes' if has else 'no'}" for name, has in permissions.items()]
    if permissions.get("BROWSE_PROJECTS") is False:
        told.append("without Browse Projects nothing can be read")
    return "; ".join(told) or "the site does not say"


def _sees(sight: Sight) -> str:
    return (
        f"{sight.projects:,} projects ({sight.selected:,} after include and exclude), "
        f"{sight.statuses:,} statuses, {sight.issue_types:,} issue types, {sight.fields:,} custom "
        "fields"
    )


def _reads(sight: Sight) -> str:
    if not sight.sampled:
        return "no project was asked for its statuses"
    readable = sight.sampled - len(sight.unreadable)
    text = f"the statuses of {readable:,} of {sight.sampled:,} sampled projects"
    if not sight.unreadable:
        return text
    named = ", ".join(sight.unreadable[:_NAMED])
    more = len(sight.unreadable) - _NAMED
    return f"{text}; not those of {named}" + (f" and {more:,} more" if more > 0 else "")


def _speed(sight: Sight) -> str:
    pace = sight.pace
    text = f"{pace.at_once} calls at once of {pace.at_once_allowed} allowed"
    if pace.latency is not None:
        text += f", {pace.latency * 1000:,.0f} ms an answer"
    if not sight.sampled or sight.seconds <= 0:
        return text
    rate = sight.sampled / sight.seconds
    return (
        f"{text}: {rate:,.0f} projects a second, all {sight.selected:,} in about "
        f"{sight.selected / rate:,.0f} s"
    )


def _limit(pace: "Pace") -> str:
    if pace.limit is None:
        return "the site says nothing of a rate limit"
    if pace.rate is None:
        return f"{pace.limit:,.0f} calls at once; too few were made to tell how fast they come back"
    return f"{pace.limit:,.0f} calls at once, then about {pace.rate:,.1f} a second"
