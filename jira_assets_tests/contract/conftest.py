import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def jira_openapi_dir() -> Path:
    folder = os.environ.get("JIRA_OPENAPI_DIR")
    if not folder:
        pytest.skip(
            "NOT RUN: set JIRA_OPENAPI_DIR to the folder with Atlassian's own OpenAPI specs "
            "to run this test."
        )
    return Path(folder)
