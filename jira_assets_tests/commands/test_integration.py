"""`jira-assets integration`: every subcommand, on the real tables."""

from typing import Any

import pytest
import sqlalchemy as sa

from jira_assets.sandbox.credentials import Credentials
from jira_assets.sandbox.faults import Fault
from jira_assets.warehouse.tables import (
    DATA_TABLES,
    database_roles,
    integrations,
    metadata,
    tenants,
)
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, Shell, rows, scalar

SITE = "https://globex.atlassian.net"
CANARY = "canary-c2f0aa"


def integration_row(engine: sa.Engine) -> Any:
    (row,) = rows(engine, sa.select(integrations))
    return row


def test_add_makes_the_tenant_and_keeps_every_setting(shell: Shell, warehouse: sa.Engine) -> None:
    typed = shell(
        *("integration", "add", "globex/cloud", "--base-url", f"{SITE}/", "--auth", "basic"),
        *("--username", "bot@globex.example", "--secret", "env:GLOBEX", "--deployment", "cloud"),
        *("--max-concurrency", "4", "--requests-per-second", "2.5"),
        *("--include", "A,B", "--include", "C", "--exclude", "D"),
    )
    assert typed.code == 0, typed.said
    assert f"added globex/cloud: {SITE}, deployment cloud, auth basic, 4 at once, 2.5/s, " in (
        typed.said
    )
    assert "projects: A, B, C but D" in typed.said
    assert "integration test globex/cloud" in typed.said
    assert "one that runs already knows GLOBEX only if it was started with it" in typed.said
    row = integration_row(warehouse)
    assert (row.base_url, row.deployment, row.auth) == (SITE, "cloud", "basic")
    assert (row.username, row.secret_ref) == ("bot@globex.example", "env:GLOBEX")
    assert (row.max_concurrency, row.requests_per_second) == (4, 2.5)
    assert (row.included_projects, row.excluded_projects) == (["A", "B", "C"], ["D"])
    assert rows(warehouse, sa.select(tenants.c.slug)) == [("globex",)]


@pytest.mark.parametrize(
    ("given", "said", "code"),
    [
        (["--base-url", "ftp://globex"], "'ftp://globex' is no address of a site", 1),
        (["--base-url", "http://globex.example", "--auth", "none"], "ALLOW_PLAIN_HTTP=true", 1),
        (["--base-url", "https://169.254.169.254", "--auth", "none"], "ALLOW_LINK_LOCAL=true", 1),
        (["--base-url", SITE, "--auth", "basic"], "auth basic needs a username", 1),
        (
            ["--base-url", SITE, "--username", "a:b", "--secret", "env:A"],
            "a user name without a colon",
            1,
        ),
        (
            ["--base-url", SITE, "--auth", "bearer", "--secret", CANARY],
            "and not the secret itself",
            1,
        ),
        (["--base-url", SITE, "--auth", "none", "--max-concurrency", "0"], "1<=x<=1000", 2),
        (["--base-url", SITE, "--auth", "none", "--ca-bundle", "ca.pem"], "no absolute path", 1),
    ],
)
def test_add_refuses_what_cannot_be(
    shell: Shell, warehouse: sa.Engine, given: list[str], said: str, code: int
) -> None:
    typed = shell("integration", "add", "globex/cloud", *given)
    assert typed.code == code
    assert said in typed.err
    assert CANARY not in typed.said
    assert rows(warehouse, sa.select(integrations)) == []
    assert rows(warehouse, sa.select(tenants)) == []


def test_adding_twice_is_refused_and_changes_nothing(desk: Desk) -> None:
    before = integration_row(desk.engine)
    typed = desk.shell("integration", "add", KEY, "--base-url", SITE, "--auth", "none")
    assert typed.code == 1
    assert "jira-assets integration update acme/cloud" in typed.err
    assert integration_row(desk.engine) == before


def test_list_shows_who_is_served(desk: Desk) -> None:
    typed = desk.shell("integration", "list")
    assert typed.code == 0
    assert all(text in typed.out for text in (KEY, desk.server.url, "10 at once", "all"))
    assert f"{KEY} │ {integration_row(desk.engine).id} │ yes │" in typed.said


def test_list_of_none_says_what_to_do(shell: Shell) -> None:
    typed = shell("integration", "list")
    assert typed.code == 0
    assert "No integrations. Add one: jira-assets integration add" in typed.out


def test_update_changes_what_is_given_and_keeps_the_rest(desk: Desk) -> None:
    before = integration_row(desk.engine)
    typed = desk.shell("integration", "update", KEY, "--max-concurrency", "3", "--include", "A")
    assert typed.code == 0
    assert "now acme/cloud" in typed.out
    after = integration_row(desk.engine)
    assert (after.max_concurrency, after.included_projects) == (3, ["A"])
    assert after.base_url == before.base_url
    assert desk.shell("integration", "update", KEY, "--include", "").code == 0
    assert integration_row(desk.engine).included_projects == []


