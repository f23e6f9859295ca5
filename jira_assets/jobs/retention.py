"""The job that removes old raw data and old runs, with what it removed as metadata of its steps.

The rule is that of the settings, unless the run's config says another one. ``dry_run`` shows what
would go: in the launchpad, before somebody switches the schedule on.
"""

from typing import TYPE_CHECKING, Any, Final

import dagster as dg
from pydantic import Field

from jira_assets.jobs.run_retention import Ours, PrunedRuns, location_of, prune_runs
from jira_assets.settings import Settings
from jira_assets.warehouse.describe import markdown_table
from jira_assets.warehouse.retention import (
    InvalidRuleError,
    KeepRule,
    PruneReport,
    preview,
    prune,
)

if TYPE_CHECKING:
    from jira_assets.warehouse.resource import WarehouseResource

PRUNE_JOB: Final = "prune_raw_extractions"
_LISTED: Final = 200
"""How many integrations the metadata lists; the run's log has them all."""


class PruneConfig(dg.Config):
    """What to keep, where it is not what the settings say."""

    # Checked by the rule itself: what pydantic refuses, Dagster would try again.
    keep_extractions: int | None = Field(
        default=None, description="So many of the newest extractions of each entity, at least 1."
    )
    keep_days: int | None = Field(
        default=None, description="And all that landed within so many days."
    )
    keep_run_days: int | None = Field(
        default=None, description="Runs of ours that ended within so many days, at least 1."
    )
    dry_run: bool = Field(default=False, description="Only say what would be removed.")


def report_metadata(report: PruneReport, rule: KeepRule, *, dry_run: bool) -> dict[str, Any]:
    """Describe what went, in figures and by integration; ``megabytes`` as Postgres stores them."""
    total = report.total
    metadata: dict[str, Any] = {
        "dry_run": dry_run,
        "kept_extractions": rule.extractions,
        "kept_days": rule.days,
        "landings": total.landings,
        "unfinished_readings": total.unfinished,
        "pages": total.pages,
        "megabytes": round(total.size / 1e6, 3),
        **{f"rows_of_{table}": count for table, count in report.records.items()},
    }
    if report.integrations:
        listed = report.integrations[:_LISTED]
        more = len(report.integrations) - len(listed)
        header = ["integration", "landings", "unfinished", "pages", "bytes"]
        rows = [
            [each.partition_key, each.landings, each.unfinished, each.pages, each.size]
            for each in listed
        ]
        note = f"\n\n… and {more:,} more, in the run's log" if more else ""
        metadata["removed"] = dg.MetadataValue.md(markdown_table(header, rows) + note)
    return metadata


def _runs_metadata(runs: PrunedRuns, days: int) -> dict[str, Any]:
    return {
        "kept_run_days": days,
        "runs": runs.deleted,
        "old_runs_that_made_what_is_shown": runs.kept,
    }


@dg.op(
    out=dg.Out(dg.Nothing),
    required_resource_keys={"warehouse", "heartbeat"},
    # What has been removed by then is not there any more: an attempt goes on where the last ended.
    retry_policy=dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL),
    description="Removes raw extractions that nobody needs any more, old bookkeeping, old runs.",
)
def prune_raw(context: dg.OpExecutionContext, config: PruneConfig) -> None:
    """Prune, or say what would be pruned."""
    warehouse: WarehouseResource = context.resources.warehouse
    settings = Settings.from_environment()
    run_days = settings.keep_run_days if config.keep_run_days is None else config.keep_run_days
    try:
        rule = KeepRule.of(settings, extractions=config.keep_extractions, days=config.keep_days)
    except InvalidRuleError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    if run_days < 1:
        raise dg.Failure(f"runs of at least 1 day are kept, not of {run_days}", allow_retries=False)
    context.log.info(
        f"keeps the {rule.extractions} newest extractions of each entity and those of the last "
        f"{rule.days} days; of Dagster's runs, those of the last {run_days} days"
    )
    engine = warehouse.everything("retention removes old raw data of all integrations")
    if config.dry_run:
        report = preview(engine, rule)
        for each in report.integrations:
            context.log.info(f"{each} would be removed")
    else:
        report = prune(engine, rule, log=context.log.info)
    runs = prune_runs(
        context.instance,
        run_days,
        ours=Ours(frozenset({PRUNE_JOB}), location_of(context.run)),
        dry_run=config.dry_run,
        log=context.log.info,
    )
    told = report_metadata(report, rule, dry_run=config.dry_run)
    context.add_output_metadata({**told, **_runs_metadata(runs, run_days)})


@dg.job(
    name=PRUNE_JOB,
    description="Remove old raw extractions, then Dagster's old runs of ours, by the rules of the "
    "settings. Asked for by the schedule retention_of_raw, or started here; with dry_run it only "
    "says what would go.",
)
def prune_raw_extractions() -> None:
    """Prune the raw data of all integrations, then runs."""
    prune_raw()
