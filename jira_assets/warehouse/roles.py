"""The roles of a migration: granted what they need, and written down for the policies to read.

Decisions this module embodies:

* A role is written down under what it is for. One that was, is granted anew by every migration,
  whoever names it or not: so rights that were lost come back, and new tables are granted.
* A role that the server has no more keeps its line: it may be made again, and the policies look at
  roles that are there.
* A role that no policy holds, or that may become one (a superuser, one with BYPASSRLS, the owner,
  a member of these) is no reader: it would see all tenants, whatever is written down. Of the others
  it is said.
* A reader of some tenants is not widened to all by leaving the tenants out: it goes first.
* Nor is a member of the role of runs or of the HTTP service: it could say what it is about, as they
  do. The other way round, they would see rows without saying it. What was granted later is said.
* A runtime role that becomes the HTTP service's loses first what it had: it would else keep it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from jira_assets.partitions import nearest
from jira_assets.warehouse.grants import (
    RoleError,
    grant_api,
    grant_reader,
    grant_to_all,
    grant_use,
    withdraw,
)
from jira_assets.warehouse.preparation import quoted
from jira_assets.warehouse.role_tables import database_roles
from jira_assets.warehouse.schema import SCHEMA
from jira_assets.warehouse.tables import tenants

_READ_ONLY: Final = ("alembic_version", "database_roles")
_roles: Final = database_roles.c


@dataclass(frozen=True)
class Readers:
    """Roles that read, and whose rows: of the tenants of these slugs; of all without any."""

    roles: Sequence[str] = ()
    tenants: Sequence[str] = ()
    withdrawn: Sequence[str] = ()
    """Those that are to see no more; also ones that runs or the service connected as before."""


@dataclass(frozen=True)
class ReaderRole:
    """A role that reads."""

    role: str
    tenants: tuple[str, ...] | None
    """Slugs; None: all."""

    def words(self) -> str:
        """Say whose rows it reads."""
        if self.tenants is None:
            return "all tenants"
        return f"{', '.join(self.tenants)} only" if self.tenants else "no tenant that is there"


def register(
    connection: sa.Connection, *, runtime: str | None, api: str | None, readers: Readers
) -> list[ReaderRole]:
    """Write down the roles, and grant each what it is for. Names of roles, None: none given.

    Returns:
        Every role that reads, by name.

    Raises:
        RoleError: the server has no such role, a tenant is unknown, or a role is to be two things.
    """
    named = [role for role in (runtime, api, *readers.roles) if role is not None]
    _check(connection, named)
    _check_held(connection, readers.roles)
    if api is not None:
        _write(connection, api, "api")
    if runtime is not None:
        _write(connection, runtime, "runtime")
    ids = _tenant_ids(connection, readers.tenants)
    if ids is None:
        _check_not_widened(connection, readers.roles)
    for role in readers.roles:
        _write(connection, role, "reader", ids)
    for role in readers.withdrawn:
        if role in {runtime, api}:
            raise RoleError(f"{role} is in use: a URL of the settings connects as it.")
        _forget(connection, role)
    grant_to_all(connection)
    _check_apart(connection, readers.roles)
    for role, kind in _present(connection):
        if kind == "runtime":
            grant_use(connection, SCHEMA, role, read_only_tables=_READ_ONLY)
            grant_api(connection, role)
        elif kind == "api":
            grant_api(connection, role)
        else:
            grant_reader(connection, role)
    return _readers(connection)


def _check(connection: sa.Connection, named: Collection[str]) -> None:
    there = set(connection.scalars(sa.text("SELECT rolname FROM pg_roles")))
    if missing := sorted(set(named) - there):
        raise RoleError(
            f"The server has no role {', '.join(missing)}: whoever administers it must create it "
            "(`jira-assets migrate --sql` prints how)."
        )


def unheld(connection: sa.Connection, names: Collection[str]) -> list[str]:
    """Return those of the roles ``names`` that no policy holds, or that may become such a role."""
    query = sa.text(
        "SELECT rolname FROM pg_roles AS role WHERE rolname = ANY (:names) AND EXISTS ("
        "SELECT FROM pg_roles AS free WHERE pg_has_role(role.oid, free.oid, 'MEMBER') "
        "AND (free.rolsuper OR free.rolbypassrls OR free.oid IN (SELECT relowner FROM pg_class "
        "WHERE relnamespace = 'jira'::regnamespace AND relkind = 'r'))) ORDER BY rolname"
    )
    return list(connection.scalars(query, {"names": list(names)}))


def _check_held(connection: sa.Connection, readers: Collection[str]) -> None:
    if free := unheld(connection, readers):
        raise RoleError(
            f"{', '.join(free)} would see all tenants, whatever is granted: no policy holds a "
            "superuser, a role with BYPASSRLS, the owner of the tables, and members of these. Name "
            "another role, or let whoever administers the server take that from it."
        )


def entangled(connection: sa.Connection) -> list[tuple[str, str]]:
    """Return pairs of a member and its role that must be apart.

    One of them reads and the other does not; or the HTTP service's may become what runs connect as.
    A member is one that may become the role; superusers may become all, and are not among these.
    """
    query = sa.text(
        "SELECT one.rolname, other.rolname FROM jira.database_roles AS member "
        "JOIN jira.database_roles AS of ON (member.kind = 'reader') <> (of.kind = 'reader') "
        "OR (member.kind = 'api' AND of.kind = 'runtime') "
        "JOIN pg_roles AS one ON one.rolname = member.role_name AND NOT one.rolsuper "
        "JOIN pg_roles AS other ON other.rolname = of.role_name "
        "WHERE pg_has_role(one.oid, other.oid, 'MEMBER') ORDER BY 1, 2"
    )
    return [(member, role) for member, role in connection.execute(query)]


def _check_apart(connection: sa.Connection, readers: Collection[str]) -> None:
    for member, role in entangled(connection):
        if member in readers or role in readers:
            raise RoleError(entangled_words(member, role))


def entangled_words(member: str, role: str) -> str:
    """Say what is wrong where the one is a member of the other."""
    return (
        f"{member} is a member of {role}, and may do and see more than it is for: a role that "
        "reads, the HTTP service's and that of runs are to be apart. Whoever administers the "
        f"server must end that: REVOKE {quoted(role)} FROM {quoted(member)}; where it is a member "
        "by another role, from that one."
    )


def _check_not_widened(connection: sa.Connection, roles: Collection[str]) -> None:
    for reader in _readers(connection):
        if reader.role in roles and reader.tenants is not None:
            raise RoleError(
                f"{reader.role} reads {reader.words()}, and is named without --tenant: name the "
                "tenants again, or let it go by --no-role first, if it is to read all."
            )


def _write(
    connection: sa.Connection, role: str, kind: str, tenant_ids: list[int] | None = None
) -> None:
    known = connection.scalar(sa.select(_roles.kind).where(_roles.role_name == role))
    if known is not None and known != kind and "reader" in {known, kind}:
        raise RoleError(
            f"The role {role} is known as {known} already, and cannot be {kind} as well: a reader "
            "needs a role of its own."
        )
    if known == "runtime" and kind == "api":
        withdraw(connection, role)
    row = insert(database_roles).values(role_name=role, kind=kind, tenant_ids=tenant_ids)
    changes = {"kind": row.excluded.kind, "tenant_ids": row.excluded.tenant_ids}
    connection.execute(row.on_conflict_do_update(index_elements=["role_name"], set_=changes))


def _forget(connection: sa.Connection, role: str) -> None:
    kind = connection.scalar(sa.select(_roles.kind).where(_roles.role_name == role))
    if kind is None:
        known = sorted(connection.scalars(sa.select(_roles.role_name)))
        raise RoleError(f"{role} is no role of ours; known are: {', '.join(known) or 'none'}.")
    if (role, kind) in _present(connection):
        withdraw(connection, role)
    connection.execute(sa.delete(database_roles).where(_roles.role_name == role))


def _tenant_ids(connection: sa.Connection, slugs: Sequence[str]) -> list[int] | None:
    if not slugs:
        return None
    rows = connection.execute(sa.select(tenants.c.slug, tenants.c.id))
    ids: dict[str, int] = {row.slug: row.id for row in rows}
    for slug in slugs:
        if slug not in ids:
            near = nearest(slug, ids)
            said = f" Near to it: {', '.join(near)}." if near else ""
            raise RoleError(
                f"There is no tenant {slug}.{said} A tenant comes with its first integration: "
                f"`jira-assets integration add {slug}/NAME …`, then `migrate` again."
            )
    return sorted({ids[slug] for slug in slugs})


def of_before(connection: sa.Connection, present: Collection[str | None]) -> list[str]:
    """Return the roles that runs or the service connected as before, and that may still."""
    return [role for role, kind in _present(connection) if kind != "reader" and role not in present]


def _readers(connection: sa.Connection) -> list[ReaderRole]:
    known = connection.execute(sa.select(tenants.c.id, tenants.c.slug))
    slugs = {row.id: row.slug for row in known}
    rows = connection.execute(
        sa.select(_roles.role_name, _roles.tenant_ids)
        .where(_roles.kind == "reader")
        .order_by(_roles.role_name)
    )
    return [
        ReaderRole(name, None if ids is None else tuple(slugs[i] for i in ids if i in slugs))
        for name, ids in rows
    ]


def _present(connection: sa.Connection) -> list[tuple[str, str]]:
    """Return the roles that are written down and that the server has, but for the owner itself."""
    query = sa.text(
        "SELECT role_name, kind FROM jira.database_roles "
        "JOIN pg_roles ON rolname = role_name WHERE rolname <> current_user ORDER BY role_name"
    )
    return [(row.role_name, row.kind) for row in connection.execute(query)]
