"""A request as server-sent events, by key and by token."""

import time
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from jira_assets.api import events as watching
from jira_assets.api.stream_tokens import LIFETIME_SECONDS, make_token
from jira_assets.warehouse.api_keys import find_keys, revoke_key, split_key
from jira_assets.warehouse.connect import WarehouseUnavailableError
from jira_assets_tests.api.caller import ADMIN, Caller, problem
from jira_assets_tests.api.conftest import ORIGIN
from jira_assets_tests.api.way import Way


def token_of(api: Caller, request_id: str, by: str = "acme") -> str:
    answer = api("POST", f"/requests/{request_id}/stream-token", by)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["events"] == f"/requests/{request_id}/events?token={made['token']}"
    token: str = made["token"]
    return token


def key_id(api: Caller, by: str = "acme") -> str:
    parts = split_key(api.keys[by])
    assert parts is not None
    return parts[0]


def test_each_change_is_an_event_until_the_end(api: Caller, way: Way) -> None:
    request_id = api.ask()
    with api.events(f"/requests/{request_id}/events") as events:
        assert next(events).data["state"] == "queued"
        run_id = way.begin()
        way.progress(run_id, 40.0)
        event = next(events)
        assert (event.data["state"], event.data["reading"]["percentage"]) == ("extracting", 40.0)
        way.land(run_id)
        way.finish(run_id)
        seen = next(events).data["state"]
        while seen == "extracting":
            seen = next(events).data["state"]
        assert seen == "landed"
        way.merge()
        last = next(events)
        assert (last.name, last.data["state"]) == ("end", "done")
        assert last.data == api.get(f"/requests/{request_id}")
        assert list(events) == []


def test_a_failure_is_the_end_too(api: Caller, way: Way) -> None:
    request_id = api.ask()
    way.fail(way.begin(), "no disk")
    with api.events(f"/requests/{request_id}/events") as events:
        [end] = list(events)
    assert (end.name, end.data["state"], end.data["error"]) == ("end", "failed", "no disk")


def test_a_browser_that_has_seen_the_end_is_told_not_to_come_again(api: Caller, way: Way) -> None:
    request_id = api.ask()
    way.fail(way.begin(), "no disk")
    path = f"/requests/{request_id}/events"
    with api.events(path) as events:
        [end] = list(events)
    assert end.id is not None
    assert api("GET", path, headers={"Last-Event-ID": end.id}).status_code == 204
    with api.events(path, **{"Last-Event-ID": "another"}) as events:
        assert [event.name for event in events] == ["end"]


def test_comments_keep_a_quiet_stream_open(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "HEARTBEAT_SECONDS", 0.5)
    with api.events(f"/requests/{api.ask()}/events") as events:
        assert next(events).data["state"] == "queued"
        assert next(events).comment == "still watching"


def test_a_token_opens_the_events_of_its_request_without_a_header(api: Caller, way: Way) -> None:
    request_id = api.ask()
    token = token_of(api, request_id)
    way.fail(way.begin(), "no disk")
    with api.events(f"/requests/{request_id}/events?token={token}", by=None) as events:
        assert next(events).data["state"] == "failed"


@pytest.mark.parametrize("path", ["/requests/{}", "/requests/{}/stream-token", "/integrations"])
def test_a_token_opens_nothing_else(api: Caller, path: str) -> None:
    request_id = api.ask()
    token = token_of(api, request_id)
    method = "POST" if path.endswith("token") else "GET"
    problem(api(method, f"{path.format(request_id)}?token={token}", None), 401)
    problem(api(method, path.format(request_id), token), 401)


def test_tokens_that_open_nothing(api: Caller) -> None:
    request_id, other = api.ask(), api.ask()
    token = token_of(api, request_id)
    with api.engine.connect() as connection:
        key = find_keys(connection, [key_id(api)])[key_id(api)]
    longer = token.replace(token.split(".")[1], str(int(time.time()) + 10**6))
    expired, _ = make_token(key, UUID(request_id), time.time() - LIFETIME_SECONDS - 1)
    for wrong in ("", "x", token[:-1] + ("0" if token[-1] != "0" else "1"), longer, expired):
        problem(api("GET", f"/requests/{request_id}/events?token={wrong}", None), 401)
    problem(api("GET", f"/requests/{other}/events?token={token}", None), 401)


