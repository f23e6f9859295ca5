"""``jira-assets dev``: the Dagster UI with its daemon and sensors, on this machine's servers."""

import sys

import click


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="of the UI"
)
def dev(port: int) -> None:
    """Run the Dagster UI on http://127.0.0.1:PORT, until Ctrl-C.

    Without settings, Postgres and the broker are embedded. Where `jira-assets demo` has run, its
    Jira sites are served again, so that their partitions can be materialized.
    """
    import os
    import signal
    import subprocess

    from jira_assets.dagster_home import environment
    from jira_assets.sandbox.dagster_dev import dev_command, port_is_free, write_workspace
    from jira_assets.sandbox.demo_sites import served_again
    from jira_assets.services import connect_services, psql_line
    from jira_assets.settings import Settings

    if not port_is_free(port):
        raise click.UsageError(f"port {port} of 127.0.0.1 is taken: choose another with --port.")
    settings = Settings.from_environment()
    services = connect_services(settings)
    with served_again(settings.home) as sites:
        for key, url in sites.items():
            click.echo(f"demo site of {key}: {url}")
        url = services.owner_url if services.embedded_postgres else services.database_url
        click.echo(f"Postgres, while this runs: {psql_line(url)}")
        click.echo(f"Dagster UI, in about 20 seconds: http://127.0.0.1:{port}")
        variables = {**os.environ, **environment(settings, services)}
        command = dev_command(port, write_workspace(settings.home))
        # Started in the background by a script, we would ignore SIGINT; Dagster, which does with
        # SIGTERM what it does with SIGINT, could then not be ended at all.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(command, env=variables)  # noqa: S603  # our own arguments
        # Ctrl-C reaches the child, too, which is in our process group: wait until it has ended.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGINT))
        sys.exit(process.wait())
