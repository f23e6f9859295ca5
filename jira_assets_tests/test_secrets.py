"""References to secrets: what is one, what it resolves to, and that no error repeats a secret."""

from pathlib import Path

import pytest

from jira_assets.secrets import (
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