def test_a_private_ca_is_kept_shown_and_removed(desk: Desk) -> None:
    assert "CA bundle" not in desk.shell("integration", "list").out
    bundle = "/etc/ssl/acme.pem"
    typed = desk.shell("integration", "update", KEY, "--ca-bundle", bundle)
    assert f"CA bundle {bundle}, projects: all" in typed.out
    assert integration_row(desk.engine).ca_bundle == bundle
    listed = desk.shell("integration", "list").out
    assert "CA bundle" in listed
    assert "acme.pem" in listed
    assert "CA bundle" not in desk.shell("integration", "update", KEY, "--ca-bundle", "").out
    assert integration_row(desk.engine).ca_bundle is None


@pytest.mark.parametrize(
    ("base_url", "said"),
    [
        ("https://169.254.169.254", "link-local"),
        ("https://me:hunter2@jira.acme.example", "base URL"),
        ("http://jira.acme.example", "JIRA_ASSETS_ALLOW_PLAIN_HTTP"),
    ],
)
def test_a_base_url_that_may_not_be_is_refused_by_update_as_by_add(
    desk: Desk, base_url: str, said: str
) -> None:
    before = integration_row(desk.engine)
    updated = desk.shell("integration", "update", KEY, "--base-url", base_url)
    added = desk.shell("integration", "add", "acme/other", "--base-url", base_url, "--auth", "none")
    for typed in (updated, added):
        assert typed.code == 1, typed.said
        assert said in typed.err
        assert "hunter2" not in typed.said
    assert integration_row(desk.engine) == before


def test_update_without_an_option_is_a_usage_error(desk: Desk) -> None:
    typed = desk.shell("integration", "update", KEY)
    assert typed.code == 2
    assert "give at least one option" in typed.err


def test_a_disabled_integration_is_read_again_once_enabled(desk: Desk) -> None:
    assert desk.shell("integration", "disable", KEY).out == "disabled acme/cloud\n"
    assert integration_row(desk.engine).active is False
    assert desk.shell("integration", "test", KEY).code == 1
    assert desk.shell("integration", "enable", KEY).out == "enabled acme/cloud\n"
    assert desk.shell("integration", "test", KEY).code == 0


@pytest.mark.parametrize("verb", ["update", "enable", "disable", "remove", "test"])
def test_an_unknown_integration_is_named_with_the_nearest(desk: Desk, verb: str) -> None:
    more = ["--max-concurrency", "2"] if verb == "update" else []
    typed = desk.shell("integration", verb, "acme/clod", *more)
    assert typed.code == 1
    assert "There is no integration acme/clod. Near to it: acme/cloud." in typed.err


def test_test_says_who_it_is_and_what_it_may_see(desk: Desk) -> None:
    desk.server.credentials = Credentials(CANARY, username="bot")
    update = ("integration", "update", KEY, "--auth", "basic", "--username", "bot")
    assert desk.shell(*update, "--secret", "env:CANARY", "--exclude", "NA").code == 0
    typed = desk.shell("integration", "test", KEY, CANARY=CANARY)
    assert typed.code == 0, typed.said
    assert f"{desk.server.url} answers: " in typed.out
    assert "sees 6 projects (5 after include and exclude), 23 statuses, 7 issue types" in typed.said
    assert CANARY not in typed.said
    refused = desk.shell("integration", "test", KEY, CANARY="canary-wrong")
    assert refused.code == 1
    assert refused.err.startswith("jira-assets: ")
    assert "canary" not in refused.said.lower().replace("env:canary", "")


def test_test_of_what_is_no_jira_is_one_sentence(desk: Desk) -> None:
    desk.server.faults = [Fault("html_200")]
    typed = desk.shell("integration", "test", KEY)
    assert (typed.code, typed.out) == (1, "")
    assert len(typed.err.splitlines()) == 1
    assert "a login page or a wrong base URL" in typed.err


def test_remove_keeps_the_rows_and_purge_leaves_none(desk: Desk) -> None:
    assert desk.sync("--only", "statuses").code == 0
    statuses = sa.select(sa.func.count()).select_from(DATA_TABLES["statuses"])
    kept = scalar(desk.engine, statuses)
    removed = desk.shell("integration", "remove", KEY).out
    assert removed == "removed acme/cloud; its rows stay, --purge deletes them\n"
    assert scalar(desk.engine, statuses) == kept > 0
    assert "No integrations." in desk.shell("integration", "list").out

    unsure = desk.shell("integration", "remove", KEY, "--purge")
    assert unsure.code == 1
    assert scalar(desk.engine, statuses) == kept
    purged = desk.shell("integration", "remove", KEY, "--purge", "--yes")
    assert purged.code == 0
    assert f"{kept:,} rows of statuses" in purged.out
    # Roles of the server are of no tenant.
    for table in set(metadata.tables.values()) - {database_roles}:
        assert rows(desk.engine, sa.select(table)) == [], table.name
