"""``jira-assets webhook``: whether the webhook that tells people of failures works."""

import sys

import click


@click.group()
def webhook() -> None:
    """Try the webhook that failures are told to."""


@webhook.command()
def test() -> None:
    """Post one message, which says that nothing has failed. Exits 1 if it is not taken."""
    from jira_assets.jobs.failure_messages import trial
    from jira_assets.jobs.webhook import VARIABLE, InvalidWebhookError, webhook_of
    from jira_assets.settings import Settings

    settings = Settings.from_environment()
    found = webhook_of(settings)
    if found is None:
        raise InvalidWebhookError(
            f"{VARIABLE} is not set: nobody is told of failures. "
            "Set it, here and for Dagster's daemon, to a webhook that takes Slack's messages."
        )
    delivery = found.post(trial(settings.dagster_url))
    if not delivery.taken:
        click.echo(f"jira-assets: {delivery.words}", err=True)
        sys.exit(1)
    click.echo(f"The webhook at {found.host} took a message. Look whether it arrived.")
