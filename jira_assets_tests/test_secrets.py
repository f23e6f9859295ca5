"""References to secrets: what is one, what it resolves to, and that no error repeats a secret."""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from jira_assets.secrets import (
    GROUP,
    InvalidSecretReferenceError,
    SecretUnavailableError,
    check_reference,
    resolve_secret,
)


def test_a_variable_is_read_at_each_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "first")
    assert resolve_secret("env:ACME_TOKEN") == "first"
    monkeypatch.setenv("ACME_TOKEN", "renewed")
    assert resolve_secret("env:ACME_TOKEN") == "renewed"


@pytest.mark.parametrize("content", ["tok en:=\n", "tok en:=\r\n", "tok en:="])
def test_a_file_is_read_at_each_use_without_its_last_line_break(
    tmp_path: Path, content: str
) -> None:
    place = tmp_path / "a secret"
    place.write_bytes(content.encode())
    assert resolve_secret(f"file:{place}") == "tok en:="
    place.write_text("renewed")
    assert resolve_secret(f"file:{place}") == "renewed"


@pytest.mark.parametrize(
    "text", ["hunter2", "", "env:", "env:1A", "env:A B", "file:relative", "file:", "vault:hunter2"]
)
def test_anything_else_is_no_reference_and_is_not_repeated(text: str) -> None:
    for use in (check_reference, resolve_secret):
        with pytest.raises(InvalidSecretReferenceError, match="env:NAME or file:") as refusal:
            use(text)
        assert "hunter2" not in str(refusal.value)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPTY_TOKEN", "")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for reference, said in (
        ("env:NO_SUCH_TOKEN", "set the environment variable NO_SUCH_TOKEN"),
        ("env:EMPTY_TOKEN", "is empty"),
        (f"file:{tmp_path}/none", "No such file"),
        (f"file:{tmp_path}", "Is a directory"),
        (f"file:{tmp_path}/binary", "no UTF-8 text"),
    ):
        with pytest.raises(SecretUnavailableError) as missing:
            resolve_secret(reference)
        assert reference in str(missing.value)
        assert said in str(missing.value)


def test_a_credential_of_systemd_is_read_at_each_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(SecretUnavailableError, match="LoadCredential=acme"):
        resolve_secret("systemd:acme")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for content in ("first", "renewed"):
        (tmp_path / "acme").write_text(f"{content}\n")
        assert resolve_secret("systemd:acme") == content
    for text in ("systemd:", "systemd:..", "systemd:a/b"):
        with pytest.raises(InvalidSecretReferenceError):
            check_reference(text)


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Install a package that resolves ``vault<number>:``; yields that kind."""
    kind = f"vault{next(NUMBERS)}"
    folder = tmp_path / f"{kind}-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {kind}\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(
        f"[{GROUP}]\n{kind} = {kind}:RESOLVER\n{kind}x = {kind}:NONE\nenv = {kind}:RESOLVER\n"
    )
    (tmp_path / f"{kind}.py").write_text(
        "from jira_assets.secrets import Resolver\n"
        "def read(place):\n"
        "    if place == 'sealed':\n"
        "        raise RuntimeError('hunter2')\n"
        "    return f'of {place}'\n"
        "RESOLVER = Resolver(str.isalpha, read)\n"
        "NONE = 'hunter2'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield kind
    sys.modules.pop(kind, None)


NUMBERS = count()


def test_an_installed_package_resolves_a_kind_of_its_own(
    vault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resolve_secret(f"{vault}:acme") == "of acme"
    with pytest.raises(InvalidSecretReferenceError):
        check_reference(f"{vault}:1")
    with pytest.raises(InvalidSecretReferenceError, match=GROUP):
        check_reference(f"{vault}x:acme")
    with pytest.raises(SecretUnavailableError, match="failed with RuntimeError") as failed:
        resolve_secret(f"{vault}:sealed")
    assert "hunter2" not in str(failed.value)
    assert failed.value.__cause__ is None
    monkeypatch.setenv("acme", "our own come first")
    assert resolve_secret("env:acme") == "our own come first"
