"""The message: what is written can be read, and what cannot is refused with its reason."""

import json
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from jira_assets.queue import message as message_module
from jira_assets.queue.message import (
    VERSION,
    Message,
    UnreadableMessageError,
    decode,
    encode,
    json_schema,
)
from jira_assets.warehouse.contracts import message_id

PUBLISHED = Path(__file__).parent / "published"
"""A message as each version published it."""
SCHEMA = Path(__file__).parents[2] / "docs" / "message.schema.json"
EXTRACTION = UUID("6f2f3c52-6b0e-4f6e-9a57-0f0b0a6c0d11")
FIELDS: dict[str, Any] = {
    "version": 1,
    "message_id": str(message_id(EXTRACTION, "project_statuses", "site")),
    "partition_key": "acme/cloud",
    "tenant_id": 1,
    "integration_id": 2,
    "extraction_id": str(EXTRACTION),
    "entity": "project_statuses",
    "scope": "site",
    "landed_at": "2026-05-04T03:02:01Z",
}


def body(**changes: Any) -> bytes:
    fields = {name: value for name, value in (FIELDS | changes).items() if value is not ...}
    return json.dumps(fields).encode()


def test_what_is_encoded_is_decoded() -> None:
    message = decode(body())
    assert message.partition_key == "acme/cloud"
    assert message.extraction_id == EXTRACTION
    assert decode(encode(message)) == message


def test_the_time_of_landing_may_be_missing() -> None:
    assert decode(body(landed_at=...)).landed_at is None


@pytest.mark.parametrize(
    ("given_body", "reason"),
    [
        (b"", "it is not JSON."),
        (b"\xff\xfe", "it is not JSON."),
        (b'{"version": 1', "it is not JSON."),
        (b"[" * 100_000, "it is not JSON."),
        (b"[1]", "it is JSON, but no object."),
        (b"null", "it is JSON, but no object."),
        (b"{}", "it names no version."),
        (body(version=2), "it is of version 2, newer than this program reads (1): upgrade"),
        (body(version=2**70), "its version is "),
        (body(version=0), "its version is 0; this program reads 1."),
        (body(version="1"), "its version is '1'; this program reads 1."),
        (body(version=True), "its version is True; this program reads 1."),
        (body(entity=...), "entity: Field required"),
        (body(tenant_id=...), "tenant_id: Field required"),
        (body(token="s3cret"), "token: Extra inputs are not permitted"),
        (body(tenant_id="1"), "tenant_id: Input should be a valid integer"),
        (body(tenant_id=0), "tenant_id: Input should be greater than or equal to 1"),
        (body(integration_id=2**63), "integration_id: Input should be less than or equal to"),
        (body(partition_key="acme"), "'acme' is no partition key"),
        (body(partition_key="Acme/..."), "'Acme' is no tenant slug"),
        (body(extraction_id="x"), "extraction_id: Input should be a valid UUID"),
        (body(scope="si\x00te"), "scope: String should match pattern"),
        (body(entity="Projects; DROP"), "entity: String should match pattern"),
        (body(landed_at="2026-05-04T03:02:01"), "landed_at: Input should have timezone info"),
        (body(message_id=str(uuid4())), "message_id is not the id of this extraction"),
        (body(scope="other"), "message_id is not the id of this extraction"),
    ],
)
def test_what_is_no_message_is_refused(given_body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableMessageError) as raised:
        decode(given_body)
    assert reason in raised.value.reason
    assert "s3cret" not in raised.value.reason


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_what_any_version_published_is_still_read(version: int) -> None:
    published = (PUBLISHED / f"{version}.json").read_bytes()
    assert json.loads(published)["version"] == version
    read = decode(published)
    assert read.version == VERSION
    assert (read.partition_key, read.entity, read.scope) == (
        "acme/cloud",
        "project_statuses",
        "site",
    )
    assert decode(encode(read)) == read


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> int:
    """The program after an upgrade: its messages have one field more."""
    version = VERSION + 1
    own: Any = Literal[version]
    newer = create_model("Newer", __base__=Message, version=(own, ...), landed_by=(str, ...))
    steps = {**message_module._TO_NEXT, VERSION: lambda fields: {**fields, "landed_by": "?"}}
    monkeypatch.setattr(message_module, "Message", newer)
    monkeypatch.setattr(message_module, "VERSION", version)
    monkeypatch.setattr(message_module, "_TO_NEXT", steps)
    return version


def test_a_newer_program_reads_older_messages(next_version: int) -> None:
    older = decode(body())
    assert older.model_dump(include={"version", "landed_by"}) == {
        "version": next_version,
        "landed_by": "?",
    }
    assert older.extraction_id == EXTRACTION
    assert decode(body(version=next_version, landed_by="me")).version == next_version


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 0}, "its version is 0; this program reads 1 to 2."),
        ({"version": 3}, "it is of version 3, newer than this program reads (2): upgrade"),
        ({"version": 2}, "landed_by: Field required"),
        ({"entity": ...}, "entity: Field required"),
        ({"tenant_id": "1"}, "tenant_id: Input should be a valid integer"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)
@pytest.mark.usefixtures("next_version")
def test_and_is_as_strict_about_them(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnreadableMessageError) as raised:
        decode(body(**changes))
    assert reason in raised.value.reason


@given(
    st.binary()
    | st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_nothing_but_a_message_is_read(given_body: bytes) -> None:
    with pytest.raises(UnreadableMessageError):
        decode(given_body)


@given(
    st.dictionaries(st.sampled_from([*FIELDS]), st.none() | st.integers() | st.text()), st.text()
)
def test_wrong_fields_are_refused_in_a_sentence_that_is_not_long(
    changes: dict[str, Any], more: str
) -> None:
    with pytest.raises(UnreadableMessageError) as raised:
        decode(body(**changes, **{f"more {more}": 1}))
    assert len(raised.value.reason) <= 500


def test_the_schema_in_docs_is_the_models() -> None:
    assert SCHEMA.read_text() == json_schema(), (
        "write it: python -m jira_assets.queue.message > docs/message.schema.json"
    )


def test_the_schema_accepts_what_is_published_and_no_more() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    validator.validate(json.loads(encode(Message.model_validate_json(body()))))
    for wrong in (body(version=2), body(entity=...), body(more=1), body(partition_key="acme")):
        assert not validator.is_valid(json.loads(wrong))
