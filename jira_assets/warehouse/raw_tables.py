"""What was read: pages as Jira answered them, and the marker of each landing."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

from jira_assets.warehouse.schema import metadata, now, owner_columns, timestamp

raw_extraction_data = sa.Table(
    "raw_extraction_data",
    metadata,
    sa.Column(
        "extraction_id",
        UUID(as_uuid=True),
        primary_key=True,
        comment="the extraction: the same UUID when a step is retried",
    ),
    sa.Column("entity", sa.Text, primary_key=True, comment="what was extracted"),
    sa.Column("scope", sa.Text, primary_key=True, comment="the part that is read as a whole: site"),
    sa.Column(
        "page",
        sa.Integer,
        primary_key=True,
        autoincrement=False,
        comment="number of the answer, from 0",
    ),
    *owner_columns(),
    sa.Column(
        "request",
        JSONB,
        nullable=False,
        comment="what was asked: path, params; project_id and project_key where it was about one",
    ),
    sa.Column("http_status", sa.SmallInteger, nullable=False, comment="404 or 403: unreadable"),
    sa.Column(
        "payload",
        JSONB(none_as_null=True),
        comment="Jira's answer as it came, less U+0000, which Postgres refuses",
    ),
    now("extracted_at", "when its batch was begun; of the first page: when the reading began"),
    comment="Every answer of Jira, as it came. Counts once its marker is in raw_extractions.",
)

raw_extractions = sa.Table(
    "raw_extractions",
    metadata,
    sa.Column(
        "extraction_id",
        UUID(as_uuid=True),
        primary_key=True,
        comment="the extraction: the same UUID when a step is retried",
    ),
    sa.Column("entity", sa.Text, primary_key=True, comment="what was extracted"),
    sa.Column("scope", sa.Text, primary_key=True, comment="the part that is read as a whole: site"),
    sa.Column(
        "sequence",
        sa.BigInteger,
        sa.Identity(always=True),
        nullable=False,
        comment="breaks a tie of started_at",
    ),
    *owner_columns(),
    sa.Column("pages", sa.Integer, nullable=False, comment="pages that landed"),
    sa.Column("items", sa.BigInteger, nullable=False, comment="objects on those pages"),
    sa.Column(
        "complete_for",
        JSONB,
        nullable=False,
        comment="included and excluded project keys; unreadable: project id to its reason; "
        "window: which of a project's issues were asked for",
    ),
    sa.Column("run_id", sa.Text, comment="the Dagster run that landed it"),
    timestamp("started_at", "when its reading began; orders extractions", nullable=False),
    now("landed_at", "when the marker was written"),
    sa.Column(
        "took",
        JSONB(none_as_null=True),
        comment="what its reading took: calls, retries, answers_429, … (of the last attempt)",
    ),
    sa.Column(
        "is_full",
        sa.Boolean,
        nullable=False,
        server_default=sa.true(),
        comment="holds all of its scope; false: what has changed since the one before it",
    ),
    sa.Index(None, "integration_id", "entity", "scope", sa.text("started_at DESC")),
    comment="The marker: this entity (and scope) of this extraction has landed whole.",
)
