"""Issues of several projects, with whole changelogs, from sites of both kinds."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from jira_assets.jira import errors
from jira_assets.jira.client import Answer, IssueQuery, ProjectEnd, ProjectRef
from jira_assets_tests.jira.scripted import Asked, Reply, ScriptedJira, client

CLOUD = "/rest/api/3/search/jql"
BULK = "/rest/api/3/changelog/bulkfetch"
DATA_CENTER = "/rest/api/2/search"
SINCE = datetime(2026, 6, 1, tzinfo=UTC)
P, Q = ProjectRef("10", "P"), ProjectRef("20", "Q")
NO_PROJECT = {"errorMessages": ["The value '10' does not exist for the field 'project'."]}


def _histories(*numbers: int) -> list[dict[str, Any]]:
    created = "2026-06-02T00:00:00.000+0000"
    return [{"id": str(n), "created": created, "items": [{"field": "status"}]} for n in numbers]


def _issue(number: int, *embedded: int, total: int | None = None) -> dict[str, Any]:
    changelog = {"total": total or len(embedded), "histories": _histories(*embedded)}
    return {"id": str(number), "key": f"P-{number}", "fields": {}, "changelog": changelog}


def _page(*issues: dict[str, Any], token: str | None = None) -> Reply:
    more = {"isLast": True} if token is None else {"isLast": False, "nextPageToken": token}
    return Reply({"issues": [*issues], **more})


def _window(*issues: dict[str, Any], total: int) -> Reply:
    return Reply({"startAt": 0, "maxResults": 100, "total": total, "issues": [*issues]})


def _queries(*refs: ProjectRef, since: datetime | None = None) -> list[IssueQuery]:
    return [IssueQuery(ref, since, ("summary", "status")) for ref in refs]


def _read(jira: ScriptedJira, *queries: IssueQuery) -> list[Answer | ProjectEnd]:
    with client(jira) as reader:
        return list(reader.issues(queries or _queries(P)))


def _paths(results: Iterable[Answer | ProjectEnd]) -> list[str]:
    return [result.path if isinstance(result, Answer) else "end" for result in results]


def _bodies(jira: ScriptedJira, path: str) -> list[Any]:
    return [asked.body for asked in jira.asked if asked.path == path]


def test_a_cloud_project_is_read_by_tokens_to_its_end(jira: ScriptedJira) -> None:
    pages = _page(_issue(1), _issue(2), token="a"), _page(token="b"), _page(_issue(3))
    jira.cloud().on(CLOUD, *pages)
    query = IssueQuery(P, SINCE, ("summary", "status"), rendered=True)
    *answers, end = _read(jira, query)
    body = {
        "jql": "project = 10 AND updated >= 1780272000000 ORDER BY updated ASC, key ASC",
        "fields": ["summary", "status"],
        "maxResults": 100,
        "expand": "changelog,renderedFields",
    }
    bodies = [body, {**body, "nextPageToken": "a"}, {**body, "nextPageToken": "b"}]
    assert _bodies(jira, CLOUD) == bodies
    assert answers == [
        Answer(CLOUD, asked, 200, page.body, P, method="POST", text=json.dumps(page.body).encode())
        for asked, page in zip(bodies, pages, strict=True)
    ]
    assert end == ProjectEnd(P, 3)


def test_a_data_center_project_is_read_by_keys_to_its_end(jira: ScriptedJira) -> None:
    jira.data_center().on(
        DATA_CENTER, _window(_issue(1), _issue(2), total=3), _window(_issue(2), _issue(3), total=2)
    )
    *answers, end = _read(jira)
    jql = 'project = 10 AND key >= "P-2" ORDER BY key ASC'
    assert _bodies(jira, DATA_CENTER)[1] == {
        "jql": jql,
        "startAt": 0,
        "maxResults": 100,
        "fields": ["summary", "status"],
        "expand": ["changelog"],
    }
    assert [answer.params["jql"] for answer in answers if isinstance(answer, Answer)][1] == jql
    assert end == ProjectEnd(P, 4)


def test_a_token_that_comes_again_is_an_error(jira: ScriptedJira) -> None:
    jira.cloud().on(CLOUD, _page(_issue(1), token="a"))
    with pytest.raises(errors.PagingError, match="token repeats"):
        _read(jira)


def test_the_pages_of_each_project_come_in_order_before_its_end(jira: ScriptedJira) -> None:
    def answer(asked: Asked) -> Reply:
        page = int(asked.body.get("nextPageToken", "0"))
        return _page(_issue(page + 1), token=None if page == 4 else str(page + 1))

    refs = [ProjectRef(str(number), f"P{number}") for number in range(30)]
    results = _read(jira.cloud().by(CLOUD, answer), *_queries(*refs))
    for ref in refs:
        *answers, end = [result for result in results if result.project == ref]
        ids = [a.payload["issues"][0]["id"] for a in answers if isinstance(a, Answer)]
        assert ids == ["1", "2", "3", "4", "5"]
        assert end == ProjectEnd(ref, 5)


def test_the_short_changelogs_of_a_page_are_read_together(jira: ScriptedJira) -> None:
    whole, short, shorter = _issue(1, 1), _issue(2, 9, total=3), _issue(3, 8, total=2)
    first = {"issueId": "2", "changeHistories": _histories(3, 4)}
    second = {"issueChangeLogs": [{"issueId": "3", "changeHistories": _histories(7, 8)}]}
    bulks = {"issueChangeLogs": [first], "nextPageToken": "b"}, {**second, "nextPageToken": None}
    jira.cloud().on(CLOUD, _page(whole, short, shorter, token="a"), _page(_issue(4, 5)))
    jira.on(BULK, Reply(bulks[0]), Reply(bulks[1]))
    results = _read(jira)
    assert _paths(results) == [CLOUD, BULK, BULK, CLOUD, "end"]
    asked = {"issueIdsOrKeys": ["2", "3"], "maxResults": 1000}
    assert results[1:3] == [
        Answer(BULK, asked, 200, bulks[0], P, method="POST"),
        Answer(BULK, {**asked, "nextPageToken": "b"}, 200, bulks[1], P, method="POST"),
    ]
    assert results[-1] == ProjectEnd(P, 4)


def test_what_the_bulk_leaves_out_is_read_issue_by_issue(jira: ScriptedJira) -> None:
    jira.cloud().on(CLOUD, _page(_issue(2, 9, total=3), _issue(3, 8, total=2)))
    told = {"issueId": "2", "changeHistories": _histories(1, 2, 9)}
    jira.on(BULK, Reply({"issueChangeLogs": [told]}))
    one = "/rest/api/3/issue/3/changelog"
    page = {"startAt": 0, "total": 2, "isLast": False, "values": _histories(7)}
    jira.on(one, Reply(page))
    results = _read(jira)
    assert _paths(results) == [CLOUD, BULK, one, "end"]
    assert results[2] == Answer(one, {"startAt": 0, "maxResults": 1}, 200, page, P, "3")


@pytest.mark.parametrize("brought", [(1, 2, 3), (4, 5), (6, 99)])
def test_a_bulk_that_brings_some_of_an_issue_leaves_none_of_the_others_out(
    jira: ScriptedJira, brought: tuple[int, ...]
) -> None:
    jira.cloud().on(CLOUD, _page(_issue(1, 7, 8, total=8)))
    jira.on(BULK, Reply({"issueChangeLogs": [_told(1, *brought)]}))
    one = "/rest/api/3/issue/1/changelog"
    assert set(_histories_read(jira.by(one, _changelog(range(1, 9))))) >= set("12345678")


def test_an_issue_that_the_bulk_does_not_speak_of_is_read_alone(jira: ScriptedJira) -> None:
    """Whatever its page says of how many histories there are."""
    silent = _issue(1, 7)
    del silent["changelog"]["total"]
    jira.cloud().on(CLOUD, _page(silent, _issue(2, 9, total=3)))
    jira.on(BULK, Reply({"issueChangeLogs": [_told(2, 1, 2)]}))
    one = "/rest/api/3/issue/1/changelog"
    assert _paths(_read(jira.by(one, _changelog(range(5, 8))))) == [CLOUD, BULK, one, "end"]


def _told(issue: int, *numbers: int) -> dict[str, Any]:
    return {"issueId": str(issue), "changeHistories": _histories(*numbers)}


def _changelog(numbers: range) -> Callable[[Asked], Reply]:
    """Answer for one issue's changelog of these histories, the oldest first."""

    def answer(asked: Asked) -> Reply:
        start, most = int(asked.query["startAt"][0]), int(asked.query["maxResults"][0])
        values = _histories(*numbers[start : start + most])
        return Reply({"startAt": start, "total": len(numbers), "values": values})

    return answer


