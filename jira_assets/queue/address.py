"""Where the broker is, read from its URL: ``amqp://…``, ``amqps://…`` or ``filesystem:///folder``.

Decisions this module embodies:

* The URL is the one setting: it also carries the prefix of the names (``?prefix=staging.``), so
  every process that talks to one broker about the same warehouse cannot but use the same queues.
  Deployments that do not share a warehouse get a virtual host or a prefix each.
* What people read of it (``where``) has no password.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlencode, urlsplit

_PORTS: Final = {"amqp": 5672, "amqps": 5671}
_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,100}")


class InvalidBrokerUrlError(ValueError):
    """A text that is no broker URL. The text itself is not repeated: it may hold a password."""


@dataclass(frozen=True)
class Names:
    """The names of the exchange and of its two queues. Each queue's routing key is its name."""

    exchange: str = "jira"
    transform: str = "jira.transform"
    dead: str = "jira.transform.dead"

    @classmethod
    def prefixed(cls, prefix: str) -> Self:
        """Return the names with ``prefix`` before each."""
        return cls(*(f"{prefix}{name}" for name in (cls.exchange, cls.transform, cls.dead)))


@dataclass(frozen=True)
class Address:
    """A broker URL, taken apart."""

    url: str = field(repr=False)
    """For kombu: the URL without the prefix. May hold a password."""
    where: str
    """For people: ``RabbitMQ at host:5672/vhost as user``."""
    names: Names
    folder: Path | None = None
    """The folder of ``filesystem://``; None for a server."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a broker URL; raises ``InvalidBrokerUrlError``."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise InvalidBrokerUrlError(_NO_URL) from None
        names, query = _names(parts)
        if parts.scheme == "filesystem":
            return cls._folder(parts, names)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise InvalidBrokerUrlError(_NO_URL)
        if "@" in f"{parts.path}{parts.query}{parts.fragment}":  # of a password with / ? or #
            raise InvalidBrokerUrlError(_NO_URL)
        vhost = unquote(parts.path[1:]) or "/"
        user = f" as {unquote(parts.username)}" if parts.username else ""
        where = f"RabbitMQ at {parts.hostname}:{port or _PORTS[parts.scheme]}/{vhost.lstrip('/')}"
        return cls(parts._replace(query=query).geturl(), where + user, names)

    @classmethod
    def _folder(cls, parts: SplitResult, names: Names) -> Self:
        folder = Path(unquote(parts.path))
        if parts.netloc or not folder.is_absolute() or folder == folder.parent:
            raise InvalidBrokerUrlError(_NO_URL)
        return cls("filesystem://", f"the broker's folder {folder}", names, folder)


_NO_URL: Final = (
    "this is no broker URL: use amqp://user:password@host:5672/vhost, amqps://… or "
    "filesystem:///absolute/folder, each with ?prefix=NAME. if several share one broker. In a "
    "password, / ? # and @ are written as %2F, %3F, %23 and %40."
)


def _names(parts: SplitResult) -> tuple[Names, str]:
    """Take the prefix out of the query; return the names and the rest of the query."""
    query = parse_qs(parts.query, keep_blank_values=True)
    prefix = "".join(query.pop("prefix", []))
    if not _PREFIX.fullmatch(prefix):
        raise InvalidBrokerUrlError(
            "the prefix in the broker URL may hold letters, digits, '.', '_' and '-', at most 100."
        )
    return Names.prefixed(prefix), urlencode(query, doseq=True)
