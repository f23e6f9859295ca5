"""Every kind of address with every kind of credentials: who we are, and what the site holds."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from jira_assets.jira.client import JiraClient, ProjectRef
from jira_assets.jira.errors import CredentialsRefusedError
from jira_assets.jira.shapes import items_of
from jira_assets.jira.site import Site
from jira_assets.sandbox.credentials import Credentials
from jira_assets.sandbox.model import Deployment
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.secrets import resolve_secret

USER: Final = "mia@example.com"
OLD, NEW = "0ld-secret", "n3w-secret"


class Address(NamedTuple):
    """What a site is, and the path that it is below."""

    deployment: Deployment
    context: str


ADDRESSES: Final = {
    "cloud_site": Address("cloud", ""),
    "cloud_gateway": Address("cloud", "/ex/jira/0b6f1e5c-54a0-4f0e-9a39-0c2d6f5b7e10"),
    "data_center": Address("data_center", ""),
    "data_center_below_a_path": Address("data_center", "/tools/jira"),
}
WAYS: Final = {
    "basic": {"auth": "basic", "username": USER},
    "bearer": {"auth": "bearer"},
}
"""API tokens, scoped or not, go with basic; personal access tokens and OAuth 2.0's are bearers."""


@pytest.fixture(params=ADDRESSES)
def address(request: pytest.FixtureRequest) -> Address:
    return ADDRESSES[request.param]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    return WAYS[request.param]


def _served(address: Address, credentials: Credentials) -> SandboxServer:
    site = synthetic_site(projects=120, deployment=address.deployment)
    return SandboxServer(site, context_path=address.context, credentials=credentials)


def _client(server: SandboxServer, way: dict[str, Any], secret: Callable[[], str]) -> JiraClient:
    return JiraClient(Site(server.url, secret=secret, **way))


def test_a_site_is_found_out_and_read(address: Address, way: dict[str, Any]) -> None:
    credentials = Credentials(NEW, way.get("username"))
    with _served(address, credentials) as server, _client(server, way, lambda: NEW) as client:
        assert client.identity().deployment == address.deployment
        found = [item for page in client.projects() for item in items_of(page.payload)]
        refs = [ProjectRef(project["id"], project["key"]) for project in found]
        assert len(refs) == 120
        assert len(list(client.project_statuses(refs[:20]))) == 20
        assert all(
            asked.path.startswith(f"{address.context}/rest/api/") for asked in server.requests
        )


def test_wrong_credentials_are_said_before_anything_is_read(
    address: Address, way: dict[str, Any]
) -> None:
    credentials = Credentials(NEW, way.get("username"))
    with _served(address, credentials) as server, _client(server, way, lambda: OLD) as client:
        with pytest.raises(CredentialsRefusedError) as raised:
            list(client.projects())
        assert OLD not in str(raised.value)
        assert {asked.path.rsplit("/", 1)[1] for asked in server.requests} <= {
            "serverInfo",
            "myself",
        }


def test_a_token_that_is_renewed_in_its_file_meanwhile_is_taken_up(
    address: Address, way: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{OLD}\n")
    with (
        _served(address, Credentials(OLD, way.get("username"))) as server,
        _client(server, way, lambda: resolve_secret(f"file:{file}")) as client,
    ):
        first = [*client.statuses()]
        file.write_text(f"{NEW}\n")
        server.credentials = Credentials(NEW, way.get("username"))
        assert [answer.payload for answer in client.statuses()] == [each.payload for each in first]


def test_a_basic_secret_never_travels_as_a_bearer() -> None:
    credentials = Credentials(NEW, USER)
    assert credentials.header == b"Basic " + b64encode(f"{USER}:{NEW}".encode())
    assert not credentials.accepts(b"Bearer " + NEW.encode())
