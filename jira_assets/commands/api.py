"""``jira-assets api``: the HTTP service, until it is told to end."""

import click

DEFAULT_PORT = 8080


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="0 takes any free port",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="the address to listen on")
def api(port: int, host: str) -> None:
    """Serve HTTP on HOST:PORT, until Ctrl-C: ask for runs, watch them, look at what is there.

    It speaks plain HTTP: put a proxy with TLS before it where it is to be reached from elsewhere.
    Keys are made by `jira-assets key create`.
    """
    import socket

    from jira_assets.api.server import log_to_stderr, make_server
    from jira_assets.api.service import Service
    from jira_assets.services import connect_services
    from jira_assets.settings import Settings
    from jira_assets.warehouse.connect import engine_for

    settings = Settings.from_environment()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port or --host."
        ) from error
    services = connect_services(settings)
    service = Service(
        engine_for(services.api_url),
        dagster_url=settings.dagster_url,
        broker_url=services.broker_url,
        dead_after_seconds=settings.dead_after_seconds,
        admins_engine=engine_for(services.database_url),
    )
    log_to_stderr()
    where = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    click.echo(f"HTTP service: {where}, what it offers: {where}/docs")
    make_server(service, settings.allowed_origins).run(sockets=[listener])
