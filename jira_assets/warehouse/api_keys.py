"""Keys of the HTTP service: made, found and revoked. The secret itself is kept nowhere.

Decisions this module embodies:

* A key is ``ja_<key_id>_<secret>``: the id finds the row, names the key in lists and logs, and is
  no secret. The prefix lets scanners of repositories know one when they see it.
* The secret has 256 random bits, so its plain SHA-256 tells a thief of the table nothing: slow
  hashes are for what people can remember.
* A key is of one tenant, or of none: an admin's. It is revoked for good, and its row stays.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from jira_assets.partitions import nearest
from jira_assets.warehouse.tables import api_keys, tenants

_PREFIX: Final = "ja"
_ID_BYTES: Final = 6
_SECRET_BYTES: Final = 32
_KEY: Final = re.compile(rf"{_PREFIX}_([0-9a-f]{{{2 * _ID_BYTES}}})_([A-Za-z0-9_-]{{43}})")
_keys: Final = api_keys.c


class UnknownTenantError(LookupError):
    """There is no such tenant."""


class UnknownKeyError(LookupError):
    """There is no such key."""


@dataclass(frozen=True)
class ApiKey:
    """A key, as its row says."""

    key_id: str
    tenant_id: int | None
    """All that it may see; None: everything, an admin's key."""
    tenant: str | None
    """The tenant's slug."""
    name: str
    secret_hash: bytes = field(repr=False)
    created_at: datetime
    revoked_at: datetime | None

    def opens_with(self, secret: str) -> bool:
        """Whether ``secret`` is its own, in a time that tells nothing of it."""
        return hmac.compare_digest(_hash(secret), self.secret_hash)


def split_key(text: str) -> tuple[str, str] | None:
    """Return the id and the secret of a key as people hand it in; None for any other text."""
    matched = _KEY.fullmatch(text)
    return None if matched is None else (matched[1], matched[2])


def create_key(engine: sa.Engine, *, tenant: str | None, name: str) -> tuple[ApiKey, str]:
    """Make a key for a tenant (by its slug), or an admin's (None).

    Returns:
        The key's row, and the key itself: it cannot be had a second time.

    Raises:
        UnknownTenantError: there is no such tenant; names those nearest to it.
    """
    key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    with engine.begin() as connection:
        row = {
            "key_id": key_id,
            "tenant_id": None if tenant is None else _tenant_id(connection, tenant),
            "name": name,
            "secret_hash": _hash(secret),
        }
        connection.execute(sa.insert(api_keys).values(row))
        made = find_keys(connection, [key_id])[key_id]
    return made, f"{_PREFIX}_{key_id}_{secret}"


def list_keys(connection: sa.Connection) -> list[ApiKey]:
    """Return every key, revoked ones included, the oldest first."""
    rows = connection.execute(_select().order_by(_keys.created_at, _keys.key_id))
    return [ApiKey(**row._asdict()) for row in rows]


def find_keys(connection: sa.Connection, key_ids: Collection[str]) -> dict[str, ApiKey]:
    """Return those of these keys that are there and not revoked, by their id.

    Names nothing that a search path could lead astray, so a transaction may begin with it
    without a trip to set one.
    """
    rows = connection.execute(_LIVING, {"key_ids": list(key_ids)})
    return {row.key_id: ApiKey(**row._asdict()) for row in rows}


def revoke_key(engine: sa.Engine, key_id: str) -> bool:
    """Make a key open nothing from now on; False if it was revoked before.

    Raises:
        UnknownKeyError: there is no such key.
    """
    living = sa.and_(_keys.key_id == key_id, _keys.revoked_at.is_(None))
    with engine.begin() as connection:
        # Looked for here: what was typed may be no text that Postgres takes.
        if key_id not in {key.key_id for key in list_keys(connection)}:
            raise UnknownKeyError(
                f"there is no key {key_id}: `jira-assets key list` shows those there are."
            )
        now = {"revoked_at": sa.func.clock_timestamp()}
        return connection.execute(sa.update(api_keys).where(living).values(now)).rowcount == 1


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _tenant_id(connection: sa.Connection, slug: str) -> int:
    rows = connection.execute(sa.select(tenants.c.slug, tenants.c.id))
    ids: dict[str, int] = {row.slug: row.id for row in rows}
    if slug not in ids:
        near = nearest(slug, ids)
        said = f"Near to it: {', '.join(near)}." if near else "It comes with an integration."
        raise UnknownTenantError(f"There is no tenant {slug}. {said}")
    return ids[slug]


def _select() -> sa.Select[Any]:
    query = sa.select(api_keys, tenants.c.slug.label("tenant"))
    return query.outerjoin(tenants, tenants.c.id == _keys.tenant_id)


# Asked with every call: made once, and one text for any number of keys.
_LIVING: Final = sa.text("SELECT * FROM jira.living_keys(:key_ids)").bindparams(
    sa.bindparam("key_ids", type_=ARRAY(sa.Text))
)
