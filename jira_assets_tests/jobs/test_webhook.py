"""Posting: what each answer means, never for long, and the URL stays a secret."""

import http.client
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from jira_assets.jobs.webhook import (
    LONGEST_PAUSE,
    PAUSE_SECONDS,
    REFUSED_SECONDS,
    VARIABLE,
    Delivery,
    InvalidWebhookError,
    Webhook,
    seconds_to_wait,
    webhook_of,
)
from jira_assets.settings import Settings
from jira_assets_tests.jobs.webhooks import CANARY, Receiver, receiving

BODY = {"text": "a & b ≠ c"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_a_message_arrives_as_json(receiver: Receiver) -> None:
    assert Webhook(receiver.url).post(BODY) == Delivery(taken=True)
    assert receiver.bodies == [BODY]
    ((path, headers),) = receiver.asked
    assert path == f"/services/{CANARY}"
    assert headers["Content-Type"] == "application/json"
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("status", "headers", "said", "pause", "broken"),
    [
        (500, {}, "is out of order (500); it is tried again in 60 s", PAUSE_SECONDS, False),
        (503, {"Retry-After": "7"}, "is out of order (503); it is tried again in 7 s", 7, False),
        (429, {"Retry-After": "120"}, "asks for fewer messages (429)", 120, False),
        (429, {}, "asks for fewer messages (429)", PAUSE_SECONDS, False),
        (404, {}, "is gone (404). Whoever runs jira_assets must", REFUSED_SECONDS, True),
        (410, {}, "is gone (410). Whoever runs jira_assets must", REFUSED_SECONDS, True),
        (403, {}, "does not take what is posted to it (403)", REFUSED_SECONDS, True),
        (400, {}, "does not take what is posted to it (400)", REFUSED_SECONDS, True),
        (302, {"Location": "/"}, "does not take what is posted to it (302)", REFUSED_SECONDS, True),
    ],
)
def test_what_an_answer_means(
    receiver: Receiver,
    status: int,
    headers: dict[str, str],
    said: str,
    pause: float,
    *,
    broken: bool,
) -> None:
    receiver.status, receiver.headers = status, headers
    delivery = Webhook(receiver.url).post(BODY)
    assert (delivery.taken, delivery.broken) == (False, broken)
    assert delivery.pause_seconds == pause
    assert f"The webhook at 127.0.0.1 {said}" in delivery.words
    assert len(receiver.asked) == 1
    if broken:
        assert VARIABLE in delivery.words


def test_one_that_hangs_is_not_waited_for(receiver: Receiver) -> None:
    receiver.hangs = True
    delivery = Webhook(receiver.url, seconds=0.3).post(BODY)
    assert "did not answer" in delivery.words
    assert (delivery.taken, delivery.broken) == (False, False)


def test_one_that_drips_its_headers_is_not_waited_for() -> None:
    """Each byte arrives in time, the answer never does: no timeout of a read would end it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        webhook = Webhook(f"http://127.0.0.1:{listening.getsockname()[1]}/x", seconds=0.5)
        answers: list[Delivery] = []
        posting = threading.Thread(target=lambda: answers.append(webhook.post(BODY)))
        posting.start()
        connection, _ = listening.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            while posting.is_alive():
                connection.sendall(b"x")
                posting.join(0.1)
    assert "did not answer within 0.5 s" in answers[0].words


def test_nothing_is_printed_where_http_client_prints(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    assert Webhook(receiver.url).post(BODY).taken
    assert not capsys.readouterr().out


def test_one_that_is_not_there(receiver: Receiver) -> None:
    del receiver
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    delivery = Webhook(f"http://127.0.0.1:{port}/{CANARY}").post(BODY)
    assert "cannot be reached" in delivery.words
    assert not delivery.broken


def test_a_netrc_is_not_read_and_a_proxy_is_used(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login mia password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    Webhook(receiver.url).post(BODY)
    assert "Authorization" not in receiver.asked[0][1]
    monkeypatch.setenv("http_proxy", receiver.url.partition("/services")[0])
    url = f"http://hooks.example.com/{CANARY}"
    assert Webhook(url, allow_plain_http=True).post(BODY).taken
    assert receiver.asked[1][0] == url


@pytest.mark.parametrize("status", [200, 302, 404, 429, 500])
def test_the_url_is_in_no_log_line_and_no_word(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    receiver.status = status
    webhook = Webhook(receiver.url)
    with caplog.at_level(logging.DEBUG):
        said = f"{webhook.post(BODY)} {webhook!r}"
        logging.getLogger("urllib3.connectionpool").debug("of somebody else")
    assert len(receiver.asked) == 1
    assert "s3cretCanary" not in caplog.text + said
    assert "of somebody else" in caplog.text


def test_a_failure_shows_no_url(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        said = str(Webhook(f"https://127.0.0.1:1/{CANARY}").post(BODY))
    assert "cannot be reached" in said
    assert "s3cretCanary" not in caplog.text + said


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/s3cret", "plain http"),
        ("ftp://hooks.example.com/s3cret", "no http(s) URL"),
        ("s3cret", "no http(s) URL"),
        ("https:///s3cret", "no http(s) URL"),
        ("https://mia:s3cret@hooks.example.com/", "carries a user name"),
        ("https://hooks.example.com:0/s3cret", "malformed"),
        ("https://hooks.example.com:x/s3cret", "malformed"),
        ("https://[::1/s3cret", "malformed"),
        ("https://hooks.example.com/s3 cret", "malformed"),
        ("https://hooks.example.com/s3\ncret", "malformed"),
    ],
)
def test_a_url_that_cannot_work_is_refused_and_not_repeated(url: str, why: str) -> None:
    with pytest.raises(InvalidWebhookError) as refusal:
        Webhook(url)
    assert str(refusal.value).startswith(VARIABLE)
    assert why in str(refusal.value)
    assert "s3" not in str(refusal.value)


def test_plain_http_may_be_allowed() -> None:
    assert Webhook("http://hooks.example.com/x", allow_plain_http=True).host == "hooks.example.com"


def test_the_webhook_is_that_of_the_settings() -> None:
    assert webhook_of(Settings.from_environment({})) is None
    given = {VARIABLE: " http://10.0.0.1/x \n", "JIRA_ASSETS_ALLOW_PLAIN_HTTP": "true"}
    webhook = webhook_of(Settings.from_environment(given))
    assert webhook is not None
    assert webhook.url == "http://10.0.0.1/x"
    with pytest.raises(InvalidWebhookError):
        webhook_of(Settings.from_environment({VARIABLE: "http://10.0.0.1/x"}))


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (None, PAUSE_SECONDS),
        ("30", 30),
        (" 30 ", 30),
        ("0", 1),
        ("-5", 1),
        ("1e9", LONGEST_PAUSE),
        ("inf", LONGEST_PAUSE),
        ("nan", PAUSE_SECONDS),
        ("soon", PAUSE_SECONDS),
        ("", PAUSE_SECONDS),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
        ("Thu, 01 Jan 1970 00:00:00", 1),
        ("Thu, 01 Jan 9999 00:00:00 GMT", LONGEST_PAUSE),
    ],
)
def test_what_a_retry_after_asks_for(asked: str | None, seconds: float) -> None:
    assert seconds_to_wait(asked) == seconds


def test_a_retry_after_may_be_a_date() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    assert seconds_to_wait(then) == pytest.approx(600, abs=60)
