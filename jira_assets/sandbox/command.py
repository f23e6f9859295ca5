"""``jira-assets sandbox``: serve a Jira until Ctrl-C.

What it serves is loaded when it runs, so ``jira-assets --help`` pays for none of it.
"""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from jira_assets.sandbox.credentials import Credentials
    from jira_assets.sandbox.faults import Fault
    from jira_assets.sandbox.model import SiteState
    from jira_assets.sandbox.rate_limit import RateLimit
    from jira_assets.sandbox.server import SandboxServer
    from jira_assets.sandbox.site import JiraSite

_SIZES = ("projects", "statuses", "issue_types", "custom_fields", "issues", "seed")
_AMOUNT = click.IntRange(min=0)


# Its own, not only the group's: click remembers a command's help option from its first call.
@click.command("sandbox", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--from",
    "folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="serve the captured answers of a folder: status.json, project.json, "
    "issuetype.json, field.json, issues-with-changelog.json",
)
@click.option(
    "--deployment",
    type=click.Choice(["cloud", "data_center"]),
    help="which Jira to be [default: cloud, or what the captured answers are of]",
)
@click.option("--projects", type=_AMOUNT, help="how many projects to make up [default: 10]")
@click.option("--statuses", type=_AMOUNT, help="how many statuses [default: 24]")
@click.option("--issue-types", type=_AMOUNT, help="how many issue types [default: 8]")
@click.option("--custom-fields", type=_AMOUNT, help="how many custom fields [default: 20]")
@click.option("--issues", type=_AMOUNT, help="how many issues, with changelogs [default: 0]")
@click.option("--seed", type=int, help="another seed makes another site [default: 1]")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="[default: any free port]")
@click.option("--context-path", default="", help="what stands before every path, as /jira")
@click.option(
    "--latency-ms",
    type=click.FloatRange(min=0),
    default=0.0,
    help="how long a call takes [default: 0]",
)
@click.option(
    "--rate-limit",
    "rate",
    metavar="R",
    type=click.FloatRange(min=0, min_open=True),
    help="requests a second; more are answered 429 [default: no limit]",
)
@click.option(
    "--burst",
    type=click.IntRange(min=1),
    help="how many at once before --rate-limit counts [default: 1]",
)
@click.option(
    "--fault",
    "faults",
    metavar="KIND=SHARE",
    multiple=True,
    help="what goes wrong, and with which share of the calls, as http_500=0.1; may be repeated",
)
@click.option(
    "--list-faults",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, wanted: _list_faults(context) if wanted else None,
    help="say every KIND in words, and end",
)
@click.option(
    "--username",
    help="let in only this user, by --secret-env as the password; without it, that is a token",
)
@click.option(
    "--secret-env", metavar="NAME", help="the variable that holds the one secret to let in"
)
def sandbox(**options: Any) -> None:
    """Serve a Jira to run against: made up, or from captured answers.

    Prints its URL and the command that connects to it, then serves until Ctrl-C.
    """
    from jira_assets.sandbox.server import told_to_end

    with told_to_end() as told:
        server = _started(options)
        click.echo(announcement(server, options["secret_env"]))
        told.wait()
        server.stop()


def _started(options: dict[str, Any]) -> "SandboxServer":
    from jira_assets.sandbox.server import SandboxServer

    try:
        server = SandboxServer(
            _site(options),
            port=options["port"],
            context_path=options["context_path"],
            latency=options["latency_ms"] / 1000,
            rate_limit=_rate_limit(options["rate"], options["burst"]),
            faults=_faults(options["faults"]),
            credentials=_credentials(options["username"], options["secret_env"]),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        server.start()
    except OSError as error:
        raise click.ClickException(f"Cannot listen on port {options['port']}: {error}.") from error
    return server


def announcement(server: "SandboxServer", secret_env: str | None) -> str:
    """Say what is served, where, and how to connect it."""
    [site] = server.sites.values()
    lines = [
        _summary(site.state),
        f"  {server.url}",
        "Connect it:",
        f"  {shlex.join(_connect(server, site, secret_env))}",
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)


def _summary(state: "SiteState") -> str:
    kind = "Jira Cloud" if state.deployment == "cloud" else "Jira Data Center"
    return (
        f"{kind} sandbox: {len(state.projects)} projects, {len(state.issue_types)} issue types, "
        f"{len(state.statuses)} statuses, "
        f"{sum(row.custom for row in state.fields.values())} custom fields, "
        f"{len(state.issues)} issues"
    )


def _connect(server: "SandboxServer", site: "JiraSite", secret_env: str | None) -> list[str]:
    words = ["jira-assets", "integration", "add", "acme/sandbox", "--base-url", server.url]
    words += ["--deployment", site.deployment]
    if server.credentials is None:
        return [*words, "--auth", "none"]
    if server.credentials.username is None:
        return [*words, "--auth", "bearer", "--secret", f"env:{secret_env}"]
    user = ["--username", server.credentials.username]
    return [*words, "--auth", "basic", *user, "--secret", f"env:{secret_env}"]


def _site(options: dict[str, Any]) -> "JiraSite":
    sizes = {name: options[name] for name in _SIZES if options[name] is not None}
    if options["folder"] is None:
        from jira_assets.sandbox.synthetic import synthetic_site

        return synthetic_site(**sizes, deployment=options["deployment"] or "cloud")
    if sizes:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in sizes)
        raise click.UsageError(f"--from serves what was captured: leave out {flags}.")
    from jira_assets.sandbox.captured import captured_site

    return captured_site(options["folder"], options["deployment"])


def _rate_limit(rate: float | None, burst: int | None) -> "RateLimit | None":
    from jira_assets.sandbox.rate_limit import RateLimit

    if rate is None and burst is not None:
        raise click.UsageError("--burst belongs to a --rate-limit.")
    return None if rate is None else RateLimit(rate, burst or 1)


def _faults(texts: tuple[str, ...]) -> "tuple[Fault, ...]":
    from jira_assets.sandbox.faults import Fault

    return tuple(Fault.parse(text) for text in texts)


def _list_faults(context: click.Context) -> None:
    from jira_assets.sandbox.faults import listing

    click.echo(listing())
    context.exit()


def _credentials(username: str | None, secret_env: str | None) -> "Credentials | None":
    from jira_assets.sandbox.credentials import Credentials

    if secret_env is None:
        if username is not None:
            raise click.UsageError("--username needs --secret-env, which names its secret.")
        return None
    secret = os.environ.get(secret_env)
    if not secret:
        raise click.UsageError(
            f"The environment variable {secret_env} is not set: it is the secret."
        )
    return Credentials(secret, username)
