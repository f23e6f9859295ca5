"""The client against the sandbox: whole sites of both dialects, and what goes wrong on the way."""

from collections.abc import Iterable
from typing import Any, Literal

import pytest

from jira_assets.jira import errors
from jira_assets.jira.client import Answer, JiraClient, ProjectRef
from jira_assets.jira.shapes import items_of
from jira_assets.jira.site import Site
from jira_assets.sandbox.credentials import Credentials
from jira_assets.sandbox.faults import Fault
from jira_assets.sandbox.rate_limit import RateLimit
from jira_assets.sandbox.server import SandboxServer
from jira_assets.sandbox.synthetic import synthetic_site
from jira_assets_tests.jira.scripted import CANARY, POLICY, FakeClock, site

DEPLOYMENTS: tuple[Literal["cloud", "data_center"], ...] = ("cloud", "data_center")
WORTH_ANOTHER_TRY = (
    "empty_body",
    "cut_json",
    "early_close",
    "http_500",
    "http_502_html",
    "http_503_retry_after",
    "http_429",
    "http_429_bare",
    "wrong_shape",
)
PERMANENT = {
    "html_200": errors.NotJiraError,
    "login_redirect": errors.RedirectedError,
    "redirect_other_host": errors.RedirectedError,
    "anonymous_view": errors.AnonymousViewError,
    "captcha_403": errors.CaptchaError,
    "scope_401": errors.ScopeError,
    "gone_410": errors.GoneError,
    "html_404": errors.WrongPathError,
}


def _client(server: SandboxServer) -> JiraClient:
    return JiraClient(Site(server.url, auth="none"), policy=POLICY, clock=FakeClock())


def _items(answers: Iterable[Answer]) -> list[Any]:
    return [item for answer in answers for item in items_of(answer.payload)]


def _refs(reader: JiraClient) -> list[ProjectRef]:
    by_id = {project["id"]: project["key"] for project in _items(reader.projects())}
    return [ProjectRef(project_id, key) for project_id, key in by_id.items()]


def _relations(reader: JiraClient) -> set[tuple[object, ...]]:
    return {
        (answer.project.id, issue_type["id"], status["id"])
        for answer in reader.project_statuses(_refs(reader))
        if answer.project is not None and answer.status == 200
        for issue_type in answer.payload
        for status in issue_type["statuses"]
    }


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_whole_site_is_read(deployment: Literal["cloud", "data_center"]) -> None:
    model = synthetic_site(projects=230, deployment=deployment)
    with SandboxServer(model, context_path="/jira") as server, _client(server) as reader:
        truth = model.truth()
        assert reader.identity().deployment == deployment
        projects = {(p["id"], p["key"], p["name"]) for p in _items(reader.projects())}
        assert projects == truth["projects"]
        assert _relations(reader) == truth["projects_issue_types_statuses"]
        listed = {(status["id"], status["name"]) for status in _items(reader.statuses())}
        assert listed <= {(row[0], row[1]) for row in truth["statuses"]}
        assert {t["id"] for t in _items(reader.issue_types())} <= {
            row[0] for row in truth["issue_types"]
        }
        assert {field["id"] for field in _items(reader.fields()) if field["custom"]} == {
            row[0] for row in truth["custom_fields"]
        }
        assert (reader.stats.retries, reader.stats.rate_limited) == (0, 0)


@pytest.mark.parametrize("status", [404, 403])
def test_an_unreadable_project_is_an_answer(status: int) -> None:
    model = synthetic_site(projects=5)
    with SandboxServer(model) as server, _client(server) as reader:
        refs = _refs(reader)
        model.make_unreadable(refs[2].id, status)
        answers = {answer.project: answer for answer in reader.project_statuses(refs)}
    assert len(answers) == 5
    assert [ref for ref in refs if answers[ref].status != 200] == [refs[2]]
    assert answers[refs[2]].status == status
    assert answers[refs[2]].payload["errorMessages"]


@pytest.mark.parametrize("kind", WORTH_ANOTHER_TRY)
def test_what_goes_wrong_now_and_then_loses_nothing(kind: str) -> None:
    model = synthetic_site(projects=120)
    faults = [Fault(kind, share=0.2)]
    with SandboxServer(model, faults=faults) as server, _client(server) as reader:
        assert _relations(reader) == model.truth()["projects_issue_types_statuses"]
        assert reader.stats.retries > 0


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_every_item_twice_loses_nothing(deployment: Literal["cloud", "data_center"]) -> None:
    model = synthetic_site(projects=230, deployment=deployment)
    faults = [Fault("repeated_items")]
    with SandboxServer(model, faults=faults) as server, _client(server) as reader:
        assert {ref.id for ref in _refs(reader)} == {row[0] for row in model.truth()["projects"]}


@pytest.mark.parametrize("kind", PERMANENT)
def test_what_somebody_must_repair_is_asked_for_once(kind: str) -> None:
    faults = [Fault(kind)]
    with SandboxServer(synthetic_site(), faults=faults) as server:
        reader = JiraClient(site(server.url), policy=POLICY, clock=FakeClock())
        with reader, pytest.raises(errors.PermanentJiraError) as raised:
            list(reader.projects())
        assert type(raised.value) is PERMANENT[kind]
        assert reader.stats.calls == 1


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_wrong_credentials_are_refused_and_right_ones_are_not(
    deployment: Literal["cloud", "data_center"],
) -> None:
    model = synthetic_site(deployment=deployment)
    with SandboxServer(model, credentials=Credentials(CANARY, "mia@example.com")) as server:
        with JiraClient(site(server.url), clock=FakeClock()) as reader:
            assert reader.identity().display_name
        wrong = site(server.url, secret=lambda: "wrong")
        with JiraClient(wrong, clock=FakeClock()) as reader:
            with pytest.raises(errors.CredentialsRefusedError):
                list(reader.statuses())
            assert reader.stats.retries == 0


def test_a_rate_limit_slows_the_reading_down_and_loses_nothing() -> None:
    model = synthetic_site(projects=30)
    with SandboxServer(model) as server, JiraClient(Site(server.url, auth="none")) as reader:
        refs = _refs(reader)
        server.rate_limit = RateLimit(requests_per_second=50, burst=10)
        answers = {answer.project: answer.status for answer in reader.project_statuses(refs)}
        assert answers == dict.fromkeys(refs, 200)
        assert reader.stats.rate_limited == 0
        assert reader.stats.waited_seconds > 0
