"""Row-level security, on a real server: each table, each scope, and what cannot be crossed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from jira_assets.warehouse.connect import OutOfScopeError, driver_of, engine_for
from jira_assets.warehouse.integrations import Integration
from jira_assets.warehouse.policies import (
    POLICY,
    WITHOUT_POLICY,
    UnprotectedTableError,
    in_scope,
    write_policies,
)
from jira_assets.warehouse.schema import metadata
from jira_assets.warehouse.scope import (
    ScopeError,
    everything,
    within_partitions,
    within_tenants,
)
from jira_assets_tests.conftest import AddIntegration
from jira_assets_tests.warehouse.rows_of_all import PROTECTED, a_row

OF_RUNS = ("run_heartbeats", "failure_reports")
"""By partition key: signs of life and failures of runs, of which a tenant's call sees none."""


@pytest.fixture
def bare(runtime_url: str) -> sa.Engine:
    """The runtime role's engine, of which nobody has said what it may see."""
    return engine_for(runtime_url)


def owners(engine: sa.Engine, name: str) -> set[object]:
    """Return the distinct owners of the rows of a table: whichever column says it best."""
    table = metadata.tables[f"jira.{name}"]
    for column in ("integration_id", "partition_key", "tenant_id", "id"):
        if column in table.c:
            with engine.connect() as connection:
                return set(connection.scalars(sa.select(table.c[column])))
    raise LookupError(name)


# ---------------------------------------------------------------------------- every table


def test_every_table_has_a_policy_or_a_reason(owner_url: str) -> None:
    query = sa.text(
        "SELECT relname, relrowsecurity, polname, polcmd, polroles::text FROM pg_class "
        "LEFT JOIN pg_policy ON polrelid = pg_class.oid "
        "WHERE relnamespace = 'jira'::regnamespace AND relkind IN ('r', 'p') "
        "AND relname <> 'alembic_version'"
    )
    with engine_for(owner_url).connect() as connection:
        found = {row.relname: tuple(row[1:]) for row in connection.execute(query)}
    # For every command, and every role.
    expected = dict.fromkeys(PROTECTED, (True, POLICY, "*", "{0}"))
    assert found == expected | dict.fromkeys(WITHOUT_POLICY, (False, None, None, None))
    assert set(found) == {table.name for table in metadata.tables.values()}


def test_a_table_that_does_not_say_whose_its_rows_are_is_found_out() -> None:
    nobodys = sa.Table("nobodys", sa.MetaData(), sa.Column("id", sa.BigInteger))
    with pytest.raises(UnprotectedTableError, match="WITHOUT_POLICY with the reason"):
        in_scope(nobodys)


def test_a_partition_sees_its_own_rows(
    filled: tuple[Integration, ...], bare: sa.Engine, warehouse: sa.Engine
) -> None:
    for name in PROTECTED:
        cloud = filled[0]
        seen = owners(within_partitions(bare, ["acme/cloud"]), name)
        assert seen
        assert seen < owners(warehouse, name)
        assert seen <= {cloud.id, cloud.tenant_id, cloud.partition_key}


def test_a_tenant_sees_all_its_integrations_and_no_others(
    filled: tuple[Integration, ...], bare: sa.Engine
) -> None:
    for name in PROTECTED:
        cloud, server, _ = filled
        seen = owners(within_tenants(bare, {cloud.tenant_id}), name)
        of_integrations = {cloud.id, server.id}
        if name in OF_RUNS:
            assert seen == set()
        elif name in {"tenants", "api_keys"}:
            assert seen == {cloud.tenant_id}
        else:
            assert seen in ({cloud.tenant_id}, of_integrations)


def test_without_a_scope_a_row_is_an_error_that_says_what_to_do(
    filled: tuple[Integration, ...], bare: sa.Engine
) -> None:
    for name in PROTECTED:
        assert len(filled) == 3
        with pytest.raises(
            OutOfScopeError, match=r"does not say whose rows .*`everything\(.*restart it"
        ):
            owners(bare, name)


def test_a_row_of_another_is_not_written(
    filled: tuple[Integration, ...], bare: sa.Engine, warehouse: sa.Engine
) -> None:
    for name in sorted(set(PROTECTED) - {"tenants", "integrations"}):
        table = metadata.tables[f"jira.{name}"]
        before = owners(warehouse, name)
        mine = within_partitions(bare, ["acme/cloud"])
        for theirs in filled[1:] if name != "api_keys" else filled[2:]:
            row = a_row(table, theirs)
            with (
                pytest.raises(OutOfScopeError, match="belongs to another tenant or integration"),
                mine.begin() as connection,
            ):
                connection.execute(sa.insert(table).values(row))
            with mine.begin() as connection:
                connection.execute(sa.delete(table))
            assert owners(warehouse, name) >= before - {
                filled[0].id,
                filled[0].tenant_id,
                "acme/cloud",
            }


def test_a_row_of_ones_own_integration_and_anothers_tenant_is_not_written(
    filled: tuple[Integration, ...], bare: sa.Engine
) -> None:
    table = metadata.tables["jira.statuses"]
    row = a_row(table, filled[0]) | {"tenant_id": filled[2].tenant_id}
    with (
        pytest.raises(OutOfScopeError, match="Nothing was written"),
        within_partitions(bare, ["acme/cloud"]).begin() as connection,
    ):
        connection.execute(sa.insert(table).values(row))


def test_a_row_is_not_given_away(
    filled: tuple[Integration, ...], bare: sa.Engine, warehouse: sa.Engine
) -> None:
    table = metadata.tables["jira.issues"]
    with (
        pytest.raises(OutOfScopeError),
        within_partitions(bare, ["acme/cloud"]).begin() as connection,
    ):
        connection.execute(sa.update(table).values(integration_id=filled[2].id))
    assert owners(warehouse, "issues") == {each.id for each in filled}