def _histories_read(jira: ScriptedJira) -> Iterator[str]:
    """Read; yield the ids of all histories, whichever kind of page they are on."""
    for result in _read(jira):
        payload = result.payload if isinstance(result, Answer) else {}
        for listed in (
            *(issue["changelog"]["histories"] for issue in payload.get("issues", ())),
            *(each["changeHistories"] for each in payload.get("issueChangeLogs", ())),
            payload.get("values", ()),
        ):
            yield from (history["id"] for history in listed)


@pytest.mark.parametrize("status", [403, 404, 405, 410])
def test_a_site_without_the_bulk_is_asked_for_it_once(jira: ScriptedJira, status: int) -> None:
    shorts = [_issue(n, 9 * n, total=2) for n in (1, 2)]
    jira.cloud().on(CLOUD, _page(shorts[0], token="a"), _page(shorts[1]))
    jira.on(BULK, Reply({"errorMessages": ["no"]}, status))
    ones = [f"/rest/api/3/issue/{number}/changelog" for number in (1, 2)]
    for one in ones:
        jira.on(one, Reply({"startAt": 0, "total": 2, "values": _histories(1)}))
    with client(jira) as reader:
        assert _paths(reader.issues(_queries(P))) == [CLOUD, ones[0], CLOUD, ones[1], "end"]
        assert ones[1] in _paths(reader.issues(_queries(Q)))  # its only page is the last one above
    assert jira.calls_of(BULK) == 1


