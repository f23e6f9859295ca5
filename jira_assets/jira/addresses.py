"""Addresses at which there is no Jira: a machine's neighbours, and what clouds tell their machines.

Decisions this module embodies:

* Who may set a base URL must not have this program fetch what only its machine may see: a cloud's
  metadata service hands out the machine's credentials, at a link-local address nearly everywhere.
* Names are looked at when they have become addresses, of each connection anew: a name may lead
  elsewhere by then. A proxy's address is the environment's business, and behind it the proxy's.
"""

import ipaddress
from typing import Any, Final

METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure's wire server
            "192.0.0.192",  # Oracle Cloud, classic
            "fd00:ec2::254",  # Amazon EC2
            "fd20:ce::254",  # Google Cloud
        ),
    )
)
"""Those that are not link-local, by the clouds' own documentation."""


class OffLimitsError(Exception):
    """A name has led to such an address; its text is the address."""


def is_off_limits(address: str) -> bool:
    """Whether there can be no Jira at an address; a name is no address."""
    try:
        found = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    found = found if mapped is None else mapped
    return found.is_link_local or found in METADATA


def refuse_off_limits(sock: Any) -> None:
    """Close a socket that is connected to such an address, and raise ``OffLimitsError``."""
    peer = sock.getpeername()
    address = str(peer[0]) if isinstance(peer, tuple) else ""
    if is_off_limits(address):
        sock.close()
        raise OffLimitsError(address)
