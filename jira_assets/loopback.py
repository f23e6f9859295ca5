"""Which hosts are this machine: only there may a secret go over plain http without being asked."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
