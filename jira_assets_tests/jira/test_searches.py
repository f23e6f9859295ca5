from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from jira_assets.jira import errors
from jira_assets.jira.key_windows import Bookmark
from jira_assets.jira.moments import jql_moment, moment_of
from jira_assets.jira.searches import BY_UPDATE, Search, by_tokens, cannot_see

URL = "https://acme.example.com/rest/api/3/search/jql"
SINCE = datetime(2024, 11, 29, 10, 38, 11, 999_000, tzinfo=UTC)
SEARCH = Search("10", ("summary",), 100, BY_UPDATE, since=SINCE, expand=("changelog", "names"))
EVERYTHING = Search("10", ("id",), 5000, BY_UPDATE)


def test_what_cloud_is_asked() -> None:
    body = {
        "jql": "project = 10 AND updated >= 1732876691000 ORDER BY updated ASC, key ASC",
        "fields": ["summary"],
        "maxResults": 100,
        "expand": "changelog,names",
    }
    assert SEARCH.by_token() == body
    assert SEARCH.by_token("abc") == {**body, "nextPageToken": "abc"}
    assert EVERYTHING.by_token() == {
        "jql": "project = 10 ORDER BY updated ASC, key ASC",
        "fields": ["id"],
        "maxResults": 5000,
    }


def test_what_data_center_is_asked() -> None:
    jql = 'project = 10 AND updated >= 1732876691000 AND key >= "P-7" ORDER BY key ASC'
    assert SEARCH.by_key(Bookmark("1", "P-7")) == {
        "jql": jql,
        "startAt": 0,
        "maxResults": 100,
        "fields": ["summary"],
        "expand": ["changelog", "names"],
    }
    assert "expand" not in EVERYTHING.by_key(None)


@pytest.mark.parametrize("odd", ['1" OR project = "2', "1\\", "P", "", "٣"])
def test_nothing_ends_its_quotes(odd: str) -> None:
    jql = Search(odd, (), 1, BY_UPDATE).by_token()["jql"]
    quoted = jql.removeprefix("project = ").removesuffix(" ORDER BY updated ASC, key ASC")
    assert quoted[0] == quoted[-1] == '"'
    assert quoted[1:-1].replace('\\"', "").replace("\\\\", "").isprintable()
    assert '"' not in quoted[1:-1].replace("\\\\", "").replace('\\"', "")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-03-28T16:06:08.713+0800", datetime(2021, 3, 28, 8, 6, 8, 713_000, tzinfo=UTC)),
        ("2021-03-28T16:06:08Z", datetime(2021, 3, 28, 16, 6, 8, tzinfo=UTC)),
        (1_492_070_429_000, datetime(2017, 4, 13, 8, 0, 29, tzinfo=UTC)),
        ("1492070429000", datetime(2017, 4, 13, 8, 0, 29, tzinfo=UTC)),
        ("1492070429", None),
        ("²492070429000", None),
        ("2021-03-28T16:06:08", None),
        ("0001-01-01T00:00:00+1400", None),
        ("yesterday", None),
        (True, None),
        (None, None),
        (10**30, None),
        ({}, None),
    ],
)
def test_moments_as_jira_writes_them(text: Any, moment: datetime | None) -> None:
    assert moment_of(text) == moment


def test_a_moment_in_jql_does_not_depend_on_a_zone_and_is_never_too_late() -> None:
    elsewhere = SINCE.astimezone(timezone(timedelta(hours=-5)))
    assert jql_moment(elsewhere) == jql_moment(SINCE) == "1732876691000"
    assert jql_moment(datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC)) == "-1000"


def _refused(text: str, status: int = 400) -> errors.RefusedRequestError:
    body = {"errorMessages": [text], "errors": {}}
    return errors.RefusedRequestError("refused", url=URL, status=status, body=body)


@pytest.mark.parametrize(
    "error",
    [
        _refused("The value '10' does not exist for the field 'project'."),
        _refused("A value with ID '10' does not exist for the field 'project'."),
        _refused("Der Wert „10“ ist für das Feld „project“ nicht vorhanden."),
        errors.ForbiddenError("no", url=URL, status=403, body=None),
        errors.NotFoundError("no", url=URL, status=404, body=None),
    ],
)
def test_a_project_that_cannot_be_seen(error: errors.JiraError) -> None:
    assert cannot_see(error, "10")


@pytest.mark.parametrize(
    "error",
    [
        _refused("The value '100' does not exist for the field 'project'."),
        _refused("Field 'updated' does not exist or you do not have permission to view it."),
        _refused("Error in the JQL Query: Expecting operator but got '10'."),
        _refused("The value '10' does not exist for the field 'project'.", 422),
        errors.WrongPathError("no", url=URL, status=404, body=None),
        errors.CredentialsRefusedError("no", url=URL, status=401),
        errors.UnavailableError("no", url=URL, status=503),
    ],
)
def test_what_says_nothing_of_the_project(error: errors.JiraError) -> None:
    assert not cannot_see(error, "10")


@pytest.mark.parametrize(
    "warning",
    [{"type": "RESULT_TRUNCATED", "message": "Ask for less"}, "The result set was truncated."],
)
def test_a_result_that_was_cut_short_is_an_error(warning: Any) -> None:
    page = {"issues": [], "isLast": True, "warnings": [warning]}
    with pytest.raises(errors.PagingError, match="cut a search short"):
        list(by_tokens(SEARCH, lambda _: page, URL))


@pytest.mark.parametrize("warnings", [[], None, "odd", [{"type": "NOTICE"}, 5]])
def test_other_warnings_are_none(warnings: Any) -> None:
    page = {"issues": [], "isLast": True, "warnings": warnings}
    assert len(list(by_tokens(SEARCH, lambda _: page, URL))) == 1
