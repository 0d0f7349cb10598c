"""Ranges of addresses: whether they hold everybody."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

Network = IPv4Network | IPv6Network

PODS_V4 = (IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16"))
"""Private networks, in one of which a cluster has its pods."""
PODS_V6 = (IPv6Network("fc00::/7"),)
INTERNET_V6 = IPv6Network("2000::/3")
"""All addresses of the internet that there are, by version 6."""
HALF_V4 = 2**31
"""Addresses in half of the internet: no list of somebody's networks has as many."""


def networks(block: str, excepted: Sequence[str] = ()) -> list[Network]:
    """A range, less what is taken out of it. Nothing, where it is none."""
    found = _parsed(block)
    for each in (out for text in excepted for out in _parsed(text)):
        found = [rest for network in found for rest in _less(network, each)]
    return found


def holds_every_pod(found: Iterable[Network]) -> bool:
    """Whether every pod of a cluster is in these networks, wherever the cluster has them."""
    four, six = _joined(found)
    return all(any(wanted.subnet_of(each) for each in four) for wanted in PODS_V4) or all(
        any(wanted.subnet_of(each) for each in six) for wanted in PODS_V6
    )


def holds_the_internet(found: Iterable[Network]) -> bool:
    """Whether about everybody is in these networks."""
    four, six = _joined(found)
    return sum(each.num_addresses for each in four) >= HALF_V4 or any(INTERNET_V6.subnet_of(each) for each in six)


def _joined(found: Iterable[Network]) -> tuple[list[IPv4Network], list[IPv6Network]]:
    known = list(found)
    four = [each for each in known if isinstance(each, IPv4Network)]
    six = [each for each in known if isinstance(each, IPv6Network)]
    return list(collapse_addresses(four)), list(collapse_addresses(six))


def _parsed(block: str) -> list[Network]:
    try:
        return [ip_network(block.strip(), strict=False)]
    except ValueError:
        return []


def _less(network: Network, out: Network) -> list[Network]:
    if not network.overlaps(out):
        return [network]
    # Two networks that overlap are of one version, and one of them holds the other.
    is_inside = out.prefixlen > network.prefixlen
    return list(network.address_exclude(out)) if is_inside else []  # type: ignore[arg-type]
