"""Choose the proxy for an address: from the environment or the operating system, never for a loopback address."""

import ipaddress
import socket
from urllib.parse import urlsplit


def proxy_for(base_url: str) -> str | None:
    """Return the URL of the proxy for this address; None for a direct connection.

    The proxy of a loopback address would be asked to connect to itself, and would see the token.
    """
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - not at start-up

    address = urlsplit(base_url)
    host = address.hostname or ""
    proxies = getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if not proxy or is_loopback(host) or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, in any spelling: localhost and below (RFC 6761, 6.3), 127.1, ::1."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return _is_short_loopback(name)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _is_short_loopback(name: str) -> bool:
    """Return whether this is one of the older forms of an IPv4 address, such as 127.1 or 0x7f000001."""
    try:
        return socket.inet_aton(name)[0] == ipaddress.IPv4Address("127.0.0.1").packed[0]
    except (OSError, UnicodeError):
        return False
