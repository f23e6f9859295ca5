"""What goes and what stays of raw data: whatever is there, and whoever is at it meanwhile."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse import retention
from jira_assets.warehouse import retention_sql as sql
from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.contracts import Owner
from jira_assets.warehouse.heartbeat import beat
from jira_assets.warehouse.integrations import remove_integration
from jira_assets.warehouse.landing import (
    land,
    newest_sources,
    sources_of_extraction,
)
from jira_assets.warehouse.merge import merge
from jira_assets.warehouse.pages_in_turn import PrunedExtractionError
from jira_assets.warehouse.reading_leases import take
from jira_assets.warehouse.retention import KeepRule, PruneReport, preview, prune
from jira_assets.warehouse.tables import (
    applied_extractions,
    etl_job_queue,
    job_requests,
    raw_extraction_data,
    raw_extractions,
    rejected_records,
    run_heartbeats,
)
from jira_assets_tests.warehouse.data import add_owner, mark, page, reading, snapshot, status
from jira_assets_tests.warehouse.retention_data import (
    MONTH,
    NEWEST_ONLY,
    PAGES,
    Past,
    days_ago,
    keys,
    left_keys,
    left_pages,
    put,
    wipe,
)

TRANSFORMED = ("completed", "superseded", "dropped")
STATES = (*TRANSFORMED, "failed", "pending", "published", "received", "launched")
PASTS = st.lists(
    st.builds(
        Past,
        entity=st.sampled_from(["statuses", "projects"]),
        days_old=st.sampled_from([1, 29, 31, 400]),
        state=st.sampled_from([*TRANSFORMED] * 4 + list(STATES)),
        applied=st.sampled_from([True, False, False, False]),
        alive=st.sampled_from([True, False, False, False]),
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda past: past.extraction_id,
)
RULES = st.builds(
    KeepRule, extractions=st.integers(1, 3), days=st.sampled_from([0, 30]), dead_after=st.just(60.0)
)


@pytest.fixture
def owner(warehouse: sa.Engine) -> Owner:
    return add_owner(warehouse)


def stays(past: Past, pasts: Sequence[Past], rule: KeepRule) -> bool:
    """The rule once more, in plain Python; the last of ``pasts`` is the newest."""
    newer = [each for each in pasts[pasts.index(past) + 1 :] if each.entity == past.entity]
    return (
        len(newer) < rule.extractions
        or past.days_old < rule.days
        or past.applied
        or past.alive
        or past.state not in TRANSFORMED
    )


@settings(
    max_examples=40,
    deadline=None,
    # Without shrinking: against a database that takes minutes, and ten landings can be read.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pasts=PASTS, rule=RULES)
def test_exactly_what_the_rule_keeps_is_left(
    warehouse: sa.Engine, owner: Owner, pasts: list[Past], rule: KeepRule
) -> None:
    wipe(warehouse)
    put(warehouse, owner, *pasts)
    foreseen = preview(warehouse, rule)
    assert left_keys(warehouse, raw_extractions) == keys(pasts)

    report = prune(warehouse, rule)

    kept = keys(past for past in pasts if stays(past, pasts, rule))
    assert left_keys(warehouse, raw_extractions) == kept
    assert left_keys(warehouse, etl_job_queue) == kept
    assert left_pages(warehouse) == dict.fromkeys(kept, PAGES)
    assert report == foreseen
    gone = len(pasts) - len(kept)
    assert (report.total.landings, report.total.pages) == (gone, gone * PAGES)
    assert (report.total.size > 0) is (gone > 0)
    assert prune(warehouse, rule) == PruneReport()


def test_each_integration_keeps_its_own(warehouse: sa.Engine, owner: Owner) -> None:
    other = add_owner(warehouse, "globex/jira")
    ours, theirs = [Past() for _ in range(4)], [Past() for _ in range(3)]
    put(warehouse, owner, *ours)
    put(warehouse, other, *theirs)
    report = prune(warehouse, MONTH)
    assert left_keys(warehouse, raw_extractions) == keys(ours[2:] + theirs[1:])
    assert [(each.partition_key, each.landings) for each in report.integrations] == [
        ("acme/cloud", 2),
        ("globex/jira", 1),
    ]


def test_a_disabled_and_a_removed_integration_are_pruned_too(
    warehouse: sa.Engine, owner: Owner
) -> None:
    put(warehouse, owner, *(Past() for _ in range(3)))
    remove_integration(warehouse, PartitionKey.parse(owner.partition_key))
    assert prune(warehouse, MONTH).total.landings == 1


def test_what_was_set_aside_goes_with_its_extraction(warehouse: sa.Engine, owner: Owner) -> None:
    old, new = Past(), Past()
    put(warehouse, owner, old, new)
    with warehouse.begin() as connection:
        for past in (old, new):
            row = {
                "tenant_id": owner.tenant_id,
                "integration_id": owner.integration_id,
                "extraction_id": past.extraction_id,
                "entity": past.entity,
                "table_name": "statuses",
                "reason": "no name",
            }
            connection.execute(sa.insert(rejected_records).values(row))
    prune(warehouse, NEWEST_ONLY)
    assert left_keys(warehouse, rejected_records) == keys([new])


def test_many_markers_and_pages_go_in_batches(
    warehouse: sa.Engine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("MARKERS_AT_ONCE", 2), ("PAGES_AT_ONCE", 2), ("_LISTED", 3)):
        monkeypatch.setattr(retention, name, size)
    pasts = [Past() for _ in range(8)]
    put(warehouse, owner, *pasts)
    assert prune(warehouse, NEWEST_ONLY).total.pages == 7 * PAGES
    assert left_pages(warehouse) == {(pasts[-1].extraction_id, "statuses"): PAGES}


# --------------------------------------------------------------------------- what never landed


def leave_unfinished(engine: sa.Engine, owner: Owner, days: float) -> None:
    """Leave the pages of a reading that broke off so long ago."""
    broken = reading(owner, [page(0, [])], entity="project_statuses", extraction_id=uuid4())
    land(engine, broken, run_id=None)
    with engine.begin() as connection:
        for table in (raw_extractions, etl_job_queue):
            mine = table.c.extraction_id == broken.extraction_id
            connection.execute(sa.delete(table).where(mine))
        mine = raw_extraction_data.c.extraction_id == broken.extraction_id
        aged = sa.update(raw_extraction_data).where(mine).values(extracted_at=days_ago(days))
        connection.execute(aged)


@pytest.mark.parametrize(
    ("rule", "days", "goes"),
    [(MONTH, 1.1, True), (MONTH, 0.9, False), (NEWEST_ONLY, 1.1, True), (NEWEST_ONLY, 0.9, False)],
)
def test_pages_that_never_landed_go_when_nobody_can_retry_them(
    warehouse: sa.Engine, owner: Owner, rule: KeepRule, days: float, *, goes: bool
) -> None:
    leave_unfinished(warehouse, owner, days)
    foreseen = preview(warehouse, rule)
    report = prune(warehouse, rule)
    assert report == foreseen
    assert (report.total.unfinished, report.total.pages) == (goes, goes)
    assert len(left_pages(warehouse)) == (not goes)


def test_while_an_integration_is_read_its_unfinished_pages_stay(
    warehouse: sa.Engine, owner: Owner
) -> None:
    leave_unfinished(warehouse, owner, 31)
    beat(warehouse, "run")
    assert take(warehouse, owner, "run", dead_after=60) is not None
    assert prune(warehouse, MONTH) == PruneReport()
    with warehouse.begin() as connection:
        connection.execute(sa.update(run_heartbeats).values(heartbeat_at=days_ago(0.01)))
    assert prune(warehouse, MONTH).total.unfinished == 1


def test_a_pruning_that_was_killed_is_taken_up(
    warehouse: sa.Engine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    old, new = Past(), Past()
    put(warehouse, owner, old, new)
    with monkeypatch.context() as patched:
        patched.setattr(retention, "_delete_pages", killed)
        with pytest.raises(KeyboardInterrupt):
            prune(warehouse, NEWEST_ONLY)
    assert left_keys(warehouse, raw_extractions) == keys([new])
    assert left_keys(warehouse, raw_extraction_data) == keys([old, new])
    assert prune(warehouse, NEWEST_ONLY).total.unfinished == 1
    assert left_keys(warehouse, raw_extraction_data) == keys([new])


# --------------------------------------------------------------------------- beside others


def test_who_reads_a_pruned_extraction_is_told_and_merges_nothing_of_it(
    warehouse: sa.Engine, owner: Owner
) -> None:
    old, new = Past(), Past()
    put(warehouse, owner, old, new)
    found = sources_of_extraction(warehouse, owner, old.extraction_id, ["statuses"])
    prune(warehouse, NEWEST_ONLY)
    with pytest.raises(PrunedExtractionError, match="was pruned meanwhile; nothing was changed"):
        list(found["statuses"].pages())
    assert len(list(newest_sources(warehouse, owner, ["statuses"])["statuses"].pages())) == PAGES


def test_what_was_pruned_before_the_merge_is_not_merged(warehouse: sa.Engine, owner: Owner) -> None:
    old = mark(warehouse, owner, "statuses")
    put(warehouse, owner, Past())
    made = snapshot(owner, "statuses", [status("1")], [old])
    with warehouse.begin() as connection:
        connection.execute(sa.update(etl_job_queue).values(state="completed"))
    assert prune(warehouse, NEWEST_ONLY).total.landings == 1
    with pytest.raises(PrunedExtractionError):
        merge(warehouse, made, force=True)
    assert left_keys(warehouse, applied_extractions) == set()


def test_what_a_merge_applies_meanwhile_stays(
    warehouse: sa.Engine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between finding and deleting, somebody replays what was found."""
    old, new = Past(), Past()
    put(warehouse, owner, old, new)
    landing = sources_of_extraction(warehouse, owner, old.extraction_id, ["statuses"])
    made = snapshot(owner, "statuses", [status("1")], [landing["statuses"].landing])
    unmark = retention._unmark

    def late(*arguments: object) -> object:
        merge(warehouse, made, force=True)
        return unmark(*arguments)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(retention, "_unmark", late)
    assert prune(warehouse, NEWEST_ONLY) == PruneReport()
    assert left_keys(warehouse, raw_extractions) == keys([old, new])


