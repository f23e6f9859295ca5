"""``jira-assets migrate``: create or upgrade the tables, and say which roles may see what."""

import click


@click.command()
@click.option(
    "--reader",
    "readers",
    metavar="ROLE",
    multiple=True,
    help="let this role of the server read (dbt, BI); repeatable, remembered",
)
@click.option(
    "--tenant",
    "tenants",
    metavar="SLUG",
    multiple=True,
    help="… the rows of this tenant only; repeatable",
)
@click.option(
    "--no-role",
    "withdrawn",
    metavar="ROLE",
    multiple=True,
    help="let this role see no more, a reader or one that was replaced; repeatable",
)
@click.option(
    "--sql",
    is_flag=True,
    help="change nothing: print what an administrator of the server must run before",
)
def migrate(
    readers: tuple[str, ...], tenants: tuple[str, ...], withdrawn: tuple[str, ...], *, sql: bool
) -> None:
    """Create or upgrade the tables, as the owner. Repeatable; safe when two start at once."""
    from jira_assets.services import administrators_sql, migrate_services
    from jira_assets.settings import Settings
    from jira_assets.warehouse.roles import Readers

    if tenants and not readers:
        raise click.UsageError("--tenant says whose rows a --reader reads: name the role, too.")
    settings = Settings.from_environment()
    if sql:
        click.echo(administrators_sql(settings, readers), nl=False)
        return
    for line in migrate_services(settings, Readers(readers, tenants, withdrawn)):
        click.echo(line)
