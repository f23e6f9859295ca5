"""A line of the table of answers: what a site sends, and what jira_assets makes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jira_assets.jira.errors import JiraError
from jira_assets.sandbox.faults import KINDS
from jira_assets.sandbox.model import Deployment
from jira_assets.sandbox.site import JiraSite
from jira_assets.sandbox.truth import Truth

BOTH: tuple[Deployment, ...] = ("cloud", "data_center")
CLOUD: tuple[Deployment, ...] = ("cloud",)
DATA_CENTER: tuple[Deployment, ...] = ("data_center",)
ONE_LIST = "*/status"
EACH_PROJECT = "*/project/*/statuses"


def unchanged(truth: Truth) -> Truth:
    return truth


@dataclass(frozen=True)
class Line:
    """One line. ``kind`` is a fault of the sandbox, or words for what the site itself holds."""

    number: int
    kind: str
    says: str
    """What the user reads, less the remedy; where nothing is raised, what the tables hold.

    An ellipsis stands for what differs from one reading to the next.
    """
    error: type[JiraError] | None = None
    path: str = "*"
    count: int | None = None
    seconds: float = 1.0
    context_path: str = "/jira"
    projects: int = 12
    deployments: tuple[Deployment, ...] = BOTH
    site: Callable[[JiraSite], None] | None = None
    """Changes the site before it is read."""
    meanwhile: Callable[[JiraSite], None] | None = None
    """Changes it between its lists and its projects."""
    rows: Callable[[Truth], Truth] = unchanged
    """What the tables hold, seen from what the site holds."""
    columns: Mapping[tuple[str, str], set[Any]] = field(default_factory=dict)
    """Table and column to the values in it."""
    spared: bool = False
    """Every project counts as unreadable: nothing is deleted."""
    rejected: tuple[str, ...] = ()
    """The reasons of the objects that were set aside."""

    @property
    def is_fault(self) -> bool:
        return self.kind in KINDS

    @property
    def text(self) -> str:
        """All that the user reads."""
        return self.says if self.error is None else f"{self.says} {self.error.remedy}"


def refused(number: int, kind: str, error: type[JiraError], says: str, **more: Any) -> Line:
    return Line(number, kind, says, error, **more)
