"""Reads, lands, transforms and merges one site; prints the peaks in MB as JSON."""

import json
import resource
import sys
from uuid import uuid4

from jira_assets.extract.readings import SiteReader
from jira_assets.jira.client import JiraClient
from jira_assets.jira.site import Site
from jira_assets.partitions import PartitionKey
from jira_assets.transform.snapshots import build_snapshot
from jira_assets.warehouse.connect import engine_for
from jira_assets.warehouse.contracts import Owner, Reading
from jira_assets.warehouse.integrations import add_integration
from jira_assets.warehouse.landing import land, newest_sources
from jira_assets.warehouse.merge import merge
from jira_assets.warehouse.scope import everything
from jira_assets.warehouse.tables import ENTITIES, SOURCES


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    url, database_url = sys.argv[1:]
    engine = everything(engine_for(database_url), "a benchmark")
    key = PartitionKey("bench", "site")
    integration = add_integration(engine, key, base_url=url, auth="none")
    owner = Owner(integration.tenant_id, integration.id, str(key))
    peaks = {"imports": peak()}
    with JiraClient(Site(url, auth="none")) as client:
        reader = SiteReader(integration, client, lambda _: None)
        extraction = uuid4()
        for entity in ENTITIES:
            reading = Reading(
                owner,
                extraction,
                entity,
                pages=lambda left, entity=entity: reader.pages(entity, left),
                resumable=entity == "project_statuses",
            )
            land(engine, reading, run_id=None)
    peaks["reading and landing"] = peak()
    for table, entities in SOURCES.items():
        merge(engine, build_snapshot(table, owner, newest_sources(engine, owner, entities)))
    peaks["transforms and merges"] = peak()
    print(json.dumps(peaks))


if __name__ == "__main__":
    main()
