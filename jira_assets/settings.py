"""The program's environment variables, read once and checked. README's table is made from here.

What belongs to one integration (limits, fields, credentials) is on its row, not in the environment.
A URL may hold a password, so its value is never part of an error.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

PREFIX: Final = "JIRA_ASSETS_"
MOST_DAYS: Final = 36_500
"""The longest time that is told in days: a hundred years."""
_ORIGIN: Final = r"https?://[^\s/?#,*@]+"
_ORIGINS: Final = rf"^(|{_ORIGIN}(\s*,\s*{_ORIGIN})*)$"


class SettingsError(ValueError):
    """A setting that cannot be; names the variable."""


class Settings(BaseModel):
    """What the environment says. An empty variable counts as one that is not set."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    home: Path = Field(
        default=Path(".jira_assets"),
        description="the embedded servers' data, and Dagster's home where `DAGSTER_HOME` is unset",
    )
    database_url: SecretStr | None = Field(
        default=None,
        title="embedded Postgres",
        description="Postgres, as the role that runs connect as and that owns nothing",
    )
    owner_database_url: SecretStr | None = Field(
        default=None,
        title="`JIRA_ASSETS_DATABASE_URL`",
        description="the same database as the role that creates and changes tables",
    )
    api_database_url: SecretStr | None = Field(
        default=None,
        title="`JIRA_ASSETS_DATABASE_URL`",
        description="the same database as the role of the HTTP service: one tenant at a time",
    )
    dagster_database_url: SecretStr | None = Field(
        default=None,
        title="schema `dagster` of the same database",
        description="Postgres for Dagster's own runs and events",
    )
    broker_url: SecretStr | None = Field(
        default=None,
        title="embedded: files in the home",
        description="RabbitMQ, `amqp://user:password@host:5672/vhost`",
    )
    allow_plain_http: bool = Field(
        default=False,
        description="allow `http://` base URLs of other machines; loopback always may",
    )
    allow_link_local: bool = Field(
        default=False,
        description="allow base URLs that lead to link-local or clouds' metadata addresses",
    )
    dead_after_seconds: float = Field(
        default=60,
        gt=5,
        description="a run without a sign of life for so long is dead (it gives one every 5)",
    )
    republish_after_seconds: float = Field(
        default=60,
        gt=0,
        description="a message that nobody received for so long is published again",
    )
    keep_extractions: int = Field(
        default=10,
        ge=1,
        description="pruning keeps so many of the newest extractions of each entity",
    )
    keep_days: int = Field(
        default=30,
        ge=0,
        le=MOST_DAYS,
        description="and all that landed within so many days; see docs/schedules.md",
    )
    keep_run_days: int = Field(
        default=30,
        ge=1,
        le=MOST_DAYS,
        description="and Dagster's runs of ours that ended within so many days, with their events",
    )
    full_after_days: int = Field(
        default=30,
        ge=0,
        le=MOST_DAYS,
        description="the nightly refresh reads all issues of projects that were read in full last "
        "so many days ago, a few each night",
    )
    dagster_url: str = Field(
        default="http://127.0.0.1:3000",
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="where people open Dagster's UI: links to runs begin with it",
    )
    failure_webhook_url: SecretStr | None = Field(
        default=None,
        title="nobody is told",
        description="a webhook that takes Slack's messages: failures are posted to it",
    )
    api_allowed_origins: str = Field(
        default="",
        title="none",
        pattern=_ORIGINS,
        description="web pages that may call the HTTP service: `https://a.example,https://b.example`",
    )

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The origins of ``api_allowed_origins``, one by one."""
        return tuple(part.strip() for part in self.api_allowed_origins.split(",") if part.strip())

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the settings; raises SettingsError, one sentence a variable that is wrong."""
        given = {name: environ.get(variable(name)) for name in cls.model_fields}
        try:
            return cls.model_validate({name: value for name, value in given.items() if value})
        except ValidationError as error:
            raise SettingsError(" ".join(_sentence(each) for each in error.errors())) from None

    @model_validator(mode="after")
    def _owner_needs_a_runtime_role(self) -> Self:
        for name in ("owner_database_url", "api_database_url"):
            if getattr(self, name) and not self.database_url:
                raise SettingsError(
                    f"{variable(name)} is set without {variable('database_url')}: set both, to two "
                    "roles of one database."
                )
        return self


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def document() -> str:
    """Return every setting as a markdown table."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.title or f"`{str(field.default).lower()}`"
        rows.append(f"| `{variable(name)}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def _sentence(error: Mapping[str, Any]) -> str:
    if not error["loc"]:
        return str(error["ctx"]["error"])
    name = str(error["loc"][0])
    return f"{variable(name)} is wrong: {error['msg'][0].lower()}{error['msg'][1:]}."


if __name__ == "__main__":
    sys.stdout.write(document())