def test_a_token_of_another_tenants_key_opens_nothing(api: Caller) -> None:
    request_id = api.ask()
    with api.engine.connect() as connection:
        theirs = find_keys(connection, [key_id(api, "globex")])[key_id(api, "globex")]
    token, _ = make_token(theirs, UUID(request_id), time.time())
    problem(api("GET", f"/requests/{request_id}/events?token={token}", None), 404)


def test_an_admin_watches_anybodys(api: Caller, way: Way) -> None:
    request_id = api.ask()
    way.fail(way.begin(), "no disk")
    token = token_of(api, request_id, ADMIN)
    with api.events(f"/requests/{request_id}/events?token={token}", by=None) as events:
        assert next(events).name == "end"


def test_a_token_dies_with_its_key_and_so_does_a_stream(api: Caller) -> None:
    request_id = api.ask()
    token = token_of(api, request_id)
    path = f"/requests/{request_id}/events?token={token}"
    with api.events(path, by=None) as events:
        assert next(events).data["state"] == "queued"
        assert revoke_key(api.engine, key_id(api))
        last = next(events)
        assert (last.name, last.data["status"]) == ("problem", 401)
        assert list(events) == []
    problem(api("GET", path, None), 401)


def test_many_watchers_are_one_query_a_second(api: Caller) -> None:
    request_id = api.ask()
    statements: list[str] = []
    sa.event.listen(
        api.engine,
        "before_cursor_execute",
        lambda *given: statements.append(given[2]),
    )
    streams = [api.events(f"/requests/{request_id}/events") for _ in range(30)]
    opened = [stream.__enter__() for stream in streams]
    try:
        for events in opened:
            assert next(events).data["state"] == "queued"
        statements.clear()
        time.sleep(3.5)
        looked = [each for each in statements if "job_requests" in each]
    finally:
        for stream in streams:
            stream.__exit__(None, None, None)
    # Thirty watchers, each on its own, would be ninety.
    assert 1 <= len(looked) <= 12


def test_pages_of_allowed_origins_may_watch_and_others_may_not(api: Caller, way: Way) -> None:
    request_id = api.ask()
    way.fail(way.begin(), "no disk")
    path = f"/requests/{request_id}/events?token={token_of(api, request_id)}"
    allowed = api("GET", path, None, headers={"Origin": ORIGIN})
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    refused = api("GET", path, None, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_a_browser_may_ask_from_an_allowed_origin_with_a_key(api: Caller) -> None:
    preflight = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }
    path = "/jira/extract/statuses-and-relationships/cloud"
    assert api("OPTIONS", path, None, headers=preflight).status_code == 200
    evil = preflight | {"Origin": "https://evil.example"}
    assert api("OPTIONS", path, None, headers=evil).status_code == 400
    answer = api("POST", path, headers={"Origin": ORIGIN})
    assert "Location" in answer.headers["Access-Control-Expose-Headers"]


def test_a_database_that_is_away_is_logged_once_a_stream(
    api: Caller, way: Way, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    request_id = api.ask()
    real, looks = watching._look, 0

    async def look(watcher: Any, asked: UUID) -> dict[str, Any]:
        nonlocal looks
        looks += 1
        if 2 <= looks < 8:
            raise WarehouseUnavailableError("Postgres at 127.0.0.1 does not answer.")
        return await real(watcher, asked)

    monkeypatch.setattr(watching, "_look", look)
    monkeypatch.setattr(watching, "EVERY_SECONDS", 0.05)
    with api.events(f"/requests/{request_id}/events") as events:
        assert next(events).data["state"] == "queued"
        wait = time.monotonic() + 20
        while looks < 8 and time.monotonic() < wait:
            time.sleep(0.05)
        way.fail(way.begin(), "no disk")
        assert next(events).name in {"message", "end"}
    assert looks >= 8
    said = [each for each in caplog.records if "does not answer" in each.getMessage()]
    assert len(said) == 1
