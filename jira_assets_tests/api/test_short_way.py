"""The short way to a request and FastAPI's way give the same answers; only plain calls take it."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from jira_assets.api import short_way
from jira_assets.api.app import build_app
from jira_assets.api.problems import unavailable
from jira_assets.warehouse.api_keys import create_key
from jira_assets.warehouse.connect import WarehouseUnavailableError, engine_for
from jira_assets_tests.api.caller import ADMIN, Caller, problem
from jira_assets_tests.api.conftest import ORIGIN, Filled, serving

NOBODY = "6f1b3c52-3f6e-4a0c-9a35-3f3d2c5a7a11"
FORGED = f"ja_{'0' * 12}_{'x' * 43}"


@dataclass
class Ways:
    """Calls a service by either way; ``taken`` says which calls took the short one."""

    api: Caller
    patch: pytest.MonkeyPatch
    taken: list[bool] = field(default_factory=list)

    def short(self, *call: Any, **options: Any) -> requests.Response:
        """Call as anybody does."""
        return self.api(*call, **options)

    def long(self, *call: Any, **options: Any) -> requests.Response:
        """Call as if there were no short way."""
        with self.patch.context() as patch:
            patch.setattr(short_way, "plain_call", lambda _: None)
            return self.api(*call, **options)


@pytest.fixture
def ways(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> Ways:
    made = Ways(filled.api, monkeypatch)
    plain_call = short_way.plain_call

    def noted(scope: Any) -> Any:
        found = plain_call(scope)
        made.taken.append(found is not None)
        return found

    monkeypatch.setattr(short_way, "plain_call", noted)
    return made


@pytest.mark.parametrize("by", ["acme", "globex", ADMIN, FORGED, "nonsense"])
@pytest.mark.parametrize("origin", [None, ORIGIN, "https://elsewhere.example"])
@pytest.mark.parametrize("request_id", ["one", NOBODY])
def test_both_ways_give_the_same_answer(
    ways: Ways, filled: Filled, by: str, origin: str | None, request_id: str
) -> None:
    path = f"/requests/{filled.of_acme['request_id'] if request_id == 'one' else NOBODY}"
    headers = {} if origin is None else {"Origin": origin}
    short, long = (way("GET", path, by, headers=dict(headers)) for way in (ways.short, ways.long))
    assert ways.taken == [True]
    assert (short.status_code, _headers(short)) == (long.status_code, _headers(long))
    assert short.content == long.content


def _headers(answer: requests.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower() != "date"}


@pytest.mark.parametrize(
    ("method", "form", "options", "status"),
    [
        ("GET", "{}", {"by": None}, 401),
        ("GET", "{}", {"by": None, "headers": {"Authorization": "Basic eDp5"}}, 401),
        ("GET", "{}", {"by": ""}, 401),
        ("GET", "{}", {"by": "ja_\xe9"}, 401),
        ("GET", "{}", {"json": {}}, 200),
        ("GET", "{}/", {}, 200),
        ("GET", "urn:uuid:{}", {}, 200),
        ("GET", "{}0", {}, 422),
        ("GET", "not-an-id", {}, 422),
        ("GET", "{}%0A", {}, 422),
        ("HEAD", "{}", {}, 405),
        ("DELETE", "{}", {}, 405),
        ("POST", "{}/stream-token", {}, 201),
    ],
)
def test_what_is_not_plain_goes_the_long_way(
    ways: Ways, filled: Filled, method: str, form: str, options: dict[str, Any], status: int
) -> None:
    path = f"/requests/{form.format(filled.of_acme['request_id'])}"
    assert ways.short(method, path, **options).status_code == status
    assert ways.taken[0] is False  # a redirect is followed by a plain call


def test_the_short_way_says_that_postgres_is_away(ways: Ways) -> None:
    with serving(engine_for("postgresql://x@127.0.0.1:1/x")) as api:
        answer = api("GET", f"/requests/{NOBODY}", FORGED)
    assert ways.taken == [True]
    assert int(answer.headers["Retry-After"]) > 0
    assert "nothing was changed" in problem(answer, 503)


def test_whether_a_request_was_taken_is_not_known_when_postgres_goes_away() -> None:
    away = WarehouseUnavailableError("gone")
    assert "with the same Idempotency-Key" in unavailable(away, "POST").detail
    assert "nothing was changed" in unavailable(away, "GET").detail


def test_readers_with_other_keys_are_told_the_same_in_the_same_bytes(filled: Filled) -> None:
    api, path = filled.api, f"/requests/{filled.of_acme['request_id']}"
    _, other = create_key(api.engine, tenant="acme", name="another")
    assert api("GET", path, other).content == api("GET", path).content


def test_the_document_still_describes_the_path(filled: Filled) -> None:
    documented = build_app(filled.api.service).openapi()["paths"]["/requests/{request_id}"]["get"]
    assert documented["security"] == [{"key": []}]
    assert {"200", "401", "404", "422", "503"} <= set(documented["responses"])
