"""Which roles of the server may see what: the table that the policies themselves read."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from jira_assets.warehouse.schema import metadata, now, one_of

ROLE_KINDS: Final = ("runtime", "api", "reader")

database_roles = sa.Table(
    "database_roles",
    metadata,
    sa.Column("role_name", sa.Text, primary_key=True, comment="the role of the server"),
    sa.Column(
        "kind",
        sa.Text,
        nullable=False,
        comment="runtime: sees what its transaction asks for; api: the same, but never all tenants "
        "at once; reader: reads, and need not ask",
    ),
    sa.Column(
        "tenant_ids", ARRAY(sa.BigInteger), comment="of a reader: tenants.id of each; null: all"
    ),
    now("registered_at", "when `migrate` first wrote it"),
    one_of("kind", *ROLE_KINDS),
    comment="Which roles may see what, written by `migrate`. Others are refused, in words.",
)
