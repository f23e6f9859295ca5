"""From an integration's row to the site that the client reads. No Dagster here."""

from jira_assets.jira.site import Site
from jira_assets.secrets import resolve_secret
from jira_assets.warehouse.integrations import Integration


def site_of(
    integration: Integration, *, allow_plain_http: bool = False, allow_link_local: bool = False
) -> Site:
    """Translate an integration's row into what the client needs to reach the site."""
    reference = integration.secret_ref
    return Site(
        base_url=integration.base_url,
        deployment=integration.deployment,
        auth=integration.auth,
        username=integration.username,
        secret=None if reference is None else lambda: resolve_secret(reference),
        max_concurrency=integration.max_concurrency,
        requests_per_second=integration.requests_per_second,
        allow_plain_http=allow_plain_http,
        allow_link_local=allow_link_local,
        ca_bundle=integration.ca_bundle,
    )
