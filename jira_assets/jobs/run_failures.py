"""Why a run failed, as its events say: what kind of failure, whom it is for, in a sentence.

Decisions this module embodies:

* The kind is a name that stays the same however often it comes: the error's class, never its
  sentence, which holds numbers and times.
* A failure of Jira says in its metadata whether trying again can help, and who must act. Anything
  else is for who runs jira_assets, and may pass.
* What fails is a job; of assets that somebody chose, the first job that some of them are of.
* A run over several partitions is named by its ends.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import dagster as dg

from jira_assets.queue.runs import MESSAGE_IDS_TAG, PARTITION_TAG, failure_event, raised
from jira_assets.queue.runs import failure_sentence as sentence_of
from jira_assets.warehouse.failure_reports import Failure
from jira_assets.warehouse.job_settings import MAX_RETRIES_TAG, RETRIES_LEFT_TAG

KILLED: Final = "The run was killed"
"""How the sentence of a run begins that the reconciler ended."""
NEVER_LAUNCHED: Final = "The run was never launched"
"""And of one that was never submitted."""
WHO_RUNS_US: Final = "whoever runs jira_assets: the run's log says more"
_NO_FAILURE: Final = frozenset({"JobTakenError"})
"""Another run does the work: nothing is missing."""
WILL_RETRY_TAG: Final = "dagster/will_retry"
"""By it Dagster says of a failed run whether it runs it again."""
_RANGE_TAGS: Final = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@dataclass(frozen=True)
class Why:
    """What the events of a failed run say."""

    what: str
    """A stable name of the kind of failure."""
    message: str
    must_act: str = WHO_RUNS_US
    permanent: bool = False
    """Trying again cannot help."""


@dataclass(frozen=True)
class EndedRun:
    """A run that is over, successful or failed."""

    run_id: str
    tags: Mapping[str, str]
    succeeded: bool
    ended_at: datetime

    @property
    def partition_key(self) -> str:
        """Its partition, the first and the last of several, or that it has none."""
        ends = [self.tags[tag] for tag in _RANGE_TAGS if tag in self.tags]
        return self.tags.get(PARTITION_TAG) or " to ".join(ends) or "no partition"

    @property
    def tried_again(self) -> bool:
        """Whether somebody runs the same again by itself: its job, or Dagster."""
        left = self.tags.get(RETRIES_LEFT_TAG, "0")
        return left != "0" or self.tags.get(WILL_RETRY_TAG) == "true"

    @property
    def retries(self) -> int | None:
        """How often its job is tried again at most; None if it is of no job."""
        most = self.tags.get(MAX_RETRIES_TAG)
        return int(most) if most is not None and most.isdigit() else None

    @property
    def of_messages(self) -> bool:
        """Whether it was asked for by messages, which have attempts of their own."""
        return MESSAGE_IDS_TAG in self.tags


@dataclass(frozen=True)
class Subjects:
    """What fails or succeeds as one: a Dagster job of ours, launched as such or by its assets."""

    assets: Mapping[str, frozenset[str]]
    """What each job materializes, by its name: the last parts of the assets' keys."""

    def is_job(self, name: str) -> bool:
        """Whether a Dagster job is ours."""
        return name in self.assets

    def failed(self, job_name: str, left: Collection[str] | None) -> str:
        """Return what a failed run is a failure of.

        Args:
            job_name: the run's Dagster job; of no job of ours, its assets tell.
            left: the assets that it was to make and did not; None: all.
        """
        if self.is_job(job_name):
            return job_name
        touched = (name for name, each in self.assets.items() if _overlap(each, left))
        return next(touched, job_name)

    def recovered(self, job_name: str, selected: Collection[str] | None) -> list[str]:
        """Return what a run that succeeded made good: what it is of, and all whose work it did.

        Args:
            job_name: the run's Dagster job.
            selected: the assets that somebody chose; None: all.
        """
        of = self.failed(job_name, selected)
        if selected is not None:
            done = set(selected)
        elif self.is_job(job_name):
            done = set(self.assets[job_name])
        else:
            done = set().union(*self.assets.values())
        return [name for name, each in self.assets.items() if name == of or (each and each <= done)]


def _overlap(assets: Collection[str], others: Collection[str] | None) -> bool:
    return bool(assets) and (others is None or not set(assets).isdisjoint(others))


def why(instance: dg.DagsterInstance, run_id: str) -> Why:
    """Return why a failed run failed."""
    event = failure_event(instance, run_id)
    if event is None:
        return Why("unknown", "The run failed, and its log does not say why.")
    return _why_step(event) if event.is_step_failure else _why_run(event)


def _why_step(event: dg.DagsterEvent) -> Why:
    said = event.step_failure_data.user_failure_data
    metadata = said.metadata if said is not None else {}
    told = {name: metadata[name].value for name in metadata}
    return Why(
        what=str(told.get("failure") or raised(event)[0] or "unknown"),
        message=sentence_of(event) or "The step failed and does not say why.",
        must_act=str(told.get("must_act") or WHO_RUNS_US),
        permanent=told.get("permanent") is True,
    )


def _why_run(event: dg.DagsterEvent) -> Why:
    message = event.message or ""
    for words, what in ((KILLED, "killed"), (NEVER_LAUNCHED, "never launched")):
        if message.startswith(words):
            return Why(what, message)
    reason = getattr(event.event_specific_data, "failure_reason", None)
    return Why(reason.value.lower() if reason is not None else "ended from outside", message)


def failure_of(run: EndedRun, found: Why, subject: str) -> Failure | None:
    """Return what is to be recorded about a failed run; None if it is nothing to be told.

    A message tries again by itself: not its runs are told, but that it was given up.
    """
    if run.of_messages or found.what in _NO_FAILURE:
        return None
    return Failure(
        partition_key=run.partition_key,
        subject=subject,
        what=found.what,
        message=found.message.removeprefix(f"{run.partition_key}: "),
        must_act=found.must_act,
        run_id=run.run_id,
        failed_at=run.ended_at,
        final=found.permanent or not run.tried_again,
        retries=run.retries,
    )
