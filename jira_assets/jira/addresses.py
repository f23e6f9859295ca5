"""Addresses at which there is no Jira: a machine's neighbours, and what clouds tell their machines.

Decisions this module embodies:

* Who may set a base URL must not have this program fetch what only its machine may see: a cloud's
  metadata service hands out the machine's credentials, at a link-local address nearly everywhere.
* Names are looked at when they have become addresses, of each connection anew: a name may lead
  elsewhere by then. A proxy's address is the environment's business, and behind it the proxy's.
* An address has many spellings: in one number, in octal or hexadecimal, with a dot at its end, as
  one of IPv6 that gateways translate. The system's resolver reads them all, and so is done here.
"""

import ipaddress
import socket
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
_HOLDS_IPV4: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
"""Networks whose addresses end with one of IPv4: translated by NAT64, and of old."""


class OffLimitsError(Exception):
    """A name has led to such an address; its text is the address."""


def is_off_limits(address: str) -> bool:
    """Whether there can be no Jira at an address; a name is no address."""
    found = _read(address.strip("[]").partition("%")[0].rstrip("."))
    if isinstance(found, ipaddress.IPv6Address):
        found = _translated(found)
    return found is not None and (found.is_link_local or found in METADATA)


def _read(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, UnicodeEncodeError):
        return None


def _translated(found: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the address of IPv4 that is meant by one of IPv6, else that one."""
    inner = found.ipv4_mapped or found.sixtofour
    if inner is None and any(found in network for network in _HOLDS_IPV4):
        inner = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
    return found if inner is None else inner


def refuse_off_limits(sock: Any) -> None:
    """Close a socket that is connected to such an address, and raise ``OffLimitsError``."""
    peer = sock.getpeername()
    address = str(peer[0]) if isinstance(peer, tuple) else ""
    if is_off_limits(address):
        sock.close()
        raise OffLimitsError(address)
