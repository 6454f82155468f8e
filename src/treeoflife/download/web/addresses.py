"""Which network an address lies in: the internet, or a closed one, into which nothing from outside may lead."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

PUBLIC = "public"
"""The network of all addresses that anybody on the internet can reach."""
_TRANSLATED = IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address
_TRANSLATED_LOCALLY = IPv6Network("64:ff9b:1::/48")  # RFC 8215: to a network's own IPv4 addresses
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, 2.5.5.1, deprecated; likewise
_LOWEST_HOST = 1 << 16  # below it lie :: and ::1, which embed nothing


def networks_of(host: str) -> frozenset[str]:
    """The networks of all addresses of a host, which may be a name or an address in any notation.

    A name that cannot be looked up here counts as public: a proxy may know it, and nobody else can reach it.

    >>> sorted(networks_of("127.1")), sorted(networks_of("8.8.8.8"))
    (['loopback'], ['public'])
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset({PUBLIC})
    return frozenset(network_of(str(address[0])) for *_, address in found)


def network_of(address: str) -> str:
    """The network of one address: ``public``, ``loopback``, ``link-local`` or ``private``.

    An IPv6 address that stands for one of IPv4 (mapped, translated, 6to4, Teredo) lies where that one does.

    >>> network_of("::ffff:169.254.169.254"), network_of("fd00::1"), network_of("2002:7f00:1::")
    ('link-local', 'private', 'loopback')
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and (embedded := _embedded(ip)):
        ip = embedded
    if ip.is_loopback or ip.is_unspecified:  # 0.0.0.0 reaches this computer too
        return "loopback"
    if ip.is_link_local:
        return "link-local"
    closed = ip.is_multicast or (isinstance(ip, IPv6Address) and (ip.is_site_local or ip in _TRANSLATED_LOCALLY))
    return PUBLIC if ip.is_global and not closed else "private"


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, if it stands for one."""
    if ip in _TRANSLATED or (ip in _COMPATIBLE and int(ip) >= _LOWEST_HOST):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
