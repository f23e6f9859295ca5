import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_jira_dir() -> Path:
    folder = os.environ.get("REAL_JIRA_DIR")
    if not folder:
        pytest.skip(
            "NOT RUN: set REAL_JIRA_DIR to the folder with answers captured from real Jira sites "
            "to run this test."
        )
    return Path(folder)
