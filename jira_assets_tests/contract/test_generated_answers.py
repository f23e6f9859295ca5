"""Thousands of answers made from Atlassian's schemas: the transforms never do but make rows of
them or set them aside, and the client takes them or refuses them in its own words."""

from collections import Counter
from typing import Any, Final

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jira_assets.jira import identity
from jira_assets.jira.dialect import deployment_of, dialect_of
from jira_assets.jira.errors import JiraError
from jira_assets.jira.shapes import is_account, is_server_info
from jira_assets.sandbox.model import Deployment
from jira_assets.transform.snapshots import TRANSFORMS, build_snapshot
from jira_assets.warehouse.contracts import Sources
from jira_assets.warehouse.jsonb import to_jsonb
from jira_assets_tests.contract.accounts import check_accounts
from jira_assets_tests.contract.generate import Strategy, answers
from jira_assets_tests.contract.landing import OWNER, endpoints, parsed, read
from jira_assets_tests.contract.mutate import mutated, sent
from jira_assets_tests.contract.sites import Answers, as_declared, as_nobody_declared
from jira_assets_tests.contract.spec import Judged, Spec, validator

thorough = settings(
    deadline=None,
    derandomize=True,
    database=None,
    # To make a failing site smaller takes longer than a test may; it is shown as it is.
    phases=[Phase.generate],
    # A site of six answers, each as wide as Atlassian's schemas, is large and takes a while.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ERRORS: Final = (400, 401, 403, 404, 409, 410, 418, 429, 500, 502, 503)
ERROR_SCHEMA: Final = {"$ref": "#/components/schemas/ErrorCollection"}


def transformed(site: Answers) -> Counter[str]:
    """Land a site's answers, make every table of them, alone and combined; count what came."""
    sources, seen = read(site)
    for table, transform in TRANSFORMS.items():
        if not sources.keys() & set(transform.entities):
            continue
        seen += checked(table, sources)
        for entity in transform.entities if len(transform.entities) > 1 else ():
            checked(table, {entity: sources[entity]})
    for source in sources.values():
        for page in source.pages():
            orjson.loads(to_jsonb(page.payload))
    return seen


def checked(table: str, sources: Sources) -> Counter[str]:
    snapshot = build_snapshot(table, OWNER, sources)
    for each in snapshot.rejected:
        orjson.loads(to_jsonb(each.payload))
    for value in snapshot.frame.to_numpy().ravel():
        assert not isinstance(value, str) or b"\x00" not in value.encode()
    return check_accounts(table, snapshot, sources)


def totals(sites: st.SearchStrategy[Answers], examples: int) -> Counter[str]:
    seen: Counter[str] = Counter()

    @settings(thorough, max_examples=examples)
    @given(sites)
    def holds(site: Answers) -> None:
        seen.update(transformed(site))

    holds()
    return seen


def test_answers_as_declared_become_rows_or_are_set_aside(
    spec: Spec, deployment: Deployment
) -> None:
    seen = totals(as_declared(spec, deployment), 150)
    assert seen["answers"] == 1050
    assert seen["believed"] > seen["answers"] // 3
    assert seen["refused"] == 0
    assert min(seen["rows"], seen["rejected"]) > 200


def test_answers_that_nobody_declared_become_rows_or_are_set_aside(
    spec: Spec, deployment: Deployment
) -> None:
    seen = totals(as_nobody_declared(spec, deployment), 220)
    assert seen["answers"] == 1540
    assert min(seen["believed"], seen["refused"], seen["rows"], seen["rejected"]) > 100


def test_the_answers_are_what_atlassian_declares(spec: Spec, deployment: Deployment) -> None:
    def judged(path: str) -> None:
        judge = spec.validator(path)

        @settings(thorough, max_examples=20)
        @given(answers(spec.answer(path)))
        def holds(answer: Any) -> None:
            judge.validate(answer)

        holds()

    for path in (*endpoints(deployment).values(), "/serverInfo", "/myself"):
        judged(path)


@pytest.mark.parametrize("change", [lambda declared: declared, mutated])
def test_whoever_the_site_and_the_account_are_they_are_read(spec: Spec, change: Any) -> None:
    def made(path: str) -> Strategy:
        declared: Strategy = change(answers(spec.answer(path)))
        return declared.map(sent)

    @settings(thorough, max_examples=200)
    @given(made("/serverInfo"), made("/myself"))
    def holds(server_info: bytes, account: bytes) -> None:
        try:
            found = parsed(server_info), parsed(account)
        except JiraError:
            return
        if is_server_info(found[0]) and is_account(found[1]):
            dialect = dialect_of(deployment_of(found[0]))
            assert identity._identity(dialect, *found).account_id

    holds()


def test_an_error_s_body_is_an_error_whatever_it_holds(specs: dict[Deployment, Spec]) -> None:
    declared = Judged(ERROR_SCHEMA, specs["cloud"].components)
    judge = validator(declared)

    @settings(thorough, max_examples=100)
    @given(answers(declared))
    def is_declared(body: Any) -> None:
        judge.validate(body)

    @settings(thorough, max_examples=400)
    @given(mutated(answers(declared)).map(sent), st.sampled_from(ERRORS))
    def is_an_error(body: bytes, status: int) -> None:
        with pytest.raises(JiraError):
            parsed(body, status)

    is_declared()
    is_an_error()
