"""What a site answers and what that makes, as data; and landed pages without a database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from jira_assets.warehouse.contracts import (
    SITE_SCOPE,
    LandedEntity,
    Landing,
    LeftBehind,
    Owner,
    RawPage,
    Reading,
    Sources,
)

Row = tuple[Any, ...]
_EXTRACTIONS: Final = UUID("6a1f3c52-54a0-4f0e-9a39-0c2d6f5b7e10")
_BEGAN: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def extraction(number: int) -> UUID:
    """Return the id of the scenario's extraction ``number``: always the same."""
    return uuid5(_EXTRACTIONS, str(number))


def listing(*payloads: Any, path: str = "/rest/api/3/any") -> list[RawPage]:
    """Return the pages of a list entity, one a payload."""
    request = {"path": path, "params": {}}
    return [RawPage(page, request, 200, payload) for page, payload in enumerate(payloads)]


def answer(page: int, project_id: Any, key: str, payload: Any, status: int = 200) -> RawPage:
    """Return the page of one project's answer."""
    path = f"/rest/api/3/project/{project_id}/statuses"
    request = {"path": path, "params": {}, "project_id": str(project_id), "project_key": key}
    return RawPage(page, request, status, payload)


def landed(
    entity: str,
    pages: Sequence[RawPage],
    owner: Owner,
    number: int = 1,
    included: Iterable[str] = (),
    excluded: Iterable[str] = (),
) -> LandedEntity:
    """Wrap pages as what has landed, without a database. A higher ``number`` is a newer landing."""
    landing = Landing(
        owner=owner,
        extraction_id=extraction(number),
        entity=entity,
        scope=SITE_SCOPE,
        sequence=number,
        pages=len(pages),
        items=len(pages),
        started_at=_BEGAN,
        landed_at=_BEGAN,
        included_projects=tuple(included),
        excluded_projects=tuple(excluded),
        unreadable={str(p.request.get("project_id")): "404" for p in pages if not p.readable},
    )
    return LandedEntity(landing, lambda: iter(pages))


@dataclass(frozen=True)
class SiteScenario:
    """What one integration's site answers, and what the tables hold of it afterwards."""

    owner: Owner
    deployment: str
    base_url: str
    pages: Mapping[str, list[RawPage]]
    rows: Mapping[str, list[Row]]
    """Table to its rows, in the order of its columns, less owner and bookkeeping."""
    unreadable: frozenset[str]
    """Projects that answered 403 or 404."""
    incomplete: frozenset[str]
    """Projects of whose answer something was set aside."""
    rejected: Mapping[str, int]
    """Table to how many objects were set aside; a table that is missing: none."""
    excluded: tuple[str, ...] = ()

    @property
    def partition_key(self) -> str:
        """The key of this integration's partition."""
        return self.owner.partition_key

    def sources(self, number: int = 1) -> dict[str, LandedEntity]:
        """Return all that has landed of this site, without a database."""
        return {entity: self.landed(entity, number) for entity in self.pages}

    def landed(self, entity: str, number: int = 1) -> LandedEntity:
        """Return what has landed of one entity, without a database."""
        pages = self.pages[entity]
        return landed(entity, pages, self.owner, number, excluded=self.excluded)

    def reading(self, entity: str, extraction_id: UUID, owner: Owner | None = None) -> Reading:
        """Return a reading that lands this entity's pages in a database."""

        def pages(_left: LeftBehind) -> Any:
            return iter(self.pages[entity])

        return Reading(
            owner=owner or self.owner,
            extraction_id=extraction_id,
            entity=entity,
            pages=pages,
            excluded_projects=self.excluded,
        )

    def changed(self, entity: str, pages: list[RawPage]) -> "SiteScenario":
        """Return this scenario with other pages for one entity; its rows no longer hold."""
        return replace(self, pages={**self.pages, entity: pages}, rows={})


def rows_of(frame: Any) -> set[Row]:
    """Return a snapshot's rows, less the owner's columns."""
    own = frame.drop(columns=["tenant_id", "integration_id"])
    return set(own.itertuples(index=False, name=None))


def without(sources: Sources, *entities: str) -> dict[str, LandedEntity]:
    """Return ``sources`` as if ``entities`` had never landed."""
    return {entity: found for entity, found in sources.items() if entity not in entities}
