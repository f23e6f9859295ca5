import os
from pathlib import Path
from typing import get_args

import pytest

from jira_assets.sandbox.model import Deployment
from jira_assets_tests.contract.spec import Spec


@pytest.fixture(scope="session")
def jira_openapi_dir() -> Path:
    folder = os.environ.get("JIRA_OPENAPI_DIR")
    if not folder:
        pytest.skip(
            "NOT RUN: set JIRA_OPENAPI_DIR to the folder with Atlassian's own OpenAPI specs "
            "to run this test."
        )
    return Path(folder)


@pytest.fixture(scope="session")
def specs(jira_openapi_dir: Path) -> dict[Deployment, Spec]:
    return {each: Spec(jira_openapi_dir, each) for each in get_args(Deployment)}


@pytest.fixture(params=get_args(Deployment))
def deployment(request: pytest.FixtureRequest) -> Deployment:
    chosen: Deployment = request.param
    return chosen


@pytest.fixture
def spec(specs: dict[Deployment, Spec], deployment: Deployment) -> Spec:
    return specs[deployment]
