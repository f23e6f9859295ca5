"""What no server on loopback can be made to do: the failures of ``urllib3`` by their class."""

from typing import Any

import pytest
from urllib3 import connectionpool, exceptions

from jira_assets.jira import errors
from jira_assets.jira.transport import Timeouts, Transport
from jira_assets_tests.jira.scripted import site

POOL: Any = None
UNTRUSTED = exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
FAILURES: list[tuple[Exception, type[errors.JiraError], str]] = [
    (UNTRUSTED, errors.UntrustedCertificateError, "REQUESTS_CA_BUNDLE"),
    (exceptions.SSLError("EOF"), errors.ConnectionFailedError, "TLS connection"),
    (exceptions.ConnectTimeoutError(), errors.ConnectionFailedError, "within 3 s"),
    (
        exceptions.ReadTimeoutError(POOL, "/", "read"),
        errors.ConnectionFailedError,
        "within 7 s",
    ),
    (
        exceptions.ProxyError("no", OSError("refused")),
        errors.ConnectionFailedError,
        "The proxy before",
    ),
    (exceptions.ProtocolError("reset"), errors.ConnectionFailedError, "cannot be reached"),
    (exceptions.NewConnectionError(POOL, "no"), errors.ConnectionFailedError, "cannot be reached"),
]


def test_a_ca_bundle_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    transport = Transport(site("https://127.0.0.1:9"), Timeouts())
    with pytest.raises(errors.UntrustedCertificateError, match="CA bundle that is missing"):
        transport.get("/rest/api/3/myself", {})


@pytest.mark.parametrize(("failure", "kind", "words"), FAILURES)
def test_every_failure_of_the_network_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, kind: type[errors.JiraError], words: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise failure

    monkeypatch.setattr(connectionpool.HTTPConnectionPool, "urlopen", fail)
    transport = Transport(site("https://acme.example.com"), Timeouts(connect=3, read=7))
    with pytest.raises(errors.JiraError) as raised:
        transport.get("/rest/api/3/myself", {})
    assert type(raised.value) is kind
    assert words in str(raised.value)
    assert "acme.example.com" in str(raised.value)
    assert raised.value.__context__ is None
