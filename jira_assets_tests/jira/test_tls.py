"""Sites behind certificates: a private CA is trusted where its bundle is named, nowhere else."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from jira_assets.jira import errors
from jira_assets_tests.jira.scripted import ScriptedJira, client


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    """The private CA's certificate, as a file."""
    path = tmp_path / "private-ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def jira(authority: trustme.CA) -> Iterator[ScriptedJira]:
    """A site behind a certificate of the private CA."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ScriptedJira(tls=context) as server:
        yield server.cloud()


def test_a_private_ca_that_the_integration_names_is_trusted(
    jira: ScriptedJira, bundle: str
) -> None:
    with client(jira, ca_bundle=bundle) as reader:
        assert reader.identity().display_name == "Mia"


def test_a_private_ca_that_the_environment_names_is_trusted(
    jira: ScriptedJira, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    with client(jira) as reader:
        assert reader.identity().display_name == "Mia"


def test_the_integrations_bundle_goes_before_the_environments(
    jira: ScriptedJira, bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "of-somebody-else.pem"))
    with client(jira, ca_bundle=bundle) as reader:
        assert reader.identity().display_name == "Mia"


def _refused(jira: ScriptedJira, bundle: str | None) -> str:
    """Return what is said, having checked that no token went out."""
    with client(jira, ca_bundle=bundle) as reader:
        with pytest.raises(errors.UntrustedCertificateError) as raised:
            reader.identity()
        assert reader.stats.calls == 1
    assert jira.asked == []
    return str(raised.value)


def test_a_private_ca_that_nobody_names_is_not(jira: ScriptedJira) -> None:
    said = _refused(jira, None)
    assert "127.0.0.1" in said
    assert "--ca-bundle" in said


def test_nor_is_a_certificate_of_another_ca(jira: ScriptedJira, tmp_path: Path) -> None:
    path = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    assert "is not trusted" in _refused(jira, str(path))


def test_nor_a_certificate_of_another_host(authority: trustme.CA, bundle: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("jira.example.com").configure_cert(context)
    with ScriptedJira(tls=context) as elsewhere:
        assert "is not trusted" in _refused(elsewhere, bundle)


def test_a_bundle_that_is_missing_is_said(jira: ScriptedJira, tmp_path: Path) -> None:
    said = _refused(jira, str(tmp_path / "gone.pem"))
    assert "The integration names a CA bundle that is missing" in said


def test_a_bundle_that_is_none_is_said(jira: ScriptedJira, tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_text("no certificate\n")
    assert "names a CA bundle without a certificate" in _refused(jira, str(path))
