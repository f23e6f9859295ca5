import inspect
import pickle
import re

import pytest

from jira_assets.jira import errors

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.JiraError)
]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"^ {4}([ │├└─]*)(\w+Error)\b", str(errors.__doc__), re.MULTILINE)
    parents: list[str] = []
    for branches, name in drawn:
        del parents[len(branches) // 4 :]
        kind = getattr(errors, name)
        parents.append(name)
        lineage = [base.__name__ for base in kind.__mro__ if issubclass(base, errors.JiraError)]
        assert lineage[::-1] == parents
    assert {name for _, name in drawn} == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_failure_is_either_permanent_or_transient(kind: type[errors.JiraError]) -> None:
    permanent = issubclass(kind, errors.PermanentJiraError)
    transient = issubclass(kind, errors.TransientJiraError)
    assert permanent != transient or kind is errors.JiraError


def test_an_error_says_what_happened_who_must_act_and_where() -> None:
    error = errors.UnavailableError(
        "Jira is out of order.",
        url="https://h/jira/rest/api/2/status",
        status=503,
        retry_after=None,
    )
    error.tries = 5
    assert str(error) == (
        "Jira is out of order. It is worth another try later. "
        "(https://h/jira/rest/api/2/status; 5 tries; last answer 503)"
    )


def test_an_error_without_an_answer_says_so() -> None:
    error = errors.ConnectionFailedError("h cannot be reached.", url="https://h/")
    assert str(error).endswith("(https://h/; 1 try; no answer)")


def test_an_error_about_no_single_call_is_its_sentence() -> None:
    assert str(errors.PermanentJiraError("Nothing is left.")) == "Nothing is left."


def test_errors_survive_the_way_between_processes() -> None:
    error = errors.ConnectionFailedError("h cannot be reached.", url="https://h/")
    error.tries = 3
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.url, again.tries) == (str(error), "https://h/", 3)


def test_what_jira_says_is_text_that_logs_and_postgres_take() -> None:
    error = errors.LostAccessError("Nothing for M\x00ia\x1b[31m 🦊 Zoë\n.", url="https://h/x")
    assert "Nothing for M ia [31m 🦊 Zoë . Give the account" in str(error)
