"""The tables that issues bring, and how far each project's issues have been read.

Decisions this module embodies:

* An issue is its numeric id: its key changes when it, or its project, moves.
* A mapped custom field is text in a column of its own, so that it can be indexed and joined; every
  other one is in ``custom_fields``, under Jira's id of the field, as it came.
* A change of an issue is one row an item: one history of Jira changes several fields at once.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from jira_assets.warehouse.contracts import MAPPED_COLUMNS
from jira_assets.warehouse.schema import data_table, metadata, now, timestamp

projects_custom_fields = data_table(
    "projects_custom_fields",
    ["project_jira_id", "custom_field_jira_id"],
    sa.Column("filled", sa.Integer, nullable=False, comment="issues that have a value in it"),
    sa.Column("sampled", sa.Integer, nullable=False, comment="issues that were looked at"),
    comment="Which custom fields a project uses, as its newest issues show.",
)

issues = data_table(
    "issues",
    ["jira_id"],
    sa.Column("key", sa.Text, nullable=False, comment="may change: the id is the key to it"),
    sa.Column(
        "earlier_keys",
        ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="keys that it had before it, or its project, moved; sorted",
    ),
    sa.Column("project_jira_id", sa.Text, nullable=False, comment="projects.jira_id"),
    sa.Column("issue_type_jira_id", sa.Text, comment="issue_types.jira_id"),
    sa.Column("status_jira_id", sa.Text, comment="statuses.jira_id"),
    sa.Column("summary", sa.Text, comment="null where there is none"),
    sa.Column("description", sa.Text, comment="its words, whatever form it came in"),
    sa.Column(
        "description_document",
        JSONB(none_as_null=True),
        comment="as it came: an Atlassian document (Cloud) or wiki text (Data Center)",
    ),
    sa.Column("assignee_jira_id", sa.Text, comment="accountId on Cloud, user key on Data Center"),
    sa.Column("assignee_name", sa.Text, comment="display name"),
    sa.Column("reporter_jira_id", sa.Text, comment="accountId on Cloud, user key on Data Center"),
    sa.Column("reporter_name", sa.Text, comment="display name"),
    sa.Column("priority_jira_id", sa.Text, comment="priority.id"),
    sa.Column("priority_name", sa.Text, comment="in the language of the reading account"),
    sa.Column("resolution_jira_id", sa.Text, comment="resolution.id; null: unresolved"),
    sa.Column("resolution_name", sa.Text, comment="in the language of the reading account"),
    sa.Column("parent_jira_id", sa.Text, comment="issues.jira_id of its parent"),
    sa.Column(
        "labels", ARRAY(sa.Text), nullable=False, server_default="{}", comment="as they came"
    ),
    *(
        sa.Column(
            name,
            JSONB(none_as_null=True),
            nullable=False,
            server_default="[]",
            comment=f"{what}: a list of objects with id and name",
        )
        for name, what in (
            ("components", "its components"),
            ("versions", "the versions that it affects"),
            ("fix_versions", "the versions that it is fixed in"),
        )
    ),
    timestamp("jira_created_at", "when it was created in Jira"),
    timestamp("jira_updated_at", "when Jira last changed it"),
    timestamp("resolved_at", "when it was resolved; null: it is not"),
    *(
        sa.Column(name, sa.Text, comment="integrations.custom_field_mappings says which field")
        for name in MAPPED_COLUMNS
    ),
    sa.Column(
        "custom_fields",
        JSONB(none_as_null=True),
        nullable=False,
        server_default="{}",
        comment="the other custom fields that have a value, by custom_fields.jira_id, as they came",
    ),
    sa.Column(
        "mistyped_fields",
        ARRAY(sa.Text),
        comment="mapped fields whose value does not fit their column: it is in custom_fields",
    ),
    sa.Index(None, "integration_id", "project_jira_id"),
    sa.Index(
        "ix_issues_mistyped",
        "integration_id",
        postgresql_where=sa.text("mistyped_fields IS NOT NULL"),
    ),
    comment="Jira's issues.",
)

issue_changelogs = data_table(
    "issue_changelogs",
    ["history_jira_id"],
    sa.Column(
        "item",
        sa.Integer,
        primary_key=True,
        autoincrement=False,
        comment="which of the items of its history, from 0",
    ),
    sa.Column("issue_jira_id", sa.Text, nullable=False, comment="issues.jira_id"),
    timestamp("changed_at", "when it was changed in Jira"),
    sa.Column("author_jira_id", sa.Text, comment="accountId on Cloud, user key on Data Center"),
    sa.Column("author_name", sa.Text, comment="display name"),
    sa.Column("field", sa.Text, comment="the field's name; null: a history without items"),
    sa.Column("field_id", sa.Text, comment="the field's id, where Jira tells it (Cloud)"),
    sa.Column("field_type", sa.Text, comment="jira or custom"),
    sa.Column("from_value", sa.Text, comment="the old value as Jira stores it, e.g. an id"),
    sa.Column("from_string", sa.Text, comment="the old value in words"),
    sa.Column("to_value", sa.Text, comment="the new value as Jira stores it, e.g. an id"),
    sa.Column("to_string", sa.Text, comment="the new value in words"),
    sa.Index(None, "integration_id", "issue_jira_id"),
    comment="What was changed in issues: one row an item of a history.",
)

issue_watermarks = sa.Table(
    "issue_watermarks",
    metadata,
    sa.Column(
        "integration_id",
        sa.BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="integrations.id",
    ),
    sa.Column("project_jira_id", sa.Text, primary_key=True, comment="projects.jira_id"),
    sa.Column("tenant_id", sa.BigInteger, nullable=False, comment="tenants.id"),
    sa.Column("project_key", sa.Text, nullable=False, comment="its key when it was last read"),
    timestamp(
        "read_until",
        "everything that Jira changed before this has landed, by Jira's clock; null: nothing yet",
    ),
    timestamp("full_read_at", "when the reading began that last read all of its issues"),
    sa.Column(
        "mapped",
        JSONB(none_as_null=True),
        nullable=False,
        server_default="{}",
        comment="the mapped fields it was read with: column to id and type of the field",
    ),
    sa.Column("unreadable", sa.Text, comment="why its issues could not be read; null: they were"),
    sa.Column(
        "withheld_deletions",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="issues that the last sweep did not find and that were kept: half the project",
    ),
    now("updated_at", "last change of this row"),
    timestamp(
        "idle_until",
        "since it was read nothing has changed until then, as the site's project list said",
    ),
    comment="How far each project's issues have been read.",
)
