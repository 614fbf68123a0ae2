"""Addresses that only this machine reaches, and the names by which requests call it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

_HOST = re.compile(r"(?:\[([^\]]*:[^\]]*)\]|([^:\[\]]+))(?::\d*)?")
"""A header ``Host``: an IPv6 address in brackets, or a name or an IPv4 address; perhaps a port."""


def is_loopback(host: str) -> bool:
    """Return whether a name or an address is this machine's alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def answers_to(header: str, names: Collection[str]) -> bool:
    """Return whether a request is for this machine alone or for one of its names.

    Args:
        header: the request's ``Host``; the port is not looked at, since a tunnel may have another one at its other end.
        names: in any case; ``"*"`` is any.
    """
    parts = _HOST.fullmatch(header)
    host = (parts[1] or parts[2]).lower() if parts else ""
    return is_loopback(host) or not {"*", host}.isdisjoint(map(str.lower, names))
