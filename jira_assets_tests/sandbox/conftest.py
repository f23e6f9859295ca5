import os
from pathlib import Path

import pytest


def _folder(variable: str, holds: str) -> Path:
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"NOT RUN: set {variable} to the folder with {holds} to run this test.")
    return Path(folder)


@pytest.fixture(scope="session")
def real_jira_dir() -> Path:
    return _folder("REAL_JIRA_DIR", "answers captured from real Jira sites")


@pytest.fixture(scope="session")
def jira_openapi_dir() -> Path:
    return _folder("JIRA_OPENAPI_DIR", "Atlassian's own OpenAPI specs")
