"""Who is served: added, changed, disabled, removed and brought back, purged; and refused."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse import tables
from jira_assets.warehouse.connect import close_engines, lock_integration
from jira_assets.warehouse.heartbeat import beat
from jira_assets.warehouse.integration_settings import DEFAULTS, InvalidIntegrationError
from jira_assets.warehouse.integrations import (
    DisabledIntegrationError,
    Integration,
    IntegrationExistsError,
    UnknownIntegrationError,
    add_integration,
    get_integration,
    list_integrations,
    remove_integration,
    set_active,
    update_integration,
)
from jira_assets.warehouse.job_settings import TEMPLATES
from jira_assets_tests.conftest import AddIntegration, engine_seeing_all

ACME = PartitionKey("acme", "cloud")
URL = "https://acme.atlassian.net"


def keys(found: list[Integration]) -> list[str]:
    return [each.partition_key for each in found]


def test_an_integration_comes_back_as_it_was_added(warehouse: sa.Engine) -> None:
    added = add_integration(
        warehouse,
        ACME,
        base_url="https://jira.acme.com:8443/jira/",
        deployment="data_center",
        username="reader",
        secret_ref="file:/run/secrets/acme",
        custom_field_mappings={"custom_field_01": "customfield_10110"},
        max_concurrency=4,
        requests_per_second=2.5,
        included_projects=["OPS", "DEV", "OPS"],
        excluded_projects=["OLD"],
        ca_bundle=" /etc/ssl/acme.pem ",
    )

    assert get_integration(warehouse, ACME) == added
    assert (added.partition_key, added.tenant, added.slug) == ("acme/cloud", "acme", "cloud")
    assert added.base_url == "https://jira.acme.com:8443/jira"
    assert (added.included_projects, added.excluded_projects) == (("OPS", "DEV"), ("OLD",))
    assert (added.max_concurrency, added.requests_per_second) == (4, 2.5)
    assert added.custom_field_mappings == {"custom_field_01": "customfield_10110"}
    assert added.ca_bundle == "/etc/ssl/acme.pem"
    assert added.active
    assert added.removed_at is None


def test_defaults_are_those_of_the_table(warehouse: sa.Engine, integration: AddIntegration) -> None:
    tenant = integration().tenant_id
    with warehouse.begin() as connection:
        bare = {"tenant_id": tenant, "slug": "bare", "base_url": URL}
        row = connection.execute(
            tables.integrations.insert().values(bare).returning(tables.integrations)
        ).one()
    stored = {name: getattr(row, name) for name in DEFAULTS}
    assert stored == {**DEFAULTS, "included_projects": [], "excluded_projects": []}


def test_integrations_of_one_tenant_share_it(integration: AddIntegration) -> None:
    cloud, server = integration("acme/cloud"), integration("acme/server")
    assert cloud.tenant_id == server.tenant_id
    assert cloud.id != server.id
    assert integration("globex/cloud").tenant_id != cloud.tenant_id


def test_lists_by_key_and_leaves_out_what_was_not_asked_for(
    warehouse: sa.Engine, integration: AddIntegration
) -> None:
    for key in ("globex/cloud", "acme/server", "acme/cloud", "acme/gone"):
        integration(key)
    set_active(warehouse, PartitionKey("acme", "server"), active=False)
    remove_integration(warehouse, PartitionKey("acme", "gone"))

    living = ["acme/cloud", "acme/server", "globex/cloud"]
    assert keys(list_integrations(warehouse)) == living
    assert keys(list_integrations(warehouse, active_only=True)) == ["acme/cloud", "globex/cloud"]
    assert keys(list_integrations(warehouse, removed=True)) == sorted([*living, "acme/gone"])


def test_adding_what_is_there_is_an_error_and_changes_nothing(
    warehouse: sa.Engine, integration: AddIntegration
) -> None:
    before = integration()
    with pytest.raises(IntegrationExistsError, match="integration update acme/cloud"):
        integration(base_url="https://elsewhere.example")
    assert get_integration(warehouse, ACME) == before


def test_two_that_add_the_same_at_once(warehouse: sa.Engine) -> None:
    def add(number: int) -> str:
        try:
            add_integration(warehouse, ACME, base_url=f"{URL}/{number}", auth="none")
        except IntegrationExistsError:
            return "exists"
        return "added"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(add, range(4)))

    assert outcomes == ["added", "exists", "exists", "exists"]
    assert keys(list_integrations(warehouse)) == ["acme/cloud"]


def test_unknown_keys_name_the_nearest(warehouse: sa.Engine, integration: AddIntegration) -> None:
    typo = PartitionKey("acme", "clod")
    with pytest.raises(UnknownIntegrationError, match="nor any other"):
        get_integration(warehouse, typo)
    integration("acme/cloud")
    with pytest.raises(
        UnknownIntegrationError, match=r"no integration acme/clod\. .*: acme/cloud\."
    ):
        get_integration(warehouse, typo)
    with pytest.raises(UnknownIntegrationError, match="integration list"):
        get_integration(warehouse, PartitionKey("zzzzzzzzzzz", "9"))


def test_a_disabled_integration_is_there_but_not_to_be_read(
    warehouse: sa.Engine, integration: AddIntegration
) -> None:
    integration()
    set_active(warehouse, ACME, active=False)
    with pytest.raises(DisabledIntegrationError, match="integration enable acme/cloud"):
        get_integration(warehouse, ACME)
    assert set_active(warehouse, ACME, active=True).active
    assert get_integration(warehouse, ACME).active


# ---------------------------------------------------------------------------- update


def test_update_changes_what_is_given_and_nothing_else(
    warehouse: sa.Engine, integration: AddIntegration
) -> None:
    before = integration(max_concurrency=3, included_projects=["OPS"])

    after = update_integration(warehouse, ACME, max_concurrency=7, requests_per_second=1)

    assert (after.max_concurrency, after.requests_per_second) == (7, 1)
    assert (after.base_url, after.included_projects) == (before.base_url, ("OPS",))
    assert after.updated_at > before.updated_at
    assert get_integration(warehouse, ACME) == after


def test_an_empty_ca_bundle_is_none(warehouse: sa.Engine, integration: AddIntegration) -> None:
    integration(ca_bundle="/etc/ssl/acme.pem")
    assert update_integration(warehouse, ACME, ca_bundle=" ").ca_bundle is None


def test_an_update_to_the_same_writes_nothing(
    warehouse: sa.Engine, integration: AddIntegration
) -> None:
    before = integration(included_projects=["OPS"])
    same = update_integration(
        warehouse, ACME, included_projects=["OPS"], base_url=before.base_url + "/"
    )
    assert same == before == set_active(warehouse, ACME, active=True)


def test_an_update_is_checked_together_with_what_is_there(
    warehouse: sa.Engine, integration: AddIntegration
) -> None:
    integration(included_projects=["OPS"])
    with pytest.raises(InvalidIntegrationError, match="OPS cannot be both"):
        update_integration(warehouse, ACME, excluded_projects=["OPS"])
    with pytest.raises(InvalidIntegrationError, match="auth bearer needs a secret"):
        update_integration(warehouse, ACME, auth="bearer")
    with pytest.raises(UnknownIntegrationError):
        update_integration(warehouse, PartitionKey("acme", "server"), auth="none")


# ---------------------------------------------------------------------------- validation


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"base_url": "acme.atlassian.net"}, "no address of a site"),
        ({"base_url": "ftp://acme.example"}, "no address of a site"),
        ({"base_url": "https://"}, "no address of a site"),
        ({"base_url": "https://acme.example:70000"}, "cannot be read"),
        ({"base_url": "https://acme.example/?x=1"}, "a query"),
        ({"base_url": "https://acme.example/a b"}, "a space"),
        ({"base_url": "https://acme.example/rest/api/3"}, "leave out /rest"),
        ({"deployment": "server"}, "deployment 'server' is none of auto, cloud, data_center"),
        ({"auth": "oauth"}, "auth 'oauth' is none of basic, bearer, none"),
        ({"auth": "basic", "secret_ref": "env:T"}, "auth basic needs a username"),
        ({"auth": "basic", "username": "u"}, "auth basic needs a secret"),
        ({"auth": "bearer"}, "auth bearer needs a secret"),
        ({"max_concurrency": 0}, "at least 1"),
        ({"requests_per_second": 0.0}, "above 0"),
        ({"requests_per_second": float("inf")}, "above 0"),
        ({"ca_bundle": "certs/acme.pem"}, "'certs/acme.pem' is no absolute path"),
        ({"included_projects": ["A B"]}, "'A B' is no project key"),
        ({"excluded_projects": [""]}, "'' is no project key"),
        (
            {"custom_field_mappings": {"custom_field_1": "customfield_1"}},
            "'custom_field_1' is no col",
        ),
        ({"custom_field_mappings": {"custom_field_21": "customfield_1"}}, "no column"),
        (
            {"custom_field_mappings": {"custom_field_01": "Story points"}},
            "'Story points' is no custo",
        ),
        (
            {"custom_field_mappings": {"custom_field_01": "customfield_1x"}},
            "is no custom field's id",
        ),
        (
            {"custom_field_mappings": {f"custom_field_0{n}": "customfield_1" for n in (1, 2)}},
            "customfield_1 is mapped to more than one column",
        ),
        ({"included_projects": ["OPS"], "excluded_projects": ["OPS"]}, "OPS cannot be both"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    warehouse: sa.Engine, integration: AddIntegration, settings: Any, problem: str
) -> None:
    with pytest.raises(InvalidIntegrationError) as refusal:
        integration(**settings)
    assert problem in str(refusal.value)
    assert list_integrations(warehouse) == []


def test_everything_that_is_wrong_is_said_at_once(integration: AddIntegration) -> None:
    with pytest.raises(InvalidIntegrationError) as refusal:
        integration(base_url="nowhere", deployment="server", max_concurrency=0)
    assert len(refusal.value.problems) == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "https://me:hunter2@acme.example"},
        {"auth": "bearer", "secret_ref": "hunter2"},
        {"auth": "bearer", "secret_ref": "token:hunter2"},
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(
    integration: AddIntegration, settings: Any
) -> None:
    with pytest.raises(InvalidIntegrationError) as refusal:
        integration(**settings)
    assert "hunter2" not in str(refusal.value)


# ---------------------------------------------------------------------------- remove and purge


def test_remove_keeps_the_rows_and_adding_again_brings_them_back(
    warehouse: sa.Engine, integration: AddIntegration
) -> None:
    before = integration(included_projects=["OPS"])
    _fill(warehouse, before)

    assert remove_integration(warehouse, ACME) == {}
    for attempt in (get_integration, update_integration, remove_integration):
        with pytest.raises(UnknownIntegrationError, match=r"was removed: .* brings it back"):
            attempt(warehouse, ACME)

    again = integration(base_url="https://new.example")
    assert (again.id, again.tenant_id) == (before.id, before.tenant_id)
    assert (again.base_url, again.included_projects, again.active) == (
        "https://new.example",
        (),
        True,
    )
    assert all(_rows(warehouse, before).values())


def test_purge_deletes_every_row_of_it_and_none_of_others(
    warehouse: sa.Engine, integration: AddIntegration
) -> None:
    gone, kept = integration("acme/cloud"), integration("acme/server")
    for each in (gone, kept):
        _fill(warehouse, each)
    others = _rows(warehouse, kept)

    deleted = remove_integration(warehouse, ACME, purge=True)

    # One row each as `_fill` makes them, and the jobs that an integration comes with.
    jobs = 1 + len(TEMPLATES)
    assert deleted == dict.fromkeys(_rows(warehouse, gone), 1) | {"etl_jobs": jobs}
    assert not any(_rows(warehouse, gone).values())
    assert _rows(warehouse, kept) == others
    assert remove_integration(warehouse, kept.key, purge=True)["tenants"] == 1
    with warehouse.connect() as connection:
        # Roles of the server are of no tenant.
        for table in set(tables.metadata.tables.values()) - {tables.database_roles}:
            left = connection.scalar(sa.select(sa.func.count()).select_from(table))
            assert left == 0, table.name


def test_a_purge_waits_for_merges(
    warehouse: sa.Engine, runtime_url: str, integration: AddIntegration
) -> None:
    found = integration()
    impatient = engine_seeing_all(f"{runtime_url}&options=-clock_timeout%3D100ms")
    with warehouse.begin() as merging:
        lock_integration(merging, found.id)
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            remove_integration(impatient, ACME, purge=True)
    assert remove_integration(impatient, ACME, purge=True)["integrations"] == 1
    close_engines()


def test_a_removed_integration_can_be_purged(
    warehouse: sa.Engine, integration: AddIntegration
) -> None:
    integration()
    remove_integration(warehouse, ACME)
    assert remove_integration(warehouse, ACME, purge=True) == {
        "etl_jobs": len(TEMPLATES),
        "integrations": 1,
        "tenants": 1,
    }
    with pytest.raises(UnknownIntegrationError, match="nor any other"):
        remove_integration(warehouse, ACME, purge=True)


def _fill(warehouse: sa.Engine, of: Integration) -> None:
    """Write one row of ``of`` into every table there is."""
    with warehouse.begin() as connection:
        for table in _tables_with_rows_of_integrations():
            connection.execute(table.insert().values(_row(table, of)))
    beat(warehouse, f"run of {of.partition_key}", of.partition_key)


def _row(table: sa.Table, of: Integration) -> dict[str, Any]:
    row = {}
    for column in table.columns:
        if column.identity is None and not column.nullable and column.server_default is None:
            row[column.name] = _value(column, of)
    return row


def _value(column: sa.Column[Any], of: Integration) -> Any:
    if column.name in {"tenant_id", "integration_id"}:
        return {"tenant_id": of.tenant_id, "integration_id": of.id}[column.name]
    return {
        "UUID": uuid4(),
        "JSONB": {},
        "BOOLEAN": True,
        "DATETIME": sa.func.now(),
        "TEXT": "x",
    }.get(type(column.type).__name__.upper(), 1)


def _tables_with_rows_of_integrations() -> list[sa.Table]:
    return [table for table in tables.metadata.sorted_tables if "integration_id" in table.c]


def _rows(warehouse: sa.Engine, of: Integration) -> dict[str, int]:
    """Count the rows of ``of`` by table, its own row and its heartbeats included."""
    conditions = {
        table: table.c.integration_id == of.id for table in _tables_with_rows_of_integrations()
    }
    conditions[tables.integrations] = tables.integrations.c.id == of.id
    beats = tables.run_heartbeats
    conditions[beats] = beats.c.partition_key == of.partition_key
    with warehouse.connect() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).where(rows)) or 0
            for table, rows in conditions.items()
        }
