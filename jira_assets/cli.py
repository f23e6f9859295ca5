"""The command line: ``jira-assets VERB``. Each verb is a module, loaded when it is called.

``import dagster`` and ``import pandas`` cost more than a second each: ``--help`` does neither.
Exceptions of this project are sentences for the person at the terminal and end with exit code 1;
any other exception is a defect and keeps its traceback.
"""

import importlib
import sys
from typing import Any, Final

import click

from jira_assets import __version__

VERBS: Final = {
    "api": ("jira_assets.commands.api", "The HTTP service: ask for runs, watch them."),
    "demo": ("jira_assets.commands.demo", "Run the whole path on embedded parts; print what came."),
    "dev": ("jira_assets.commands.dev", "The Dagster UI, with its daemon and sensors."),
    "doctor": ("jira_assets.commands.doctor", "Say what in this set-up will bite you."),
    "integration": ("jira_assets.commands.integration", "Add, list, test, change integrations."),
    "job": ("jira_assets.commands.job", "When an integration's jobs run; ask for a run."),
    "key": ("jira_assets.commands.key", "Make, list, revoke keys of the HTTP service."),
    "migrate": ("jira_assets.commands.migrate", "Create or upgrade the tables. Repeatable."),
    "prune": ("jira_assets.commands.prune", "Remove old raw data, or say what would go."),
    "queue": ("jira_assets.commands.queue", "Show, retry, drop dead letters, failed messages."),
    "replay": ("jira_assets.commands.replay", "Rebuild an integration's tables from raw."),
    "sandbox": ("jira_assets.sandbox.command", "Serve a Jira: synthetic, or captured answers."),
    "status": ("jira_assets.commands.status", "Integrations, last sync, rows, queue, failures."),
    "sync": ("jira_assets.commands.sync", "Extract, queue, transform: here and now."),
    "webhook": ("jira_assets.commands.webhook", "Try the webhook that failures are told to."),
}


class _Verbs(click.Group):
    """Loads a verb's module when the verb is called; lists them without loading any."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        if cmd_name not in VERBS:
            return None
        module, _ = VERBS[cmd_name]
        command = getattr(importlib.import_module(module), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{cmd_name} is no click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(verb, VERBS[verb][1]) for verb in sorted(VERBS)])


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="jira-assets")
def cli() -> None:
    """Jira in Postgres, for many tenants, with Dagster."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; the console script ``jira-assets``."""
    try:
        return cli.main(args=arguments, prog_name="jira-assets")
    except Exception as error:
        if not type(error).__module__.startswith("jira_assets."):
            raise
        click.echo(f"jira-assets: {error}", err=True)
        sys.exit(1)
