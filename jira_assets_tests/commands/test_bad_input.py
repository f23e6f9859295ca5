"""What `jira-assets sync` says when it cannot: one sentence, exit code 1, and nothing is harmed."""

from collections.abc import Iterator

import pytest

from jira_assets.partitions import PartitionKey
from jira_assets.sandbox.credentials import Credentials
from jira_assets.sandbox.faults import Fault
from jira_assets.warehouse.integrations import set_active, update_integration
from jira_assets.warehouse.tables import ENTITIES
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import KEY, everything, scalar

ACME = PartitionKey.parse(KEY)
CANARY = "canary-51b7d0"
RUNS = "SELECT count(*) FROM dagster.runs"


@pytest.fixture
def unharmed(synced: Desk) -> Iterator[Desk]:
    """A desk whose tables, raw ones and queue included, must be afterwards what they were."""
    before = everything(synced.engine)
    yield synced
    synced.server.faults = []
    synced.server.credentials = None
    assert everything(synced.engine) == before


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("acme", "'acme' is no partition key: it is tenant/integration, e.g. acme/cloud."),
        ("Acme/cloud", "'Acme' is no tenant slug"),
        ("acme/...", "'...' is no integration slug"),
    ],
)
def test_what_is_no_partition_key_is_a_usage_error(unharmed: Desk, key: str, said: str) -> None:
    runs = scalar(unharmed.engine, RUNS)
    typed = unharmed.shell("sync", key)
    assert typed.code == 2
    assert said in typed.said
    assert scalar(unharmed.engine, RUNS) == runs


def test_an_unknown_integration_is_refused_with_the_nearest_keys(unharmed: Desk) -> None:
    runs = scalar(unharmed.engine, RUNS)
    typed = unharmed.shell("sync", "acme/clout")
    assert (typed.code, typed.out) == (1, "")
    assert typed.err == "jira-assets: There is no integration acme/clout. Near to it: acme/cloud.\n"
    assert scalar(unharmed.engine, RUNS) == runs


def test_a_disabled_integration_is_refused(desk: Desk) -> None:
    set_active(desk.engine, ACME, active=False)
    typed = desk.sync()
    assert (typed.code, typed.out) == (1, "")
    assert "acme/cloud is disabled: run `jira-assets integration enable acme/cloud`" in typed.err
    assert scalar(desk.engine, RUNS) == 0
    assert list(desk.server.requests) == []


def test_an_unknown_entity_is_a_usage_error(unharmed: Desk) -> None:
    typed = unharmed.sync("--only", "statuses,project_status")
    assert typed.code == 2
    assert f"project_status: choose from {', '.join(ENTITIES)}." in typed.said


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("html_200", "a login page or a wrong base URL"),
        ("html_404", "no Jira"),
        ("login_redirect", "login"),
        ("redirect_other_host", "sso.other-host.invalid"),
    ],
)
def test_a_base_url_that_is_no_jira_is_one_sentence(unharmed: Desk, kind: str, said: str) -> None:
    unharmed.server.faults = [Fault(kind)]
    typed = unharmed.sync()
    assert typed.code == 1
    assert typed.err == ""
    said_first, sentence, ending = typed.out.splitlines()
    assert said_first.startswith("acme/cloud: reads projects, ")
    assert sentence.startswith("FAILED: acme/cloud: ")
    assert said in sentence
    assert "1 try" in sentence
    assert ending.startswith("acme/cloud: failed (")


@pytest.fixture
def as_bot(synced: Desk) -> Iterator[None]:
    """Let acme/cloud be read as the user bot, with the secret in CANARY_TOKEN."""
    secret_ref = "env:CANARY_TOKEN"
    update_integration(synced.engine, ACME, auth="basic", username="bot", secret_ref=secret_ref)
    yield
    update_integration(synced.engine, ACME, auth="none", username=None, secret_ref=None)


@pytest.mark.usefixtures("as_bot")
def test_refused_credentials_say_who_must_act_and_no_secret(unharmed: Desk) -> None:
    unharmed.server.credentials = Credentials("another", username="bot")
    typed = unharmed.sync(CANARY_TOKEN=CANARY)
    assert typed.code == 1
    assert "401" in typed.said
    assert CANARY not in typed.said


@pytest.mark.usefixtures("as_bot")
def test_the_anonymous_view_is_no_answer(unharmed: Desk) -> None:
    unharmed.server.credentials = Credentials(CANARY, username="bot")
    unharmed.server.faults = [Fault("anonymous_view")]
    typed = unharmed.sync(CANARY_TOKEN=CANARY)
    assert typed.code == 1
    assert "answers as to a visitor" in typed.said
    assert CANARY not in typed.said
