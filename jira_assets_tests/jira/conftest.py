from collections.abc import Iterator

import pytest

from jira_assets_tests.jira.scripted import ScriptedJira


@pytest.fixture
def jira() -> Iterator[ScriptedJira]:
    with ScriptedJira() as server:
        yield server
