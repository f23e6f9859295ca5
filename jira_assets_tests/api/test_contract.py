"""The service against its own OpenAPI document: odd calls by the hundred, none of them a defect."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from jira_assets_tests.api.conftest import Filled, filled_service
from jira_assets_tests.conftest import PostgresServer

EXAMPLES = 12
WITHOUT_PARAMETERS = {"/healthz", "/readyz", "/metrics"}


@pytest.fixture(scope="module")
def filled(postgres_server: PostgresServer) -> Iterator[Filled]:
    """A service of its own: what is called here does change things."""
    with filled_service(postgres_server) as made:
        yield made


def operations(filled: Filled) -> list[Any]:
    document = schemathesis.openapi.from_url(f"{filled.api.url}/openapi.json")
    found: list[Any] = list(document.get_all_operations())
    return [each.ok() for each in found]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_one_that_the_document_knows(filled: Filled, mode: Any) -> None:
    found = operations(filled)
    if mode is GenerationMode.NEGATIVE:  # nothing can be wrong where nothing is given
        found = [each for each in found if each.label.split()[1] not in WITHOUT_PARAMETERS]
    assert found
    for operation in found:
        call_oddly(filled, operation, mode)


def call_oddly(filled: Filled, operation: Any, mode: Any) -> None:
    headers = {"Authorization": f"Bearer {filled.api.keys['acme']}"}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    def call(case: Any, *, known: bool) -> None:
        if known and mode is GenerationMode.POSITIVE:  # else every id is one that is not there
            case.path_parameters = {
                name: filled.of_acme.get(name, value)
                for name, value in (case.path_parameters or {}).items()
            }
        # What the document allows may still be refused for what the tables hold: a job to wait for.
        case.call_and_validate(
            headers=headers, timeout=20, excluded_checks=[positive_data_acceptance]
        )

    call()


def test_the_check_would_see_a_defect(filled: Filled) -> None:
    [operation] = [each for each in operations(filled) if each.label == "GET /healthz"]
    case = operation.Case()
    answer = case.call(timeout=20)
    answer.status_code = 500
    with pytest.raises(FailureGroup):
        case.validate_response(answer, checks=[not_a_server_error])
