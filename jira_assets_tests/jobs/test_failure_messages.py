"""What people read: bodies of Slack's webhooks, useful as text alone, bounded, and inert."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jira_assets.jobs.failure_messages import ONE_BY_ONE, Message, messages, trial
from jira_assets.warehouse.failure_reports import Report

UI = "https://dagster.acme.example/"
SINCE = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
KIND = "extract_jira_metadata: CredentialsRefusedError"


def report(partition: str = "acme/cloud", **more: Any) -> Report:
    given: dict[str, Any] = {
        "kind": KIND,
        "message": "Jira refuses the token (401).",
        "must_act": "who keeps the account",
        "run_id": "r1",
        "failures": 1,
        "final": True,
        "first_failed_at": SINCE,
        "last_failed_at": SINCE,
        **more,
    }
    return Report(partition, **given)


def recovered(partition: str = "acme/cloud", **more: Any) -> Report:
    return report(partition, told_at=SINCE, recovered_at=SINCE + timedelta(hours=3), **more)


def made(*reports: Report) -> list[Message]:
    return messages(reports, dagster_url=UI)


def texts_in(body: Any) -> list[str]:
    """Return every text that Slack shows of a body's blocks."""
    if isinstance(body, dict):
        own = [body["text"]] if isinstance(body.get("text"), str) else []
        return own + [text for value in body.values() for text in texts_in(value)]
    return [text for each in body for text in texts_in(each)] if isinstance(body, list) else []


def test_a_failure_says_where_what_who_and_since_when() -> None:
    (message,) = made(report(failures=4, last_failed_at=SINCE + timedelta(hours=3)))
    assert message.body["text"] == (
        "acme/cloud: extract_jira_metadata failed (CredentialsRefusedError). Jira refuses the "
        "token (401). Who must act: who keeps the account. Failed 4 times in a row since "
        "2027-01-15 08:00 UTC. https://dagster.acme.example/runs/r1"
    )
    assert texts_in(message.body["blocks"]) == [
        "*acme/cloud: extract_jira_metadata failed (CredentialsRefusedError)*",
        "Jira refuses the token (401).",
        "*Who must act:* who keeps the account",
        (
            "Failed 4 times in a row since 2027-01-15 08:00 UTC. "
            "<https://dagster.acme.example/runs/r1|The run in Dagster>"
        ),
    ]


def test_a_recovery_is_one_message_a_partition_whatever_had_failed() -> None:
    (message,) = made(
        recovered(failures=4), recovered(kind="messages: given up", failures=1, run_id="r2")
    )
    assert message.body["text"] == (
        "acme/cloud: recovered. After 5 failures since 2027-01-15 08:00 UTC: "
        "extract_jira_metadata: CredentialsRefusedError, messages: given up. Nobody need act."
    )
    assert len(message.reports) == 2


def test_what_failed_without_a_run_links_to_dagster() -> None:
    (message,) = made(report(run_id=""))
    assert message.body["text"].endswith(" https://dagster.acme.example")


def test_hundreds_are_a_few_messages_and_one_that_sums_up() -> None:
    down = [report(f"t{i:03}/cloud", kind="extract: UnavailableError") for i in range(400)]
    refused = report("zeta/cloud")
    told = made(*down, refused)
    assert len(told) == ONE_BY_ONE + 1
    assert sorted(each.partition_key for one in told for each in one.reports) == sorted(
        each.partition_key for each in [*down, refused]
    )
    text = told[-1].body["text"]
    begin = "396 partitions are failing besides (https://dagster.acme.example/runs). "
    assert text.startswith(f"{begin}extract: UnavailableError (395): t005/cloud, t006/cloud")
    assert "and 375 more" in text
    assert f"{KIND} (1): zeta/cloud. Who must act: who keeps the account." in text


def test_so_are_hundreds_of_recoveries_and_they_come_first() -> None:
    told = made(report(), *[recovered(f"t{i:03}/cloud") for i in range(40)])
    assert len(told) == ONE_BY_ONE + 2
    assert "35 partitions are recovered besides" in told[ONE_BY_ONE].body["text"]
    assert told[-1].title.startswith("acme/cloud: ")


def test_nothing_is_no_message() -> None:
    assert made() == []


def test_markup_and_calls_of_what_is_quoted_are_inert() -> None:
    said = "<!channel> <https://evil.example|click> a & b @channel @HERE @all mia@allowed.example"
    (message,) = made(report(message=said, must_act="<@U1>"))
    shown = json.dumps(message.body, ensure_ascii=False)
    assert "<!" not in shown
    assert "<@" not in shown
    assert "<https://evil" not in shown
    assert "a &amp; b" in shown
    for call in ("@channel", "@HERE", "@all "):
        assert call not in shown
    assert "mia@allowed.example" in shown


@given(
    said=st.text(st.characters(exclude_categories=["Cs"]), max_size=6000),
    count=st.integers(1, 30),
    over=st.booleans(),
)
def test_every_body_is_within_slacks_limits(said: str, count: int, *, over: bool) -> None:
    make = recovered if over else report
    reports = [
        make(f"t{i}/x", message=said, must_act=said[:300], kind=f"job: {said[:400]}{i}")
        for i in range(count)
    ]
    for message in made(*reports):
        assert 0 < len(message.body["text"]) <= 4000
        assert 0 < len(message.body["blocks"]) <= 50
        for block in message.body["blocks"]:
            assert block["type"] in {"section", "context"}
            assert all(0 < len(text) <= 3000 for text in texts_in(block))


@given(st.integers(2900, 3100), st.sampled_from("<>&"))
def test_no_escaped_character_is_cut_in_two(length: int, letter: str) -> None:
    (message,) = made(report(message="a" * length + letter * 20))
    section = message.body["blocks"][1]["text"]["text"]
    left = section.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert "&" not in left


def test_a_trial_says_that_nothing_has_failed() -> None:
    body = trial("http://127.0.0.1:3000/")
    assert "Nothing has failed." in body["text"]
    assert "http://127.0.0.1:3000|Dagster" in json.dumps(body)