def test_another_refusal_of_the_bulk_is_an_error(jira: ScriptedJira) -> None:
    jira.cloud().on(CLOUD, _page(_issue(1, 9, total=2)))
    jira.on(BULK, Reply({"errorMessages": ["no"]}, 400))
    with pytest.raises(errors.RefusedRequestError):
        _read(jira)


@pytest.mark.parametrize(("missing", "asked"), [(1, [1]), (100, [100]), (205, [100, 100, 5])])
def test_of_one_issue_only_what_is_missing_is_asked_for(
    jira: ScriptedJira, missing: int, asked: list[int]
) -> None:
    embedded = range(1000, 1040)
    jira.cloud().on(CLOUD, _page(_issue(1, *embedded, total=40 + missing)))
    jira.on(BULK, Reply({}, 404))

    def changelog(asked: Asked) -> Reply:
        start, most = int(asked.query["startAt"][0]), int(asked.query["maxResults"][0])
        total = 40 + missing
        values = _histories(*range(start, min(start + most, total)))
        return Reply({"startAt": start, "maxResults": most, "total": total, "values": values})

    one = "/rest/api/3/issue/1/changelog"
    results = _read(jira.by(one, changelog))
    answers = [r for r in results if isinstance(r, Answer) and r.path == one]
    assert [answer.params["maxResults"] for answer in answers] == asked
    arrived = [history["id"] for answer in answers for history in answer.payload["values"]]
    assert arrived == [str(number) for number in range(missing)]


def test_pages_that_a_site_caps_are_followed(jira: ScriptedJira) -> None:
    jira.cloud().on(CLOUD, _page(_issue(1, 9, total=4))).on(BULK, Reply({}, 404))
    one = "/rest/api/3/issue/1/changelog"
    pages = [Reply({"total": 4, "values": _histories(n)}) for n in (1, 2, 3)]
    assert _paths(_read(jira.on(one, *pages))) == [CLOUD, one, one, one, "end"]


def test_an_issue_that_is_gone_by_then_is_no_failure(jira: ScriptedJira) -> None:
    jira.cloud().on(CLOUD, _page(_issue(1, 9, total=2))).on(BULK, Reply({}, 404))
    assert _paths(_read(jira)) == [CLOUD, "end"]


