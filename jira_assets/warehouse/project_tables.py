"""What Jira has around issues: projects, their types and statuses, fields."""

import sqlalchemy as sa

from jira_assets.warehouse.schema import data_table

projects = data_table(
    "projects",
    ["jira_id"],
    sa.Column("key", sa.Text, nullable=False, comment="may change: the id is the key to it"),
    sa.Column("name", sa.Text, nullable=False, comment="as it came, leading spaces included"),
    sa.Column("description", sa.Text, comment="null where there is none"),
    sa.Column("project_type_key", sa.Text, comment="software, service_desk, business, …"),
    sa.Column("style", sa.Text, comment="classic or next-gen (team-managed); Cloud only"),
    sa.Column("is_private", sa.Boolean, comment="Cloud only"),
    sa.Column("archived", sa.Boolean, comment="null where the site does not say"),
    sa.Column("category_jira_id", sa.Text, comment="projectCategory.id"),
    sa.Column("category_name", sa.Text, comment="projectCategory.name"),
    sa.Column("lead_jira_id", sa.Text, comment="accountId on Cloud, user key on Data Center"),
    sa.Column("lead_name", sa.Text, comment="display name"),
    comment="Jira's projects.",
)

issue_types = data_table(
    "issue_types",
    ["jira_id"],
    sa.Column("name", sa.Text, nullable=False, comment="in the language of the reading account"),
    sa.Column("untranslated_name", sa.Text, comment="Cloud only"),
    sa.Column("description", sa.Text, comment="null where there is none"),
    sa.Column("subtask", sa.Boolean, nullable=False, comment="whether it is a sub-task type"),
    sa.Column("hierarchy_level", sa.Integer, comment="1 epic, 0 standard, -1 sub-task; Cloud only"),
    sa.Column("project_jira_id", sa.Text, comment="the scope of a team-managed type"),
    comment="Jira's issue types.",
)

statuses = data_table(
    "statuses",
    ["jira_id"],
    sa.Column("name", sa.Text, nullable=False, comment="repeats under different ids: the id is it"),
    sa.Column("untranslated_name", sa.Text, comment="Cloud only"),
    sa.Column("description", sa.Text, comment="null where there is none"),
    sa.Column(
        "category",
        sa.Text,
        nullable=False,
        comment="the category's key: new, indeterminate, done, undefined",
    ),
    sa.Column("category_name", sa.Text, comment="in the language of the reading account"),
    sa.Column("project_jira_id", sa.Text, comment="the scope of a team-managed status"),
    comment="Jira's statuses.",
)

projects_issue_types = data_table(
    "projects_issue_types",
    ["project_jira_id", "issue_type_jira_id"],
    comment="Which issue types a project has.",
)

projects_statuses = data_table(
    "projects_statuses",
    ["project_jira_id", "status_jira_id"],
    comment="Which statuses a project uses, in any of its issue types.",
)

projects_issue_types_statuses = data_table(
    "projects_issue_types_statuses",
    ["project_jira_id", "issue_type_jira_id", "status_jira_id"],
    comment="Which statuses each issue type of a project uses: Jira's full answer.",
)

custom_fields = data_table(
    "custom_fields",
    ["jira_id"],
    sa.Column("name", sa.Text, nullable=False, comment="repeats under different ids: the id is it"),
    sa.Column("untranslated_name", sa.Text, comment="Cloud only"),
    sa.Column("type", sa.Text, comment="schema.type: string, number, array, option, any, …"),
    sa.Column("item_type", sa.Text, comment="schema.items: of an array, the type of what it holds"),
    sa.Column("custom_type", sa.Text, comment="schema.custom: the key of the kind of field"),
    sa.Column("project_jira_id", sa.Text, comment="the scope of a team-managed field"),
    comment="Jira's custom fields. Its system fields, the same everywhere, are in raw only.",
)
