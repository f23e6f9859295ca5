"""Whose rows a transaction may see: carried by the engine, told to Postgres as it begins.

Decisions this module embodies:

* The scope is an option of the engine that code is handed, not a variable of the thread or the
  process: it goes wherever the engine goes, into pools of threads too, and two scopes at once do
  not meet.
* It is told by ``set_config(..., true)``, which ends with the transaction: behind a PgBouncer in
  transaction mode a setting of the session would be the next customer's.
* Nothing is assumed. An engine without a scope tells none, and the policies refuse in words
  (``policies``). Everything is asked for by name, with the reason beside it, and never by a run
  that is on partitions: a scope only ever gets narrower.
* Settings guard against mistakes. Who may run any SQL may set another one, within what the policies
  let the role see: roles and bound parameters guard against intruders (docs/security.md).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import sqlalchemy as sa

_OPTION: Final = "jira_assets_scope"
_ALL: Final = "*"
_OWN_PATH: Final = "jira_assets_own_search_path"
_TRUST_NO_SCHEMA: Final = "SELECT pg_catalog.set_config('search_path', 'pg_catalog', true)"
_TELL: Final = (
    "SELECT pg_catalog.set_config('search_path', 'pg_catalog', true), "
    "pg_catalog.set_config('jira_assets.tenants', %(tenants)s, true), "
    "pg_catalog.set_config('jira_assets.integrations', %(integrations)s, true), "
    "pg_catalog.set_config('jira_assets.partitions', %(partitions)s, true)"
)
_IDS_OF: Final = (
    "SELECT integration.id, integration.tenant_id FROM jira.integrations AS integration "
    "JOIN jira.tenants AS tenant ON tenant.id = integration.tenant_id "
    "WHERE (tenant.slug, integration.slug) IN "
    "(SELECT split_part(key, '/', 1), split_part(key, '/', 2) "
    "FROM unnest(%(keys)s::text[]) AS key) "
    "AND tenant.slug || '/' || integration.slug = ANY (%(keys)s::text[])"
)


class ScopeError(ValueError):
    """Code asked to see more than what it was handed may."""


class _Scope(Protocol):
    def enter(self, connection: sa.Connection) -> None: ...

    def narrowed(self, keys: frozenset[str]) -> "_Scope": ...


@dataclass(frozen=True)
class _Everything:
    """All tenants, for the reason that the code gives."""

    why: str

    def enter(self, connection: sa.Connection) -> None:
        _tell(connection, _ALL, _ALL, _ALL)

    def narrowed(self, keys: frozenset[str]) -> "_Partitions":
        return _Partitions(keys)


@dataclass(frozen=True)
class _Tenants:
    """All integrations of some tenants, and no runs: their signs of life are nobody's data."""

    ids: frozenset[int]

    def __str__(self) -> str:
        return f"the tenants {_listed(map(str, self.ids))}"

    def enter(self, connection: sa.Connection) -> None:
        _tell(connection, _array(self.ids), _ALL, _array(()))

    def narrowed(self, keys: frozenset[str]) -> _Scope:
        raise ScopeError(f"a scope of tenants is not narrowed to partitions: {_listed(keys)}")


@dataclass(frozen=True)
class _Partitions:
    """Some integrations, named by their partition keys; their ids come from the warehouse."""

    keys: frozenset[str]
    _ids: dict[str, frozenset[int]] = field(default_factory=dict, compare=False, repr=False)
    """Once all of them are known; an integration that is added meanwhile is seen from then on."""

    def __str__(self) -> str:
        return _listed(self.keys)

    def enter(self, connection: sa.Connection) -> None:
        ids = self._ids or self._look_up(connection)
        _tell(connection, _array(ids["tenants"]), _array(ids["integrations"]), _array(self.keys))

    def narrowed(self, keys: frozenset[str]) -> "_Partitions":
        if foreign := keys - self.keys:
            raise ScopeError(
                f"{_listed(foreign)} {'is' if len(foreign) == 1 else 'are'} not of this run, which "
                f"may see {_listed(self.keys)} and nothing else."
            )
        return self if keys == self.keys else _Partitions(keys)

    def _look_up(self, connection: sa.Connection) -> dict[str, frozenset[int]]:
        # Which ids the keys have is asked before there is a scope: of the keys alone.
        _tell(connection, _ALL, _ALL, _array(()))
        rows = connection.exec_driver_sql(_IDS_OF, {"keys": sorted(self.keys)}).all()
        ids = {
            "integrations": frozenset(row.id for row in rows),
            "tenants": frozenset(row.tenant_id for row in rows),
        }
        if len(rows) == len(self.keys):
            self._ids.update(ids)
        return ids


