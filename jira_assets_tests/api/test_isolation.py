"""Who may see what: no key, a revoked one, another tenant's. For every path that there is."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest

from jira_assets.api.app import build_app
from jira_assets.api.service import Service
from jira_assets.warehouse.api_keys import create_key, revoke_key
from jira_assets.warehouse.connect import engine_for
from jira_assets_tests.api.caller import ADMIN, Caller, problem
from jira_assets_tests.api.conftest import Filled
from jira_assets_tests.commands.shell import everything

OPEN = {"/healthz", "/readyz"}


def _paths() -> Iterator[tuple[str, str]]:
    nowhere = Service(engine_for("postgresql://nobody@127.0.0.1:1/x"), dagster_url="http://x")
    for path, methods in build_app(nowhere).openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path


PATHS = [each for each in _paths() if each[1] not in OPEN]
OF_ONE = [each for each in PATHS if "{" in each[1]]


def _call(api: Caller, method: str, path: str, by: str | None) -> str:
    """Return status and body of a call that changes nothing where it must not."""
    body = {"json": {"priority": 7}} if method == "PATCH" else {}
    answer = api(method, path, by, **body)
    return f"{answer.status_code} {answer.headers['Content-Type']} {answer.text}"


@pytest.mark.parametrize(("method", "path"), OF_ONE, ids=str)
def test_what_is_another_tenants_is_answered_as_if_it_were_not_there(
    filled: Filled, method: str, path: str
) -> None:
    api, of_acme = filled.api, filled.of_acme
    nowhere = of_acme | {
        "integration_id": "987654",
        "request_id": str(uuid4()),
        "extraction_id": str(uuid4()),
    }
    before = everything(api.engine)
    theirs = _call(api, method, path.format(**of_acme), "globex")
    nobodys = _call(api, method, path.format(**nowhere), "globex")
    assert theirs.startswith("404 ")
    for name, value in of_acme.items():
        nobodys = nobodys.replace(nowhere[name], value) if nowhere[name] != value else nobodys
    assert theirs == nobodys
    assert everything(api.engine) == before


@pytest.mark.parametrize(("method", "path"), PATHS, ids=str)
def test_without_a_key_that_is_good_there_is_nothing(
    filled: Filled, method: str, path: str
) -> None:
    api, path = filled.api, path.format(**filled.of_acme)
    before = everything(api.engine)
    key = api.keys["acme"]
    forged = key[:-1] + ("A" if key[-1] != "A" else "B")
    for by in (None, "nonsense", forged, f"ja_{'0' * 12}_{'x' * 43}"):
        answer = api(method, path, by)
        assert "key" in problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert everything(api.engine) == before


@pytest.mark.parametrize(("method", "path"), PATHS, ids=str)
def test_a_revoked_key_opens_nothing_from_then_on(filled: Filled, method: str, path: str) -> None:
    api, path = filled.api, path.format(**filled.of_acme)
    made, key = create_key(api.engine, tenant=None, name="to be revoked")
    if method == "GET":
        assert api(method, path, key).status_code < 300
    assert revoke_key(api.engine, made.key_id)
    before = everything(api.engine)
    assert "revoked" in problem(api(method, path, key), 401)
    assert everything(api.engine) == before


@pytest.mark.parametrize("path", ["/integrations", "/extractions"])
def test_lists_hold_the_tenants_own_only(filled: Filled, path: str) -> None:
    api = filled.api
    mine, theirs, all_of_it = (api.get(path, by)["items"] for by in ("acme", "globex", ADMIN))
    assert {item["integration"] for item in mine} == {"acme/cloud"}
    assert not {item["integration"] for item in theirs} & {"acme/cloud"}
    assert len(all_of_it) == len(mine) + len(theirs)
    assert api.get("/integrations?tenant_id=acme", "globex")["items"] == []


def test_errors_name_nothing_of_others(filled: Filled) -> None:
    api = filled.api
    said = api("POST", "/jira/extract/statuses-and-relationships/othe", "acme").text
    said += api("POST", "/jira/extract/statuses-and-relationships/othe?tenant_id=globex").text
    assert not re.search("other|globex/", said)
