"""Rules of the product broken on purpose, to see that the judge sees it. Each by its name."""

from collections.abc import Callable
from typing import Any, Final

from jira_assets.jobs import reconciler
from jira_assets.queue import outbox
from jira_assets.queue.channel import Channel
from jira_assets.warehouse import staging


def _no_reconciler() -> None:
    """Nobody ends the runs that were killed, nor their jobs."""

    def nothing(*_args: Any, **_options: Any) -> list[str]:
        return []

    setattr(reconciler, "end_dead_runs", nothing)  # noqa: B010  # as the next ones: for a process
    setattr(reconciler, "end_jobs_of_ended_runs", nothing)  # noqa: B010


def _no_outbox() -> None:
    """What a killed run did not publish stays unpublished."""

    def nothing(*_args: Any, **_options: Any) -> outbox.PublishReport:
        return outbox.PublishReport()

    setattr(outbox, "publish_due", nothing)  # noqa: B010


def _ack_before_commit() -> None:
    """A message is acked as it is taken, and never published again."""
    get, publish_due = Channel.get, outbox.publish_due

    def get_and_ack(channel: Channel, queue: str) -> Any:
        message = get(channel, queue)
        if message is not None:
            channel.ack(message)
            message.ack = lambda: None
        return message

    def once(*args: Any, **options: Any) -> outbox.PublishReport:
        return publish_due(*args, **{**options, "republish_after": 3600.0})

    setattr(Channel, "get", get_and_ack)  # noqa: B010
    setattr(outbox, "publish_due", once)  # noqa: B010


def _no_deletions() -> None:
    """What Jira no longer has stays alive in the tables of its metadata."""

    def none(_stage: staging.Stage, _counts: Any) -> int:
        return 0

    setattr(staging.Stage, "mark_deleted", none)  # noqa: B010


SABOTAGES: Final[dict[str, Callable[[], None]]] = {
    "no-reconciler": _no_reconciler,
    "no-outbox": _no_outbox,
    "ack-before-commit": _ack_before_commit,
    "no-deletions": _no_deletions,
}
"""Name to what it does to the process that calls it."""
