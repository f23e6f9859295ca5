"""Who is served, and who may ask: tenants, their integrations, keys of the HTTP service."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from jira_assets.warehouse.schema import metadata, now, one_of, timestamp

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="ours"),
    sa.Column("slug", sa.Text, nullable=False, unique=True, comment="immutable; left of the slash"),
    now("created_at", "when the tenant was added"),
    comment="A tenant is a customer.",
)

integrations = sa.Table(
    "integrations",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="ours"),
    sa.Column(
        "tenant_id",
        sa.BigInteger,
        sa.ForeignKey(tenants.c.id),
        nullable=False,
        comment="tenants.id",
    ),
    sa.Column("slug", sa.Text, nullable=False, comment="immutable; right of the slash"),
    sa.Column("base_url", sa.Text, nullable=False, comment="the site, with its context path"),
    sa.Column(
        "deployment",
        sa.Text,
        nullable=False,
        server_default="auto",
        comment="auto: found out by /serverInfo; cloud; data_center",
    ),
    sa.Column(
        "auth", sa.Text, nullable=False, server_default="basic", comment="basic, bearer or none"
    ),
    sa.Column("username", sa.Text, comment="e-mail or user name for basic auth"),
    sa.Column("secret_ref", sa.Text, comment="where the secret is: env:NAME or file:/path"),
    sa.Column(
        "custom_field_mappings",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="custom_field_01 to customfield_10110, and so on",
    ),
    sa.Column(
        "max_concurrency",
        sa.Integer,
        nullable=False,
        server_default="10",
        comment="calls at once, at most",
    ),
    sa.Column("requests_per_second", sa.Double, comment="null: no limit of our own"),
    sa.Column(
        "included_projects",
        ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="project keys; empty: all",
    ),
    sa.Column(
        "excluded_projects",
        ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="project keys",
    ),
    sa.Column(
        "active",
        sa.Boolean,
        nullable=False,
        server_default=sa.true(),
        comment="whether it has a partition",
    ),
    timestamp("removed_at", "set by `integration remove`; the rows stay until --purge"),
    now("created_at", "when the integration was added"),
    now("updated_at", "when its settings last changed"),
    sa.Column(
        "ca_bundle",
        sa.Text,
        comment="path of a PEM file, on the machine that reads Jira, of a private CA",
    ),
    sa.UniqueConstraint("tenant_id", "slug"),
    one_of("deployment", "auto", "cloud", "data_center"),
    one_of("auth", "basic", "bearer", "none"),
    sa.CheckConstraint("max_concurrency >= 1", name="max_concurrency"),
    sa.CheckConstraint("requests_per_second > 0", name="requests_per_second"),
    comment="An integration is one Jira site of one tenant.",
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True, comment="the part of the key that is no secret"),
    sa.Column(
        "tenant_id",
        sa.BigInteger,
        sa.ForeignKey(tenants.c.id),
        comment="tenants.id: all that it may see; null for an admin's key",
    ),
    sa.Column("name", sa.Text, nullable=False, comment="whose it is, or what for"),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the secret part"),
    now("created_at", "when it was made"),
    timestamp("revoked_at", "from then on it opens nothing"),
    comment="Bearer keys of the HTTP service. The secret itself is shown once and kept nowhere.",
)
