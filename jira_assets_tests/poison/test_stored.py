"""Some hundreds of cases through a real Postgres: see ``stored``."""

from collections import Counter

import sqlalchemy as sa

from jira_assets_tests.poison.stored import play_stored

BATCH = 120
BATCHES = 3


def test_postgres_takes_what_is_poisoned_and_holds_what_was_said(
    warehouse: sa.Engine,
) -> None:
    counts: Counter[str] = Counter()
    problems = []
    for number in range(BATCHES):
        stored = play_stored(warehouse, range(number * BATCH, (number + 1) * BATCH))
        counts += stored.counts
        problems += stored.problems
    assert problems == []
    assert counts["cases"] == BATCH * BATCHES
    assert counts["rows"] > counts["rejected"] > 20
    assert min(counts["refused"], counts["swept"]) > 0
