"""What a night reads of issues: what is new, and now and then all of a project."""

from pathlib import Path

import sqlalchemy as sa

from jira_assets.extract.assets import READ_STEP
from jira_assets.jobs.schedules import night_request
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.tables import raw_extractions
from jira_assets_tests.extract import runs
from jira_assets_tests.extract.runs import KEY
from jira_assets_tests.warehouse.retention_data import days_ago


def test_a_night_reads_in_full_once_what_was_not_for_long(
    warehouse: sa.Engine, runtime_url: str, tmp_path: Path
) -> None:
    site = synthetic_site(projects=2, issues=4, custom_fields=2, seed=3)
    markers = raw_extractions.c
    old, young = sorted(site.state.projects)
    steps = {READ_STEP: {"full_after_days": 30}}
    night = night_request(str(KEY), "2026-03-01", steps).run_config

    with SandboxServer(site) as server, runs.ephemeral_instance() as instance:
        add_integration(warehouse, KEY, base_url=server.url, auth="none")
        resources = runs.resources(runtime_url, tmp_path)

        def landed() -> dict[str, bool]:
            """Let a night pass in which all issues have changed; what landed, and whether whole."""
            for issue in site.state.issues:
                site.change_issue(issue, summary="Changed")
            assert runs.materialize(instance, resources, ["issues"], night).success
            newest = sa.select(markers.scope, markers.is_full).order_by(markers.sequence.desc())
            with warehouse.connect() as connection:
                rows = connection.execute(newest.limit(2)).all()
            return {row.scope: row.is_full for row in rows}

        assert landed() == {old: True, young: True}, "never read before"
        assert landed() == {old: False, young: False}
        age = sa.update(raw_extractions).where(markers.scope == old, markers.is_full)
        with warehouse.begin() as connection:
            connection.execute(age.values(started_at=days_ago(40)))
        assert landed() == {old: True, young: False}
        assert landed() == {old: False, young: False}
