"""The message on the broker: "this entity (and scope) of extraction E of partition P has landed".

Decisions this module embodies:

* Versioned and strict. A reader that meets a newer version, an unknown field or a wrong type
  refuses the message and says why; it never guesses. A change of the fields is a new version.
* Older versions are read for ever: their fields are made into those of the next version, step by
  step. A queue may hold, and a dead letter may be, what was published long before an upgrade.
* It names what landed and carries none of it, and no secret: whoever reads a queue learns nothing
  about Jira's content, and a message that is delivered late points at the tables, not past them.
* ``message_id`` is made of extraction, entity and scope, so one that does not fit them is refused:
  it would be counted as another message about the same landing.

``docs/message.schema.json`` is made from here: ``python -m jira_assets.queue.message``.
"""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from jira_assets.partitions import SLUG_PATTERN, PartitionKey
from jira_assets.warehouse.contracts import message_id

VERSION: Final = 1
_TO_NEXT: Final[Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""Each older version to what makes its fields into those of the next, ``version`` aside.

Whoever raises ``VERSION`` adds one here, and a message of the version before to the tests."""
CONTENT_TYPE: Final = "application/json"
_MAX_REASON: Final = 500
_MAX_BIGINT: Final = 2**63 - 1


class UnreadableMessageError(ValueError):
    """A body that is no message of this version. ``reason`` says what is wrong, in one sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _partition_key(text: str) -> str:
    return str(PartitionKey.parse(text))


_Id = Annotated[int, Field(ge=1, le=_MAX_BIGINT)]
_Key = Annotated[str, AfterValidator(_partition_key)]
_Entity = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
# Printable: Postgres refuses U+0000, and nobody could read the others.
_Scope = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,255}$")]


class Message(BaseModel):
    """One landed entity and scope of one extraction."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    version: Literal[1] = Field(description="of these fields")
    message_id: UUID = Field(description="made of extraction_id, entity and scope")
    partition_key: _Key = Field(
        description="tenant/integration, e.g. acme/cloud",
        json_schema_extra={"pattern": f"^{SLUG_PATTERN}/{SLUG_PATTERN}$"},
    )
    tenant_id: _Id = Field(description="tenants.id")
    integration_id: _Id = Field(description="integrations.id")
    extraction_id: UUID = Field(description="raw_extractions.extraction_id")
    entity: _Entity = Field(description="what was extracted, e.g. project_statuses")
    scope: _Scope = Field(description="the part that was read as a whole: site")
    landed_at: AwareDatetime | None = Field(default=None, description="when the marker was written")

    @model_validator(mode="after")
    def _id_fits(self) -> Self:
        if self.message_id != message_id(self.extraction_id, self.entity, self.scope):
            raise ValueError("message_id is not the id of this extraction, entity and scope")
        return self


def encode(message: Message) -> bytes:
    """Return the body of ``message``: UTF-8 JSON."""
    return message.model_dump_json().encode()


def decode(body: bytes) -> Message:
    """Read the body of a message.

    Raises:
        UnreadableMessageError: it is not JSON, of a newer version, or has missing, unknown or wrong
            fields.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UnreadableMessageError("it is not JSON.") from None
    version = _version(content)
    for older in range(version, VERSION):
        content = {**_TO_NEXT[older](content), "version": older + 1}
    try:
        # Of this version as it came: bytes are read more strictly than what they are made into.
        return Message.model_validate_json(body if version == VERSION else orjson.dumps(content))
    except ValidationError as error:
        raise UnreadableMessageError(_sentence(error)) from None


def _version(content: Any) -> int:
    if not isinstance(content, dict):
        raise UnreadableMessageError("it is JSON, but no object.")
    if "version" not in content:
        raise UnreadableMessageError("it names no version.")
    version = content["version"]
    if type(version) is int and 1 <= version <= VERSION:
        return version
    if type(version) is int and version > VERSION:
        raise UnreadableMessageError(
            f"it is of version {version}, newer than this program reads ({VERSION}): upgrade "
            "jira_assets where the transform sensor runs, then run `jira-assets queue retry`."
        )
    known = f"1 to {VERSION}" if VERSION > 1 else "1"
    raise UnreadableMessageError(f"its version is {version!r:.60}; this program reads {known}.")


def _sentence(error: ValidationError) -> str:
    wrong = [
        f"{'.'.join(map(str, detail['loc'])) or 'message'}: {detail['msg']}"
        for detail in error.errors(include_url=False, include_input=False)
    ]
    return f"its fields are wrong: {'; '.join(wrong)}"[:_MAX_REASON]


def json_schema() -> str:
    """Return the JSON schema of the message, as ``docs/message.schema.json`` holds it."""
    schema = Message.model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json_schema())
