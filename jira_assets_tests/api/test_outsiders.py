"""What the HTTP service does with bodies that nobody means well by."""

import gzip
import json
from collections.abc import Iterator

import pytest

from jira_assets.api.body_limit import MAX_BYTES
from jira_assets_tests.api.caller import problem
from jira_assets_tests.api.conftest import Filled

RUN = "/integrations/cloud/jobs/jira_metadata/run"
JOB = "/integrations/cloud/jobs/jira_metadata"
JSON = {"Content-Type": "application/json"}
DEEP = MAX_BYTES // 2 - 10
NESTED = [
    b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * (DEEP // 6) + b"1" + b"}" * (DEEP // 6),
    b"[" * DEEP,
]


@pytest.mark.parametrize("body", NESTED, ids=["lists", "objects", "cut off"])
@pytest.mark.parametrize(("method", "path"), [("POST", RUN), ("PATCH", JOB)])
def test_a_body_that_is_nested_without_end_is_refused(
    filled: Filled, method: str, path: str, body: bytes
) -> None:
    answer = filled.api(method, path, data=body, headers=JSON)
    assert answer.status_code in {400, 422}, answer.text[:500]
    assert len(answer.content) < 2 * MAX_BYTES


def test_a_packed_body_is_not_unpacked(filled: Filled) -> None:
    bomb = gzip.compress(json.dumps({"a": "x" * 10_000_000}).encode())
    headers = {**JSON, "Content-Encoding": "gzip"}
    answer = filled.api("POST", RUN, data=bomb, headers=headers)
    assert problem(answer, answer.status_code, None if answer.status_code != 422 else "body")
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("by", ["acme", "nobody"])
def test_a_body_without_a_length_and_an_end_is_cut_off(filled: Filled, by: str) -> None:
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(10_000):
            taken += 1
            yield b" " * MAX_BYTES

    try:
        answer = filled.api("POST", RUN, by, data=pieces(), headers=JSON)
    except OSError:  # closed while we were still sending
        pass
    else:
        assert answer.status_code in {401, 413}
    assert taken < 1000
