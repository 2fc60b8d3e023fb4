"""Choose the proxy for an address: from the environment or the operating system, never for a loopback address."""

import ipaddress
import os
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True)
class ProxySetting:
    """The proxy for an address.

    Attributes:
        url: Its URL, which may hold a password, and may be malformed.
        source: The setting that it comes from, such as "HTTPS_PROXY".
    """

    url: str = field(repr=False)
    source: str

    @property
    def endpoint(self) -> tuple[str, int]:
        """Return its host and port; ("", 0) if the URL is malformed."""
        try:
            url = urlsplit(self.url)
            return url.hostname or "", url.port or _PORTS.get(url.scheme, 80)
        except ValueError:
            return "", 0

    @property
    def name(self) -> str:
        """Return host, port and source, without user name and password."""
        host, port = self.endpoint
        host = host if re.fullmatch(r"[\w.:-]{1,253}", host, re.ASCII) else "(malformed)"
        return f"{f'[{host}]' if ':' in host else host}:{port} (from {self.source})"


def find_proxy(base_url: str) -> ProxySetting | None:
    """Return the proxy for this address; None for a direct connection.

    The proxy of a loopback address would be asked to connect to itself, and would see the token.
    """
    from urllib.request import getproxies, getproxies_environment, proxy_bypass  # noqa: PLC0415 - not at start-up

    address = urlsplit(base_url)
    host = address.hostname or ""
    proxies, named = getproxies(), getproxies_environment()
    scheme = address.scheme if proxies.get(address.scheme) else "all"
    url = proxies.get(scheme, "").strip()
    if not url or is_loopback(host):
        return None
    if _is_excluded(host, address.port or _PORTS[address.scheme], named.get("no", "")) if named else proxy_bypass(host):
        return None
    source = _variable(f"{scheme}_proxy") if named else "the system's settings"
    return ProxySetting(url if "://" in url else f"http://{url}", source)


def _variable(name: str) -> str:
    """Return the environment variable with that name in lower case; where there are several, that one counts."""
    spelled = [one for one in os.environ if one.lower() == name]
    return name if name in spelled else spelled[-1]


def _is_excluded(host: str, port: int, no_proxy: str) -> bool:
    """Return whether NO_PROXY names a host: by name, domain, address, network (CIDR) or "*", each also with a port."""
    host = host.lower().rstrip(".")
    return any(_matches(entry, host, port) for entry in re.split(r"[,\s]+", no_proxy.lower()))


def _matches(entry: str, host: str, port: int) -> bool:
    name, colon, wanted = entry.rpartition(":")
    # "::1" is an address without a port.
    if colon and wanted.isdecimal() and (":" not in name or name.endswith("]")):
        if wanted != str(port):
            return False
        entry = name
    if entry == "*":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        domain = entry.removeprefix("*").strip(".")
        return bool(domain) and f".{host}".endswith(f".{domain}")
    try:
        return address in ipaddress.ip_network(re.sub(r"[\[\]]", "", entry), strict=False)
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, however spelled: localhost and below (RFC 6761, 6.3), 127.1, ::1, ::."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return _is_short_loopback(name)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    # A connection to the unspecified address (0.0.0.0, ::) goes to this machine, too.
    return (mapped or address).is_loopback or (mapped or address).is_unspecified


def _is_short_loopback(name: str) -> bool:
    """Return whether this is one of the older forms of an IPv4 address, such as 127.1 or 0x7f000001."""
    try:
        return socket.inet_aton(name)[0] == ipaddress.IPv4Address("127.0.0.1").packed[0]
    except (OSError, UnicodeError):
        return False
