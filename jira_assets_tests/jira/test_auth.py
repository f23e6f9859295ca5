import base64

import pytest

from jira_assets.jira.auth import authorization
from jira_assets.jira.errors import SecretError
from jira_assets.jira.site import Site
from jira_assets_tests.jira.scripted import CANARY, site

URL = "https://acme.example.com"


def test_basic_is_user_name_and_token_in_base64() -> None:
    header = authorization(site(URL, username="mía@example.com"))
    assert header is not None
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == f"mía@example.com:{CANARY}"


def test_bearer_is_the_token_itself() -> None:
    assert authorization(site(URL, auth="bearer")) == f"Bearer {CANARY}"


def test_none_sends_nothing_even_with_a_secret_at_hand() -> None:
    assert authorization(site(URL, auth="none")) is None


def test_the_secret_is_resolved_anew_for_every_call() -> None:
    tokens = iter(["first", "second\n"])
    rotating = site(URL, auth="bearer", secret=lambda: next(tokens))
    assert [authorization(rotating), authorization(rotating)] == ["Bearer first", "Bearer second"]


def _missing() -> str:
    raise KeyError("env:JIRA_TOKEN is not set.")


def _unreadable() -> str:
    raise PermissionError(13, "Permission denied", "/run/secrets/jira")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"secret": _missing}, "env:JIRA_TOKEN is not set"),
        ({"secret": _unreadable}, "Permission denied: '/run/secrets/jira'"),
        ({"secret": lambda: " \n"}, "it is empty"),
        ({"auth": "bearer", "secret": lambda: f"{CANARY}\r\nX-Evil: 1"}, "holds no blanks"),
        ({"auth": "bearer", "secret": lambda: f"{CANARY}ü"}, "beyond ASCII"),
    ],
)
def test_a_secret_that_cannot_be_sent_is_refused_and_not_quoted(
    settings: dict[str, object], complaint: str
) -> None:
    with pytest.raises(SecretError, match=complaint) as raised:
        authorization(site(URL, **settings))
    assert "secret reference" in str(raised.value)
    assert CANARY not in str(raised.value)
    traceback = raised.value.__traceback__
    while traceback is not None:
        own = "jira_assets/jira/" in traceback.tb_frame.f_code.co_filename
        assert not own or CANARY not in str(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next


def test_a_site_does_not_show_how_it_gets_its_secret() -> None:
    assert "secret" not in repr(Site(URL, auth="bearer", secret=lambda: CANARY))