def test_an_admins_key_is_seen_by_who_sees_everything(
    filled: tuple[Integration, ...], bare: sa.Engine, warehouse: sa.Engine
) -> None:
    keys = metadata.tables["jira.api_keys"]
    with warehouse.begin() as connection:
        connection.execute(sa.insert(keys).values(key_id="admin", name="a", secret_hash=b""))
    assert None in owners(warehouse, "api_keys")
    assert owners(within_tenants(bare, {filled[0].tenant_id}), "api_keys") == {filled[0].tenant_id}


# ---------------------------------------------------------------------------- scopes


def test_a_scope_ends_with_its_transaction(
    filled: tuple[Integration, ...], bare: sa.Engine
) -> None:
    narrow = within_partitions(bare, [filled[0].partition_key])
    for engine in (narrow, everything(bare, "a test")):
        with engine.connect() as connection:
            assert owners_on(connection)
            connection.rollback()
            assert owners_on(connection)  # the next transaction tells it again
        # The same session, out of the pool; whoever did not say is refused again.
        with pytest.raises(OutOfScopeError), bare.connect() as connection:
            owners_on(connection)


def owners_on(connection: sa.Connection) -> set[int]:
    return set(connection.scalars(sa.text("SELECT integration_id FROM jira.statuses")))


def test_scopes_in_threads_do_not_meet(filled: tuple[Integration, ...], bare: sa.Engine) -> None:
    def look(each: Integration) -> set[object]:
        engine = within_partitions(bare, [each.partition_key])
        return set().union(*(owners(engine, "statuses") for _ in range(20)))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(look, [*filled] * 4))
    assert found == [{each.id} for each in filled] * 4


def test_the_drivers_own_cursor_is_in_the_scope(
    filled: tuple[Integration, ...], bare: sa.Engine
) -> None:
    with within_partitions(bare, ["acme/cloud"]).connect() as connection:
        rows = driver_of(connection).execute("SELECT integration_id FROM jira.statuses").fetchall()
    assert rows == [(filled[0].id,)]


@pytest.mark.parametrize(
    "widen",
    [
        lambda engine: everything(engine, "a test"),
        lambda engine: within_partitions(engine, ["acme/cloud", "globex/cloud"]),
        lambda engine: within_tenants(engine, {1}),
    ],
)
def test_a_scope_is_not_widened(bare: sa.Engine, widen: Callable[[sa.Engine], sa.Engine]) -> None:
    narrow = within_partitions(bare, ["acme/cloud", "acme/server"])
    assert within_partitions(narrow, ["acme/cloud"]) is not narrow
    with pytest.raises(ScopeError, match="acme/cloud"):
        widen(narrow)


@pytest.mark.parametrize(
    "key", ["acme/cloud,globex/cloud", 'acme/cloud","globex/cloud', "acme/cloud/x"]
)
def test_a_key_that_is_none_is_not_two_and_no_others(
    filled: tuple[Integration, ...], bare: sa.Engine, key: str
) -> None:
    """A run's tags hold what somebody wrote."""
    engine = within_partitions(bare, [key])
    assert len(filled) == 3
    assert [owners(engine, name) for name in ("run_heartbeats", "statuses")] == [set(), set()]


def test_a_tenants_scope_is_not_widened(bare: sa.Engine) -> None:
    of_tenant = within_tenants(bare, {7})
    with pytest.raises(ScopeError, match="the tenants 7"):
        everything(of_tenant, "a test")
    with pytest.raises(ScopeError, match="acme/cloud"):
        within_partitions(of_tenant, ["acme/cloud"])


def test_a_partition_that_is_added_meanwhile_is_seen_from_then_on(
    filled: tuple[Integration, ...], bare: sa.Engine, integration: AddIntegration
) -> None:
    engine = within_partitions(bare, ["acme/cloud", "acme/later"])
    assert owners(engine, "integrations") == {filled[0].tenant_id}
    later = integration("acme/later")
    with engine.connect() as connection:
        ids = set(connection.scalars(sa.text("SELECT id FROM jira.integrations")))
    assert ids == {filled[0].id, later.id}


# ---------------------------------------------------------------------------- plans


def test_a_scope_is_found_once_a_statement_and_indexes_are_used(
    filled: tuple[Integration, ...], bare: sa.Engine
) -> None:
    with within_partitions(bare, ["acme/cloud"]).connect() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        lines = connection.exec_driver_sql(
            "EXPLAIN SELECT name FROM jira.statuses "
            f"WHERE integration_id = {filled[0].id} AND jira_id = '1'"
        ).scalars()
        plan = "\n".join(lines)
    assert "Index Scan using pk_statuses" in plan
    assert f"Index Cond: ((integration_id = {filled[0].id}) AND (jira_id = '1'::text))" in plan
    assert plan.count("\n  InitPlan ") == 2


def test_policies_that_are_there_are_left_alone(owner_url: str) -> None:
    """Writing one takes an exclusive lock: who reads must not wait for a migration that is none."""
    with engine_for(owner_url).begin() as connection:
        oids = sa.text("SELECT array_agg(oid ORDER BY oid) FROM pg_policy")
        before = connection.scalar(oids)
        write_policies(connection)
        assert connection.scalar(oids) == before
        connection.exec_driver_sql("COMMENT ON POLICY rows_in_scope ON jira.statuses IS 'older'")
        connection.exec_driver_sql("ALTER TABLE jira.issues DISABLE ROW LEVEL SECURITY")
        write_policies(connection)
        assert len(set(connection.scalar(oids) or []) - set(before or [])) == 2
