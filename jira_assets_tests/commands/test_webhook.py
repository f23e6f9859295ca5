"""`jira-assets webhook test`: one message, and what was made of it."""

from jira_assets.jobs.webhook import VARIABLE
from jira_assets_tests.commands.shell import Shell
from jira_assets_tests.jobs.webhooks import CANARY, receiving

SHELL = Shell({})


def test_a_message_is_posted_and_says_that_nothing_has_failed() -> None:
    with receiving() as receiver:
        typed = SHELL("webhook", "test", **{VARIABLE: receiver.url})
    assert typed.code == 0
    assert typed.out == "The webhook at 127.0.0.1 took a message. Look whether it arrived.\n"
    assert "Nothing has failed." in receiver.texts[0]


def test_one_that_is_gone_is_said_without_its_url() -> None:
    with receiving() as receiver:
        receiver.status = 404
        typed = SHELL("webhook", "test", **{VARIABLE: receiver.url})
    assert typed.code == 1
    assert typed.err.startswith("jira-assets: The webhook at 127.0.0.1 is gone (404).")
    assert CANARY not in typed.said


def test_without_one_there_is_nothing_to_try() -> None:
    typed = SHELL("webhook", "test")
    assert (typed.code, typed.out) == (1, "")
    assert typed.err.startswith(f"jira-assets: {VARIABLE} is not set: nobody is told of failures.")
    assert "Set it" in typed.err


def test_one_that_cannot_be_is_refused() -> None:
    typed = SHELL("webhook", "test", **{VARIABLE: f"http://hooks.example.com/{CANARY}"})
    assert typed.code == 1
    assert "plain http" in typed.err
    assert CANARY not in typed.err
