"""Workflow schemes made up from lists of issue types and statuses, the same way every time.

Jira gives projects their workflows through a handful of schemes, so a site of any size has few
distinct workflows. A scheme here is a ``Workflow``; over all schemes every issue type and every
status is used at least once, if there are both.
"""

from collections.abc import Sequence
from typing import Final

from jira_assets.sandbox.model import Workflow

STATUSES_IN_A_WORKFLOW: Final = 7
TYPES_IN_A_SCHEME: Final = 5


def make_schemes(type_ids: Sequence[str], status_ids: Sequence[str]) -> list[Workflow]:
    """Return the schemes; just an empty one if there are no issue types."""
    if not type_ids:
        return [()]
    workflows = _deal(status_ids, STATUSES_IN_A_WORKFLOW) or [()]
    type_sets = _deal(type_ids, TYPES_IN_A_SCHEME)
    count = max(len(workflows), len(type_sets))
    return [
        tuple(
            (type_id, workflows[(scheme + place) % len(workflows)])
            for place, type_id in enumerate(type_sets[scheme % len(type_sets)])
        )
        for scheme in range(count)
    ]


def _deal(ids: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Deal ids like cards into hands of about ``size``, the first one into every hand."""
    hands = -(-len(ids) // size)
    return [tuple(dict.fromkeys((ids[0], *ids[hand::hands]))) for hand in range(hands)]
