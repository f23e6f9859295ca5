"""``jira-assets integration``: who is served. One subcommand a verb.

Options that are not given stay out of the call: ``add`` takes its defaults from the warehouse, and
``update`` leaves what is there.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from jira_assets.commands.fields import fields, told_of_mapping
from jira_assets.commands.partition import PARTITION
from jira_assets.commands.warehouse import warehouse_engine

if TYPE_CHECKING:
    from jira_assets.partitions import PartitionKey
    from jira_assets.warehouse.integrations import Integration

_NOT_GIVEN: Final = None


def _keys(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> Any:
    """Split ``--include A,B --include C``; an empty text empties the list; None: not given."""
    if not given:
        return _NOT_GIVEN
    return tuple(key.strip() for text in given for key in text.split(",") if key.strip())


def _mappings(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> Any:
    """Read ``--map custom_field_01=customfield_10110``; an empty text empties the mapping."""
    if not given:
        return _NOT_GIVEN
    pairs = [text.partition("=") for text in given if text.strip()]
    wrong = [f"{column}{sign}{field}" for column, sign, field in pairs if not sign or not field]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not custom_field_01=customfield_10110.")
    columns = [column.strip() for column, _, _ in pairs]
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice:
        raise click.BadParameter(f"{twice} is mapped twice.")
    return {column.strip(): field.strip() for column, _, field in pairs}


_SETTINGS: Final = (
    click.option(
        "--deployment",
        type=click.Choice(["auto", "cloud", "data_center"]),
        help="[auto: asked of the site]",
    ),
    click.option(
        "--auth",
        type=click.Choice(["basic", "bearer", "none"]),
        help="e-mail and API token, personal access token, or nothing [basic]",
    ),
    click.option("--username", help="the account's e-mail on Cloud, its name on Data Center"),
    click.option(
        "--secret",
        "secret_ref",
        metavar="REF",
        help="where the secret is: env:NAME, file:/path or systemd:NAME",
    ),
    click.option(
        "--max-concurrency", type=click.IntRange(1, 1000), help="calls at once, at most [10]"
    ),
    click.option(
        "--requests-per-second",
        type=click.FloatRange(min=0.01),
        help="calls a second, at most [no limit]",
    ),
    click.option(
        "--ca-bundle",
        metavar="PATH",
        help='PEM file of a private CA, on the machine that reads Jira; "" for the public ones',
    ),
    click.option(
        "--include",
        "included_projects",
        multiple=True,
        callback=_keys,
        metavar="KEYS",
        help='only these project keys, comma-separated or repeated; "" for all',
    ),
    click.option(
        "--exclude",
        "excluded_projects",
        multiple=True,
        callback=_keys,
        metavar="KEYS",
        help='not these project keys, comma-separated or repeated; "" for none',
    ),
    click.option(
        "--map",
        "custom_field_mappings",
        multiple=True,
        callback=_mappings,
        metavar="COLUMN=FIELD",
        help="a custom field with a column of its own, custom_field_01=customfield_10110; "
        'repeated for all of them, up to 20; "" for none',
    ),
)


def _settings(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not _NOT_GIVEN}


@click.group()
def integration() -> None:
    """Add, list, test and change integrations: the Jira sites of the tenants."""


@integration.command()
@click.argument("partition", type=PARTITION)
@click.option("--base-url", required=True, help="the site, with its context path")
@_settings
def add(partition: "PartitionKey", **options: Any) -> None:
    """Add an integration: one Jira site of one tenant.

    PARTITION names it: tenant/integration, e.g. acme/cloud. The tenant is created if it is new.
    """
    from jira_assets.warehouse.integration_settings import DEFAULTS, validated
    from jira_assets.warehouse.integrations import add_integration

    _check_site(validated({**DEFAULTS, **_given(options)}))
    added = add_integration(warehouse_engine(), partition, **_given(options))
    click.echo(f"added {_described(added)}")
    click.echo(f"try it: jira-assets integration test {partition}")
    click.echo(f"a Dagster daemon reads it from now on: jira-assets job list {partition}")
    scheme, _, variable = (added.secret_ref or "").partition(":")
    if scheme == "env":
        click.echo(f"one that runs already knows {variable} only if it was started with it")


@integration.command()
@click.argument("partition", type=PARTITION)
@click.option("--base-url", help="the site, with its context path")
@_settings
def update(partition: "PartitionKey", **options: Any) -> None:
    """Change what is given of an integration, keep the rest."""
    from jira_assets.warehouse.integrations import update_integration
    from jira_assets.warehouse.known_fields import known_fields

    given = _given(options)
    if not given:
        raise click.UsageError("nothing to change: give at least one option.")
    engine = warehouse_engine()
    check = _check_site if "base_url" in given else None
    updated = update_integration(engine, partition, check, **given)
    click.echo(f"now {_described(updated)}")
    if given.get("custom_field_mappings"):
        for line in told_of_mapping(updated, known_fields(engine, updated.id)):
            click.echo(line)


integration.add_command(fields)


@integration.command(name="list")
def list_() -> None:
    """List the integrations."""
    from jira_assets.commands.output import print_table
    from jira_assets.warehouse.integrations import list_integrations

    found = list_integrations(warehouse_engine())
    if not found:
        click.echo("No integrations. Add one: jira-assets integration add acme/cloud --base-url …")
        return
    columns = [
        "integration",
        "id",
        "active",
        "base URL",
        "deployment",
        "auth",
        "limits",
        "projects",
    ]
    rows = [_row(one) for one in found]
    if any(one.ca_bundle for one in found):
        columns.append("CA bundle")
        rows = [[*row, one.ca_bundle] for row, one in zip(rows, found, strict=True)]
    print_table("Integrations", columns, rows)


@integration.command()
@click.argument("partition", type=PARTITION)
def enable(partition: "PartitionKey") -> None:
    """Let an integration be read (again)."""
    _set_active(partition, active=True)


@integration.command()
@click.argument("partition", type=PARTITION)
def disable(partition: "PartitionKey") -> None:
    """Let an integration be read no more.

    Its rows stay; its partition leaves Dagster.
    """
    _set_active(partition, active=False)


@integration.command()
@click.argument("partition", type=PARTITION)
@click.option("--purge", is_flag=True, help="delete every row of it, raw ones included")
@click.option("--yes", is_flag=True, help="do not ask")
def remove(partition: "PartitionKey", *, purge: bool, yes: bool) -> None:
    """Take an integration out of service.

    Its rows stay, unless --purge.
    """
    from jira_assets.warehouse.integrations import remove_integration

    if purge and not yes:
        click.confirm(f"Delete every row of {partition}, raw ones included?", abort=True)
    deleted = remove_integration(warehouse_engine(), partition, purge=purge)
    click.echo(f"removed {partition}" + ("" if purge else "; its rows stay, --purge deletes them"))
    for table, count in deleted.items():
        click.echo(f"  {count:,} rows of {table}")


@integration.command()
@click.argument("partition", type=PARTITION)
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="how many projects to read for the speed, at most",
)
def test(partition: "PartitionKey", *, sample: int) -> None:
    """Ask a site who we are, what we may read, how fast."""
    from jira_assets.commands.site_report import look, show
    from jira_assets.extract.site import site_of
    from jira_assets.jira.client import JiraClient
    from jira_assets.settings import Settings
    from jira_assets.warehouse.integrations import get_integration

    found = get_integration(warehouse_engine(), partition)
    allowed = Settings.from_environment()
    site = site_of(
        found,
        allow_plain_http=allowed.allow_plain_http,
        allow_link_local=allowed.allow_link_local,
    )
    with JiraClient(site) as client:
        client.tell_waits(click.echo)
        show(found, look(found, client, sample))


def _check_site(settings: Mapping[str, Any]) -> None:
    """Refuse at once what the client would refuse at every use; nothing is asked of the site."""
    from jira_assets.jira.site import Site
    from jira_assets.settings import Settings

    allowed = Settings.from_environment()
    names = ("base_url", "deployment", "auth", "username", "max_concurrency", "requests_per_second")
    Site(
        **{name: settings[name] for name in names},
        secret=(lambda: "") if settings["secret_ref"] else None,
        allow_plain_http=allowed.allow_plain_http,
        allow_link_local=allowed.allow_link_local,
    )


def _set_active(partition: "PartitionKey", *, active: bool) -> None:
    from jira_assets.warehouse.integrations import set_active

    set_active(warehouse_engine(), partition, active=active)
    click.echo(f"{'enabled' if active else 'disabled'} {partition}")


def _described(found: "Integration") -> str:
    return (
        f"{found.partition_key}: {found.base_url}, deployment {found.deployment}, auth "
        f"{found.auth}, {_limits(found)}, {_trust(found)}projects: {_projects(found)}"
        f"{_mapped(found)}"
    )


def _trust(found: "Integration") -> str:
    return f"CA bundle {found.ca_bundle}, " if found.ca_bundle else ""


def _limits(found: "Integration") -> str:
    rate = "" if found.requests_per_second is None else f", {found.requests_per_second:g}/s"
    return f"{found.max_concurrency} at once{rate}"


def _projects(found: "Integration") -> str:
    included = ", ".join(found.included_projects) or "all"
    excluded = f" but {', '.join(found.excluded_projects)}" if found.excluded_projects else ""
    return included + excluded


def _mapped(found: "Integration") -> str:
    pairs = sorted(found.custom_field_mappings.items())
    return "".join(f", {column} is {field_id}" for column, field_id in pairs)


def _row(found: "Integration") -> list[str | int | None]:
    return [
        found.partition_key,
        found.id,
        "yes" if found.active else "no",
        found.base_url,
        found.deployment,
        found.auth,
        _limits(found),
        _projects(found),
    ]
