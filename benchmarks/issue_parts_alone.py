"""Reads, lands, shapes and merges the issues of one site, each alone; prints seconds as JSON."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from jira_assets.extract.fields import ALL
from jira_assets.extract.pages import page_of
from jira_assets.extract.roster import Roster
from jira_assets.garbage import rarely_collected
from jira_assets.jira.client import Answer, IssueQuery, JiraClient
from jira_assets.jira.site import Site
from jira_assets.partitions import PartitionKey
from jira_assets.transform.issue_assets import DESCRIPTIONS, step_of
from jira_assets.transform.snapshots import TRANSFORM_VERSION
from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.contracts import (
    Changes,
    Increments,
    LandedEntity,
    Owner,
    Piece,
    RawPage,
    ScopedReading,
    ScopeEnd,
    ScopePage,
    Sweep,
    Window,
)
from jira_assets.warehouse.increments import changes_to_apply
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.jsonb import jsonb_bytes, without_nuls
from jira_assets.warehouse.merge_increments import merge_increments
from jira_assets.warehouse.scope import everything
from jira_assets.warehouse.scoped_landing import land_scopes

TABLES = tuple(DESCRIPTIONS)


def main(url: str, database_url: str) -> None:
    engine, key = everything(engine_for(database_url), "a benchmark"), PartitionKey("bench", "site")
    integration = add_integration(engine, key, base_url=url, auth="none")
    owner = Owner(integration.tenant_id, integration.id, str(key))
    took: dict[str, float] = {}
    with rarely_collected():
        began = time.perf_counter()
        read = list(read_issues(url))
        took["reading (HTTP and JSON)"] = time.perf_counter() - began
        texts = [text_of(each.page) for each in read if isinstance(each, ScopePage)]
        took["COPY of the same pages into jsonb"] = copied(engine, texts)
        began = time.perf_counter()
        land_scopes(
            engine,
            ScopedReading(owner, uuid4(), "issues", lambda _: iter(read)),
            run_id=None,
        )
        took["landing"] = time.perf_counter() - began
        began = time.perf_counter()
        landed = changes_to_apply(engine, owner, TABLES, TRANSFORM_VERSION)
        steps = [kept(each) for each in landed]
        took["shaping (from Postgres to rows)"] = time.perf_counter() - began
        increments = Increments(owner, TABLES, TRANSFORM_VERSION, lambda: iter(steps))
        began = time.perf_counter()
        merge_increments(engine, increments)
        took["merging"] = time.perf_counter() - began
    print(json.dumps({**took, "megabytes": sum(map(len, texts)) / 1e6}))


def read_issues(url: str) -> Iterator[ScopePage | ScopeEnd]:
    """Read all issues of a site, as pages to land."""
    with JiraClient(Site(url, auth="none")) as client:
        roster = Roster()
        for answer in client.projects():
            roster.add(answer.payload)
        numbers: Counter[str] = Counter()
        now = datetime.now(UTC)
        queries = (IssueQuery(ref, None, ALL) for ref in roster.by_id.values())
        for event in client.issues(queries):
            if not isinstance(event, Answer):
                window = Window(None, now, event.project.key, ALL)
                yield ScopeEnd(event.project.id, window)
            elif event.project is not None:
                scope = event.project.id
                yield ScopePage(scope, page_of(event, numbers[scope]))
                numbers[scope] += 1


def text_of(page: RawPage) -> bytes:
    """Return what lands of a page."""
    return jsonb_bytes(page.payload) if page.text is None else without_nuls(page.text)


def copied(engine: sa.Engine, texts: list[bytes]) -> float:
    """Return the seconds in which Postgres copies texts into a table of jsonb."""
    escaped = [text.replace(b"\\", b"\\\\") + b"\n" for text in texts]
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        connection.exec_driver_sql("CREATE TEMPORARY TABLE ideal (payload jsonb)")
        began = time.perf_counter()
        with driver.cursor() as cursor, cursor.copy("COPY ideal FROM STDIN") as to:
            for line in escaped:
                to.write(line)
        return time.perf_counter() - began


def kept(landed: LandedEntity) -> Changes | Sweep:
    """Shape a landing now, and keep what came of it."""
    step = step_of(landed)
    if isinstance(step, Sweep):
        raise TypeError("no ids were read")
    pieces: list[Piece] = list(step.pieces())
    return Changes(step.landing, lambda: iter(pieces))


if __name__ == "__main__":
    main(*sys.argv[1:])
