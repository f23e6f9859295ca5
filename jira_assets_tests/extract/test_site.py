"""From an integration's row to the site that the client reads."""

import pytest

from jira_assets.extract.site import site_of
from jira_assets_tests.conftest import AddIntegration


def test_a_site_has_what_its_row_says(
    integration: AddIntegration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_OF_THE_TEST", "t0ken")
    site = site_of(
        integration(
            base_url="https://jira.acme.example/jira",
            deployment="data_center",
            auth="bearer",
            secret_ref="env:TOKEN_OF_THE_TEST",
            max_concurrency=3,
            requests_per_second=2.5,
            ca_bundle="/etc/ssl/acme.pem",
        )
    )
    assert (site.base_url, site.deployment) == ("https://jira.acme.example/jira", "data_center")
    assert (site.max_concurrency, site.requests_per_second) == (3, 2.5)
    assert site.ca_bundle == "/etc/ssl/acme.pem"
    assert site.secret is not None
    assert site.secret() == "t0ken"


def test_a_site_without_a_secret_has_none(integration: AddIntegration) -> None:
    site = site_of(integration())
    assert (site.auth, site.secret, site.ca_bundle) == ("none", None, None)
