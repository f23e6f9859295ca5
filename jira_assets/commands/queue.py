"""``jira-assets queue``: what got stuck on its way to the tables. One subcommand a verb."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click

from jira_assets.commands.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from jira_assets.queue.broker import Broker
    from jira_assets.queue.dead_letters import DeadLetter
    from jira_assets.queue.given_up import FailedMessage

_SHOWN_OF_A_BODY: Final = 60


@click.group()
def queue() -> None:
    """Show, retry and drop dead letters and failed messages."""


@queue.command("list")
@click.option("--json", "as_json", is_flag=True, help="one JSON object on standard output")
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=10_000),
    default=100,
    show_default=True,
    help="so many dead letters and so many failed messages at most",
)
def list_(*, as_json: bool, limit: int) -> None:
    """Show what could not be read, and what was given up.

    Dead letters lie on the broker: nobody could read them, or they are about what is not there.
    Failed messages are rows of etl_job_queue: the runs that were to apply them failed, again and
    again. Looking changes nothing.
    """
    from jira_assets.queue.broker import BrokerUnavailableError
    from jira_assets.queue.given_up import count_failed, failed_messages

    places = _places()
    with places.engine.connect() as connection:
        failed, failed_in_all = failed_messages(connection, limit), count_failed(connection)
    try:
        letters = places.broker.dead_letters(limit)
        letters_in_all = max(len(letters), places.broker.depths()[places.broker.names.dead])
    except BrokerUnavailableError:
        if not as_json:
            _print_failed(failed, failed_in_all)
        raise
    if as_json:
        _print_json(letters, letters_in_all, failed, failed_in_all)
        return
    _print_letters(letters, letters_in_all)
    _print_failed(failed, failed_in_all)
    if letters or failed:
        click.echo("try again: jira-assets queue retry ID…; give up: jira-assets queue drop ID…")
    else:
        click.echo("No dead letters, no failed messages.")


@queue.command()
@click.argument("ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="all dead letters and failed messages")
def retry(ids: tuple[str, ...], *, everything: bool) -> None:
    """Send dead letters and failed messages on again.

    IDS are those of `jira-assets queue list`. A dead letter goes back to the work queue; one that
    still cannot be read comes back. A failed message gets as many attempts as a new one; the
    transform sensor asks for a run.
    """
    from jira_assets.queue.given_up import retry_failed

    named = _named(ids, everything=everything)
    places = _places()
    places.check(named)
    if named.letters is None or named.letters:
        moved = places.broker.retry_dead_letters(named.letters)
        click.echo(f"{_letters(moved)} went back to {places.broker.names.transform}")
    if named.messages is None or named.messages:
        again = retry_failed(places.engine, named.messages)
        click.echo(f"{_messages(again)} will be tried again by the transform sensor")


@queue.command()
@click.argument("ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="all dead letters and failed messages")
@click.option("--yes", is_flag=True, help="do not ask")
def drop(ids: tuple[str, ...], *, everything: bool, yes: bool) -> None:
    """Give up dead letters and failed messages for good.

    IDS are those of `jira-assets queue list`. A dead letter is deleted. A failed message stays as a
    row, as dropped: no run is asked for it any more, what landed stays in raw, and the tables may
    go without it until `jira-assets replay`, or until something newer is applied.
    """
    from jira_assets.queue.given_up import drop_failed

    named = _named(ids, everything=everything)
    places = _places()
    places.check(named)
    if not yes:
        click.confirm(f"Drop {places.counted(named)} for good?", abort=True)
    if named.letters is None or named.letters:
        gone = places.broker.drop_dead_letters(named.letters)
        click.echo(f"{_letters(gone)} deleted")
    if named.messages is None or named.messages:
        dropped = drop_failed(places.engine, named.messages)
        click.echo(f"{_messages(dropped)} dropped")


# ------------------------------------------------------------------------------- what was named


@dataclass(frozen=True)
class _Named:
    """Ids of dead letters and of messages; None: all of them."""

    letters: frozenset[str] | None
    messages: frozenset[UUID] | None


def _named(ids: tuple[str, ...], *, everything: bool) -> _Named:
    from jira_assets.queue.dead_letters import ID_PREFIX

    if everything == bool(ids):
        raise click.UsageError("name ids of `jira-assets queue list`, or give --all; not both.")
    if everything:
        return _Named(None, None)
    letters = {each for each in ids if each.startswith(ID_PREFIX)}
    return _Named(frozenset(letters), frozenset(map(_message_id, set(ids) - letters)))


def _message_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise click.UsageError(
            f"{text!r} is neither the id of a dead letter nor that of a message: "
            "`jira-assets queue list` shows both."
        ) from None


@dataclass(frozen=True)
class _Places:
    """Where stuck messages are."""

    engine: "sa.Engine"
    broker: "Broker"

    def check(self, named: _Named) -> None:
        """Raise unless the messages that are named are failed: before any dead letter moves."""
        from jira_assets.queue.given_up import check_failed

        if named.messages:
            with self.engine.connect() as connection:
                check_failed(connection, named.messages)

    def counted(self, named: _Named) -> str:
        """Say in words how many are named."""
        from jira_assets.queue.given_up import count_failed

        letters = named.letters
        if letters is None:
            there = self.broker.depths()[self.broker.names.dead]
            with self.engine.connect() as connection:
                failed = count_failed(connection)
            return f"{_letters(there)} and {_messages(failed)}"
        words = [_letters(len(letters))] if letters else []
        words += [_messages(len(named.messages))] if named.messages else []
        return " and ".join(words)


def _places() -> _Places:
    from jira_assets.queue.broker import Broker
    from jira_assets.services import connect_services
    from jira_assets.settings import Settings
    from jira_assets.warehouse.connect import engine_for
    from jira_assets.warehouse.scope import everything

    services = connect_services(Settings.from_environment())
    engine = everything(engine_for(services.database_url), "an operator looks after the queue")
    return _Places(engine, Broker(services.broker_url))


# -------------------------------------------------------------------------------- what is shown


def _print_letters(letters: "Sequence[DeadLetter]", in_all: int) -> None:
    from jira_assets.commands.output import print_table

    if not letters:
        return
    rows = [
        [
            each.letter_id,
            _moment(each.died_at),
            each.queue and printable(each.queue),
            printable(each.reason) or "it does not say",
            each.message_id,
            _start(each.body),
        ]
        for each in letters
    ]
    columns = ["id", "since", "from", "why", "message", "begins with"]
    print_table(f"Dead letters{_part(len(letters), in_all)} (times in UTC)", columns, rows)


def _print_failed(failed: "Sequence[FailedMessage]", in_all: int) -> None:
    from jira_assets.commands.output import print_table

    if not failed:
        return
    rows = [
        [
            each.message_id,
            each.partition_key,
            each.entity,
            each.scope,
            each.attempts,
            _moment(each.failed_at),
            printable(each.error or "it does not say"),
        ]
        for each in failed
    ]
    columns = ["id", "integration", "entity", "scope", "attempts", "failed", "error"]
    print_table(f"Failed messages{_part(len(failed), in_all)} (times in UTC)", columns, rows)


def _print_json(
    letters: "Sequence[DeadLetter]",
    letters_in_all: int,
    failed: "Sequence[FailedMessage]",
    failed_in_all: int,
) -> None:
    import orjson

    shown: dict[str, Any] = {
        "dead_letters_in_all": letters_in_all,
        "dead_letters": [
            {
                "id": each.letter_id,
                "died_at": each.died_at,
                "from": each.queue and printable(each.queue),
                "reason": printable(each.reason),
                "message_id": each.message_id,
                "bytes": len(each.body),
                "begins_with": _start(each.body),
            }
            for each in letters
        ],
        "failed_in_all": failed_in_all,
        "failed": [
            {
                "id": each.message_id,
                "integration": each.partition_key,
                "entity": each.entity,
                "scope": each.scope,
                "attempts": each.attempts,
                "failed_at": each.failed_at,
                "error": each.error,
            }
            for each in failed
        ],
    }
    click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())


def _part(shown: int, in_all: int) -> str:
    return f", {shown:,} of {in_all:,}" if in_all > shown else ""


def _start(body: bytes) -> str:
    text = body[:_SHOWN_OF_A_BODY].decode(errors="replace")
    return printable(text) + ("…" if len(body) > _SHOWN_OF_A_BODY else "")


def _moment(value: datetime | None) -> str | None:
    return None if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def _letters(count: int) -> str:
    return f"{count:,} dead letter{'' if count == 1 else 's'}"


def _messages(count: int) -> str:
    return f"{count:,} failed message{'' if count == 1 else 's'}"