def test_a_changelog_that_is_forbidden_or_no_jira_s_is_an_error(jira: ScriptedJira) -> None:
    jira.cloud().on(CLOUD, _page(_issue(1, 9, total=2))).on(BULK, Reply({}, 404))
    one = "/rest/api/3/issue/1/changelog"
    for reply, kind in [
        (Reply({}, 403), errors.ForbiddenError),
        (Reply(b"<html>", 404), errors.WrongPathError),
    ]:
        jira.on(one, reply)
        with pytest.raises(kind):
            _read(jira)


def test_a_data_center_s_short_issue_is_read_alone_and_once(jira: ScriptedJira) -> None:
    """It is the last of its page, so that it is the first of the next one, too."""
    short = _issue(2, 9, total=3)
    jira.data_center().on(
        DATA_CENTER, _window(_issue(1, 1), short, total=3), _window(short, _issue(3), total=2)
    )
    one = "/rest/api/2/issue/2"
    jira.on(one, Reply(_issue(2, 7, 8, 9)))
    results = _read(jira)
    assert _paths(results) == [DATA_CENTER, one, DATA_CENTER, "end"]
    params = {"expand": "changelog", "fields": "updated"}
    assert results[1] == Answer(one, params, 200, _issue(2, 7, 8, 9), P, "2")


def test_an_increment_does_not_read_what_landed_before(jira: ScriptedJira) -> None:
    old = {**_histories(1)[0], "created": "2026-05-01T00:00:00.000+0000"}
    issue = _issue(1, 2, total=50)
    issue["changelog"]["histories"].append(old)
    jira.cloud().on(CLOUD, _page(issue))
    assert _paths(_read(jira, *_queries(P, since=SINCE))) == [CLOUD, "end"]
    told = {"issueId": "1", "changeHistories": _histories(*range(50))}
    jira.on(BULK, Reply({"issueChangeLogs": [told]}))
    assert _paths(_read(jira, *_queries(P))) == [CLOUD, BULK, "end"]
    never = IssueQuery(P, SINCE, ("status",), whole_changelogs=True)
    assert _paths(_read(jira, never)) == [CLOUD, BULK, "end"]


@pytest.mark.parametrize(
    "refusal", [Reply(NO_PROJECT, 400), Reply({}, 403), Reply({"message": "gone"}, 404)]
)
@pytest.mark.parametrize("what", ["issues", "issue_ids"])
def test_a_project_that_cannot_be_read_is_an_end_and_harms_no_other(
    jira: ScriptedJira, refusal: Reply, what: str
) -> None:
    def answer(asked: Asked) -> Reply:
        return refusal if "project = 10 " in asked.body["jql"] else _page(_issue(1))

    asked_for: Any = _queries(P, Q) if what == "issues" else [P, Q]
    with client(jira.cloud().by(CLOUD, answer)) as reader:
        results = list(getattr(reader, what)(asked_for))
    [end] = [result for result in results if result.project == P]
    assert (end.project, end.issues) == (P, 0)
    refused = end.unreadable
    assert (refused.status, refused.payload) == (refusal.status, refusal.body)
    assert (refused.path, refused.method, refused.project) == (CLOUD, "POST", P)
    assert refused.params in _bodies(jira, CLOUD)
    assert ProjectEnd(Q, 1) in results


@pytest.mark.parametrize("refusal", [Reply(NO_PROJECT, 400), Reply({}, 403), Reply({}, 404)])
def test_the_same_of_a_later_page_is_an_error(jira: ScriptedJira, refusal: Reply) -> None:
    jira.cloud().on(CLOUD, _page(_issue(1), token="a"), refusal)
    with pytest.raises(errors.PermanentJiraError):
        _read(jira)


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Reply({"errorMessages": ["Field 'updated' does not exist."]}, 400), "RefusedRequestError"),
        (Reply({"errorMessages": ["removed"]}, 410), "GoneError"),
        (Reply({}, 401), "CredentialsRefusedError"),
        (Reply(b"<html>", 404), "WrongPathError"),
    ],
)
def test_other_refusals_end_the_reading(jira: ScriptedJira, refusal: Reply, kind: str) -> None:
    jira.cloud().on(CLOUD, refusal)
    with pytest.raises(getattr(errors, kind)):
        _read(jira)