def everything(engine: sa.Engine, why: str) -> sa.Engine:
    """Return ``engine``, seeing all tenants.

    Args:
        engine: of the warehouse; one that was narrowed is not widened again.
        why: what needs it, for who reads the code, and the error if it may not.

    Raises:
        ScopeError: ``engine`` is that of a run on partitions, or of a tenant's call.
    """
    before = _scope_of(engine)
    if before is not None and not isinstance(before, _Everything):
        raise ScopeError(f"everything was asked for ({why}) by what may only see {before}")
    return engine.execution_options(**{_OPTION: _Everything(why)})


def within_partitions(engine: sa.Engine, keys: Iterable[str]) -> sa.Engine:
    """Return ``engine``, seeing the integrations of these partition keys only.

    Raises:
        ScopeError: ``engine`` was narrowed before, and not to all of them.
    """
    wanted, before = frozenset(keys), _scope_of(engine)
    scope = _Partitions(wanted) if before is None else before.narrowed(wanted)
    return engine.execution_options(**{_OPTION: scope})


def within_tenants(engine: sa.Engine, ids: Collection[int]) -> sa.Engine:
    """Return ``engine``, seeing what belongs to these tenants (``tenants.id``) only.

    Raises:
        ScopeError: ``engine`` was narrowed before.
    """
    before = _scope_of(engine)
    if before is not None and not isinstance(before, _Everything):
        raise ScopeError(f"tenants were asked for by what may only see {before}")
    return engine.execution_options(**{_OPTION: _Tenants(frozenset(ids))})


def narrow_to_tenants(connection: sa.Connection, ids: Collection[int]) -> None:
    """Let the transaction that ``connection`` is in see these tenants from now on."""
    _Tenants(frozenset(ids)).enter(connection)


def sees_everything(connection: sa.Connection) -> bool:
    """Whether what is not found is not there, rather than not to be seen."""
    return isinstance(connection.get_execution_options().get(_OPTION), _Everything)


def enter_scope(connection: sa.Connection) -> None:
    """Tell Postgres the scope of the transaction that begins; listens to every engine's ``begin``.

    The search path goes along, where there is no scope, too: tables are named with their schema,
    and never found without it. Nor are functions and operators, but for Postgres's own: others may
    create in ``public``, by default on Postgres 14, and of two that fit a call the better one is
    called, with the rights of who calls.
    """
    options = connection.get_execution_options()
    scope: _Scope | None = options.get(_OPTION)
    if scope is not None:
        scope.enter(connection)
    elif not options.get(_OWN_PATH):
        connection.exec_driver_sql(_TRUST_NO_SCHEMA)


def with_its_search_path(engine: sa.Engine) -> sa.Engine:
    """Return ``engine`` with the search path that its URL, or the server, says."""
    return engine.execution_options(**{_OWN_PATH: True})


def _scope_of(engine: sa.Engine) -> _Scope | None:
    scope: _Scope | None = engine.get_execution_options().get(_OPTION)
    return scope


def _tell(connection: sa.Connection, tenants: str, integrations: str, partitions: str) -> None:
    told = {"tenants": tenants, "integrations": integrations, "partitions": partitions}
    connection.exec_driver_sql(_TELL, told)


def _array(members: Iterable[Any]) -> str:
    """Return the members as Postgres writes an array: of ids, or of keys.

    All are quoted: a run's tags are what somebody wrote, and a comma in one is no second key.
    """
    escaped = (str(each).replace("\\", "\\\\").replace('"', '\\"') for each in members)
    return "{" + ",".join(f'"{each}"' for each in sorted(escaped)) + "}"


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys))
