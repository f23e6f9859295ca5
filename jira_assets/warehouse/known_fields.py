"""The custom fields of one integration as a person chooses among them: which, and how much used."""

from dataclasses import dataclass

import sqlalchemy as sa

from jira_assets.warehouse.tables import custom_fields, projects_custom_fields


@dataclass(frozen=True)
class KnownField:
    """A living custom field, and what the newest samples of its projects' issues hold of it."""

    jira_id: str
    name: str
    type: str | None
    """As Jira tells it; ``array of option`` for a list of options."""
    projects: int
    """How many projects use it."""
    filled: int
    """In how many of the sampled issues of these projects it has a value."""
    sampled: int


def known_fields(engine: sa.Engine, integration_id: int) -> list[KnownField]:
    """Return the living custom fields of an integration, those with the most values first.

    Empty where ``fields`` was never read.
    """
    each, use = custom_fields.c, projects_custom_fields.c
    is_used = sa.and_(
        use.integration_id == each.integration_id,
        use.custom_field_jira_id == each.jira_id,
        use.deleted_at.is_(None),
    )
    filled = sa.func.coalesce(sa.func.sum(use.filled), 0).label("filled")
    query = (
        sa.select(
            each.jira_id,
            each.name,
            (each.type + sa.func.coalesce(" of " + each.item_type, "")).label("type"),
            sa.func.count(use.project_jira_id).label("projects"),
            filled,
            sa.func.coalesce(sa.func.sum(use.sampled), 0).label("sampled"),
        )
        .select_from(custom_fields.outerjoin(projects_custom_fields, is_used))
        .where(each.integration_id == integration_id, each.deleted_at.is_(None))
        .group_by(each.integration_id, each.jira_id)
        .order_by(filled.desc(), each.jira_id)
    )
    with engine.connect() as connection:
        return [KnownField(**row) for row in connection.execute(query).mappings()]
