"""``jira-assets prune``: remove old raw data here and now, or say what would go."""

import click


@click.command()
@click.option("--dry-run", is_flag=True, help="say what would be removed; remove nothing")
@click.option(
    "--keep-extractions",
    type=int,
    help="keep so many of the newest of each entity  [default: JIRA_ASSETS_KEEP_EXTRACTIONS]",
)
@click.option(
    "--keep-days",
    type=int,
    help="and all that landed within so many days  [default: JIRA_ASSETS_KEEP_DAYS]",
)
def prune(*, dry_run: bool, keep_extractions: int | None, keep_days: int | None) -> None:
    """Remove raw extractions that nobody needs any more. The tables stay as they are.

    What the tables hold, what is not transformed yet and what is being read always stays.
    """
    from jira_assets.services import connect_services
    from jira_assets.settings import Settings
    from jira_assets.warehouse.connect import engine_for
    from jira_assets.warehouse.retention import KeepRule, preview
    from jira_assets.warehouse.retention import prune as prune_now
    from jira_assets.warehouse.scope import everything

    settings = Settings.from_environment()
    rule = KeepRule.of(settings, extractions=keep_extractions, days=keep_days)
    engine = everything(
        engine_for(connect_services(settings).database_url), "an operator prunes all integrations"
    )
    click.echo(
        f"keeps the {rule.extractions} newest extractions of each entity and those of the last "
        f"{rule.days} days"
    )
    # What a pruning says by the way; a preview says it at the end.
    report = preview(engine, rule) if dry_run else prune_now(engine, rule, log=click.echo)
    if dry_run:
        for each in report.integrations:
            click.echo(str(each))
    for table, count in report.records.items():
        click.echo(f"{table}: {count:,} old rows")
    click.echo(f"{'would remove' if dry_run else 'removed'} {report.total}")
