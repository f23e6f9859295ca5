"""No call goes where there is no Jira: to clouds' metadata services, or a machine's neighbours."""

import ipaddress
import socket
from typing import Any

import pytest

from jira_assets.jira import addresses
from jira_assets.jira.addresses import METADATA, is_off_limits
from jira_assets.jira.client import JiraClient
from jira_assets.jira.errors import InvalidSiteError
from jira_assets.jira.site import Site
from jira_assets_tests.jira.scripted import POLICY, FakeClock, ScriptedJira

OFF_LIMITS = [
    "169.254.169.254",
    "169.254.0.1",
    "[fe80::1]",
    "fe80::1%eth0",
    "[::ffff:169.254.169.254]",
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "1684301000",  # Alibaba Cloud's, in one number
    *sorted(map(str, METADATA)),
]


@pytest.mark.parametrize("address", OFF_LIMITS)
def test_no_jira_is_there(address: str) -> None:
    assert is_off_limits(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.8",
        "192.168.1.4",
        "fd12::1",
        "jira.example.com",
        "::1",
        "",
        "1.2.3.4.5",
        "ä",
    ],
)
def test_a_jira_may_be_there(address: str) -> None:
    assert not is_off_limits(address)


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "[::ffff:a9fe:a9fe]"])
def test_a_base_url_there_is_refused_unless_it_is_allowed(host: str) -> None:
    with pytest.raises(InvalidSiteError, match="JIRA_ASSETS_ALLOW_LINK_LOCAL=true"):
        Site(f"https://{host}/latest", auth="none")
    assert Site(f"https://{host}/latest", auth="none", allow_link_local=True).base_url


@pytest.fixture
def leads_off_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the loopback for such an address: it is where a name of the tests can lead."""
    monkeypatch.setattr(addresses, "METADATA", {ipaddress.ip_address("127.0.0.1")})


@pytest.mark.usefixtures("leads_off_limits")
def test_a_name_that_leads_there_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = socket.getaddrinfo

    def resolved(host: Any, *more: Any, **named: Any) -> Any:
        return given("127.0.0.1" if host == "jira.example.com" else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with ScriptedJira() as jira:
        jira.data_center()
        url = jira.url.replace("127.0.0.1", "jira.example.com")
        site = Site(url, auth="bearer", secret=lambda: "t0k3n", allow_plain_http=True)
        with (
            JiraClient(site, policy=POLICY, clock=FakeClock()) as reader,
            pytest.raises(InvalidSiteError, match=r"jira\.example\.com is at 127\.0\.0\.1"),
        ):
            reader.identity()
        assert jira.asked == []
        allowed = Site(
            url,
            auth="bearer",
            secret=lambda: "t0k3n",
            allow_plain_http=True,
            allow_link_local=True,
        )
        with JiraClient(allowed, policy=POLICY, clock=FakeClock()) as reader:
            assert reader.identity().display_name == "Mia"


@pytest.mark.usefixtures("leads_off_limits")
def test_behind_a_proxy_its_own_address_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedJira() as proxy:
        proxy.data_center()
        monkeypatch.setenv("http_proxy", proxy.url)
        site = Site("http://jira.example.com", auth="none", allow_plain_http=True)
        with JiraClient(site, policy=POLICY, clock=FakeClock()) as reader:
            assert reader.identity().version
        assert proxy.asked
