"""``jira-assets migrate``: create or upgrade the tables."""

import click


@click.command()
def migrate() -> None:
    """Create or upgrade the tables, as the owner. Repeatable; safe when two start at once."""
    from jira_assets.services import migrate_services
    from jira_assets.settings import Settings

    for line in migrate_services(Settings.from_environment()):
        click.echo(line)