def test_an_integration_that_is_purged_meanwhile_is_passed_over(
    warehouse: sa.Engine, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = add_owner(warehouse, "globex/jira")
    for each in (owner, other):
        put(warehouse, each, Past(), Past())
    unmark = retention._unmark

    def late(engine: sa.Engine, integration_id: int, *rest: object) -> object:
        if integration_id == owner.integration_id:
            remove_integration(engine, PartitionKey.parse(owner.partition_key), purge=True)
        return unmark(engine, integration_id, *rest)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(retention, "_unmark", late)
    said: list[str] = []
    report = prune(warehouse, NEWEST_ONLY, log=said.append)
    assert [each.partition_key for each in report.integrations] == ["globex/jira"]
    assert "acme/cloud: integration" in said[0]
    assert "was purged meanwhile" in said[0]


# --------------------------------------------------------------------------- in a large table

FILL = sa.text(
    """
    INSERT INTO jira.raw_extraction_data (
        extraction_id, entity, scope, page, tenant_id, integration_id, request, http_status,
        payload, extracted_at
    )
    SELECT md5(part::text)::uuid, 'statuses', 'site', page, :tenant_id, :integration_id, '{}', 200,
        jsonb_build_array(repeat('x', 200)), clock_timestamp()
    FROM generate_series(1, 50) AS part, generate_series(0, 399) AS page
    """
)


@pytest.mark.parametrize("analyzed", [False, True])
def test_no_statement_reads_all_pages(
    warehouse: sa.Engine, owner: Owner, *, analyzed: bool, owner_url: str
) -> None:
    landed = {"integration_id": owner.integration_id, **MONTH.landed()}
    part = {"extraction_id": uuid4(), "entity": "statuses", "scope": "site"}
    statements = [
        (sql.FIND_UNFINISHED, MONTH.unfinished()),
        (sql.MEASURE_UNFINISHED, MONTH.unfinished()),
        (sql.FIND_EXPENDABLE, {"most": 10_000, **landed}),
        (sql.MEASURE_EXPENDABLE, landed),
        (sql.DELETE_PAGES, {"last": -1, "most": 500, **part}),
    ]
    ids = {"tenant_id": owner.tenant_id, "integration_id": owner.integration_id}
    with warehouse.begin() as connection:
        connection.execute(FILL, ids)
    if analyzed:
        with engine_for(owner_url).begin() as connection:
            connection.exec_driver_sql("ANALYZE jira.raw_extraction_data")
    with warehouse.connect() as connection:
        for statement, asked in statements:
            explained = sa.text(f"EXPLAIN {statement.text}")
            plan = "\n".join(connection.scalars(explained, asked))
            assert "raw_extraction_data" in plan or statement is sql.FIND_EXPENDABLE
            assert "Seq Scan on raw_extraction_data" not in plan, plan


# --------------------------------------------------------------------------- bookkeeping


def test_old_rows_of_bookkeeping_that_are_over_go(warehouse: sa.Engine, owner: Owner) -> None:
    with warehouse.begin() as connection:
        for run, finished, beaten in (
            ("old", days_ago(31), days_ago(31)),
            ("young", days_ago(29), days_ago(29)),
            ("killed", None, days_ago(31)),
        ):
            row = {"run_id": run, "finished_at": finished, "heartbeat_at": beaten}
            connection.execute(sa.insert(run_heartbeats).values(row))
        for state, days in (("landed", 31), ("failed", 31), ("landed", 29), ("queued", 31)):
            request = {
                "request_id": uuid4(),
                "tenant_id": owner.tenant_id,
                "integration_id": owner.integration_id,
                "job_name": "jira_metadata",
                "state": state,
                "finished_at": None if state == "queued" else days_ago(days),
            }
            connection.execute(sa.insert(job_requests).values(request))
    foreseen = preview(warehouse, MONTH)
    report = prune(warehouse, MONTH)
    assert report == foreseen
    assert report.records == {"run_heartbeats": 1, "job_requests": 2}
    with warehouse.connect() as connection:
        runs = set(connection.scalars(sa.select(run_heartbeats.c.run_id)))
        states = sorted(connection.scalars(sa.select(job_requests.c.state)))
    assert runs == {"young", "killed"}
    assert states == ["landed", "queued"]