def test_the_ids_of_a_cloud_project_come_five_thousand_at_once(jira: ScriptedJira) -> None:
    jira.cloud().on(CLOUD, _page({"id": "1"}, {"id": "2"}, token="a"), _page({"id": "3"}))
    with client(jira) as reader:
        *answers, end = reader.issue_ids([P])
    body = {"jql": "project = 10 ORDER BY key ASC", "fields": ["id"], "maxResults": 5000}
    assert _bodies(jira, CLOUD) == [body, {**body, "nextPageToken": "a"}]
    assert (len(answers), end) == (2, ProjectEnd(P, 3))


def test_the_ids_of_a_data_center_project_come_a_thousand_at_once(jira: ScriptedJira) -> None:
    jira.data_center().on(DATA_CENTER, _window(total=0))
    with client(jira) as reader:
        answer, end = reader.issue_ids([P])
    assert isinstance(answer, Answer)
    assert answer.params == {
        "jql": "project = 10 ORDER BY key ASC",
        "startAt": 0,
        "maxResults": 1000,
        "fields": ["id"],
    }
    assert end == ProjectEnd(P, 0)


@pytest.mark.parametrize("cloud", [True, False])
def test_a_sample_is_one_page_a_project(jira: ScriptedJira, *, cloud: bool) -> None:
    (jira.cloud() if cloud else jira.data_center()).by(
        CLOUD if cloud else DATA_CENTER,
        lambda asked: (
            Reply(NO_PROJECT, 400)
            if "project = 10 " in asked.body["jql"]
            else _page(_issue(1), token="more")
        ),
    )
    with client(jira) as reader:
        answers = {answer.project: answer for answer in reader.issue_samples([P, Q])}
    assert {ref: answer.status for ref, answer in answers.items()} == {P: 400, Q: 200}
    assert answers[P].payload == NO_PROJECT
    body = answers[Q].params
    assert body["jql"] == "project = 20 ORDER BY updated DESC, key ASC"
    assert (body["fields"], body["maxResults"]) == (["*all"], 100)
    assert "expand" not in body


def test_other_refusals_of_a_sample_are_errors(jira: ScriptedJira) -> None:
    jira.cloud().on(CLOUD, Reply({"errorMessages": ["no"]}, 400))
    with client(jira) as reader, pytest.raises(errors.RefusedRequestError):
        list(reader.issue_samples([P]))


def test_closing_early_leaves_no_thread_and_a_client_that_works(jira: ScriptedJira) -> None:
    def answer(asked: Asked) -> Reply:
        page = int(asked.body.get("nextPageToken", "0"))
        return _page(_issue(1), token=str(page + 1))

    jira.cloud().by(CLOUD, answer).on("/rest/api/3/status", Reply([{"id": "1"}]))
    with client(jira, max_concurrency=3) as reader:
        results = reader.issues(_queries(P, Q))
        assert isinstance(next(results), Answer)
        results.close()
        assert _threads() == []
        assert len(list(reader.statuses())) == 1


def test_the_first_failure_ends_the_other_projects(jira: ScriptedJira) -> None:
    def answer(asked: Asked) -> Reply:
        page = int(asked.body.get("nextPageToken", "0"))
        if page == 3 and "project = 20 " in asked.body["jql"]:
            return Reply({}, 401)
        return _page(_issue(1), token=str(page + 1))

    with pytest.raises(errors.CredentialsRefusedError):
        _read(jira.cloud().by(CLOUD, answer), *_queries(P, Q))
    assert _threads() == []


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(Reply({}, 500), "UnavailableError"), (Reply(b"[1", 200), "MalformedAnswerError")],
)
def test_what_may_be_of_one_project_only_comes_when_the_others_were_read(
    jira: ScriptedJira, reply: Reply, kind: str
) -> None:
    def answer(asked: Asked) -> Reply:
        return reply if "project = 10 " in asked.body["jql"] else _page(_issue(1))

    more = [ProjectRef(str(number), f"R{number}") for number in range(30, 40)]
    found: list[Answer | ProjectEnd] = []
    with client(jira.cloud().by(CLOUD, answer)) as reader, pytest.raises(getattr(errors, kind)):
        found.extend(iter(reader.issues(_queries(P, Q, *more))))
    ended = {each.project.key for each in found if isinstance(each, ProjectEnd)}
    assert ended == {ref.key for ref in (Q, *more)}
    assert _threads() == []


def _threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("jira")]
