"""`jira-assets key`: keys are shown once, listed without themselves, and revoked for good."""

import re

import pytest

from jira_assets.partitions import PartitionKey
from jira_assets.warehouse.api_keys import find_keys, split_key
from jira_assets.warehouse.integrations import add_integration, remove_integration
from jira_assets_tests.commands.desk import Desk
from jira_assets_tests.commands.shell import Typed, everything, texts

ACME = PartitionKey("acme", "cloud")


def key_of(typed: Typed) -> tuple[str, str]:
    """Return the id and the secret of a key that was printed."""
    assert typed.code == 0, typed.said
    parts = split_key(typed.out.removesuffix("\n"))
    assert parts is not None, typed.out
    return parts


def test_a_key_is_printed_once_and_kept_nowhere(desk: Desk) -> None:
    typed = desk.shell("key", "create", "acme", "--name", "the platform")
    key_id, secret = key_of(typed)
    assert f"key {key_id} of acme: printed this once, stored nowhere" in typed.err
    with desk.engine.connect() as connection:
        found = find_keys(connection, [key_id])[key_id]
    assert found.opens_with(secret)
    assert not found.opens_with(secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    assert secret not in " ".join(texts(desk.engine, "jira.api_keys")) + repr(found)
    listed = desk.shell("key", "list").said
    assert re.search(rf"{key_id} │ acme │ the platform │ \d{{4}}-", listed)
    assert secret not in listed


def test_an_admins_key_is_of_every_tenant(desk: Desk) -> None:
    key_id, _ = key_of(desk.shell("key", "create", "--admin", "--name", "ops"))
    assert f"{key_id} │ every tenant (admin) │ ops" in desk.shell("key", "list").said


def test_a_revoked_key_is_not_found_any_more_and_stays_listed(desk: Desk) -> None:
    key_id, secret = key_of(desk.shell("key", "create", "acme", "--name", "x"))
    whole = desk.shell("key", "revoke", f"ja_{key_id}_{secret}")
    assert whole.said == f"key {key_id} is revoked"
    assert desk.shell("key", "revoke", key_id).said == f"key {key_id} was revoked before"
    with desk.engine.connect() as connection:
        assert find_keys(connection, [key_id]) == {}
    assert key_id in desk.shell("key", "list").said


@pytest.mark.parametrize(
    ("typed", "code", "complaint"),
    [
        (("create", "acmee", "--name", "x"), 1, "There is no tenant acmee. Near to it: acme."),
        (("create", "zzz", "--name", "x"), 1, "There is no tenant zzz. It comes with an integra"),
        (("create", "acme", "--admin", "--name", "x"), 2, "for one TENANT, or with --admin"),
        (("create", "--name", "x"), 2, "for one TENANT, or with --admin"),
        (("create", "acme"), 2, "Missing option '--name'"),
        (("create", "acme", "--name", " "), 2, "--name is a word or two"),
        (("create", "acme", "--name", "\x1b[31mred"), 2, "--name is a word or two"),
        (("create", "acme", "--name", "not in UTF-8: \udcff"), 2, "--name is a word or two"),
        (("revoke", "0123456789ab"), 1, "there is no key 0123456789ab"),
        (("revoke", "\udcff"), 1, "there is no key"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_changes_nothing(
    desk: Desk, typed: tuple[str, ...], code: int, complaint: str
) -> None:
    before = everything(desk.engine)
    answered = desk.shell("key", *typed)
    assert answered.code == code
    assert complaint in answered.said
    assert everything(desk.engine) == before


def test_without_keys_the_list_says_how_to_make_one(desk: Desk) -> None:
    assert "jira-assets key create" in desk.shell("key", "list").said


def test_a_purge_takes_the_keys_of_a_tenant_that_is_gone(desk: Desk) -> None:
    other = PartitionKey("acme", "other")
    add_integration(desk.engine, other, base_url="https://o.example", auth="none")
    key_id, _ = key_of(desk.shell("key", "create", "acme", "--name", "x"))
    remove_integration(desk.engine, ACME, purge=True)
    assert key_id in desk.shell("key", "list").said
    purged = remove_integration(desk.engine, other, purge=True)
    assert purged["api_keys"] == 1
    assert "No keys." in desk.shell("key", "list").said
