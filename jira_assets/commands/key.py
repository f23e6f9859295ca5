"""``jira-assets key``: who may call the HTTP service. One subcommand a verb."""

import click

from jira_assets.commands.warehouse import warehouse_engine


@click.group()
def key() -> None:
    """Make, list and revoke the keys of the HTTP service."""


@key.command()
@click.argument("tenant", required=False)
@click.option("--admin", is_flag=True, help="for every tenant, and for /metrics")
@click.option("--name", required=True, help="whose it is, or what for: people read it in lists")
def create(tenant: str | None, name: str, *, admin: bool) -> None:
    """Make a key for a tenant or an admin; print it, once.

    TENANT is its slug, the part of a partition before the slash. Standard output is the key and
    nothing else; it is stored nowhere.
    """
    from jira_assets.warehouse.api_keys import create_key

    if (tenant is None) != admin:
        raise click.UsageError("a key is for one TENANT, or with --admin for all of them.")
    if not name.isprintable() or not name.strip():
        raise click.UsageError("--name is a word or two about whose key it is.")
    made, text = create_key(warehouse_engine(), tenant=tenant, name=name.strip())
    click.echo(
        f"key {made.key_id} of {made.tenant or 'an admin'}: printed this once, stored nowhere",
        err=True,
    )
    click.echo(text)


@key.command("list")
def list_() -> None:
    """Show the keys, revoked ones included. The keys themselves are not stored."""
    from jira_assets.commands.output import print_table
    from jira_assets.warehouse.api_keys import list_keys

    with warehouse_engine().connect() as connection:
        keys = list_keys(connection)
    if not keys:
        click.echo("No keys. Make one: jira-assets key create TENANT --name …")
        return
    rows = [
        [
            each.key_id,
            each.tenant or "every tenant (admin)",
            each.name,
            f"{each.created_at:%Y-%m-%d %H:%M:%S}",
            "" if each.revoked_at is None else f"{each.revoked_at:%Y-%m-%d %H:%M:%S}",
        ]
        for each in keys
    ]
    print_table("Keys (times in UTC)", ["key id", "of", "name", "made", "revoked"], rows)


@key.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Make a key open nothing from now on.

    KEY_ID is in `jira-assets key list`. Stream tokens that were made with the key die, too.
    """
    from jira_assets.warehouse.api_keys import revoke_key, split_key

    whole = split_key(key_id)
    key_id = key_id if whole is None else whole[0]  # and the secret is not printed again
    changed = revoke_key(warehouse_engine(), key_id)
    click.echo(f"key {key_id} {'is revoked' if changed else 'was revoked before'}")
