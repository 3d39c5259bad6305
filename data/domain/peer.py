"""From where does a request come, and with whom is it counted?"""

import ipaddress
from collections.abc import Collection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_within(address: str, networks: Collection[Network]) -> bool:
    found = _read(address)
    return found is not None and any(found in network for network in networks)


def sender(peer: str, forwarded: str, proxies: Collection[Network]) -> str:
    """The nearest hop that is no proxy of ours: everything beyond it is only what it says itself."""
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    while hops and is_within(peer, proxies) and _read(hops[-1]) is not None:
        peer = hops.pop()
    return peer


def counted(address: str) -> str:
    """One household holds 2⁶⁴ addresses of IPv6; they are counted as one."""
    found = _read(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address if found is None else str(found)


def _read(address: str) -> Address | None:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (found.version == 6 and found.ipv4_mapped) or found
