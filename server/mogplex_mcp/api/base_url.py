"""The address of Mogplex: one canonical form out of every spelling that users are told."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

API_PATH = "/api/v1/mogplex"
DEFAULT_BASE_URL = f"https://mogplex.com{API_PATH}"

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def normalise_base_url(text: str) -> str:
    """The base of all v1 routes, such as "https://mogplex.com/api/v1/mogplex" (mogplex-api.md, section 1).

    Args:
        text: A host or an address, with or without scheme, "www.", the API's path and a trailing slash.

    Raises:
        ValueError: With a sentence that says what to write instead; it never repeats a user name or a password.
    """
    text = text.strip()
    if not text:
        raise ValueError(f"The Mogplex address is empty: write {DEFAULT_BASE_URL}.")
    if re.search(r"[\s\\\x00-\x20\x7f]", text):
        raise ValueError("The Mogplex address has blanks, backslashes or control characters inside: write it without.")
    # Without "://" the host of "localhost:3000" would be taken for a scheme.
    url, host, port = _split(text if "://" in text else "https://" + text.removeprefix("//"))
    _refuse_extras(url)
    if url.scheme not in _DEFAULT_PORTS:
        raise ValueError("The Mogplex address has to start with https://.")
    if url.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"http:// would send your token unencrypted: write https://{host} (http is for this machine).")
    if host == "www.mogplex.com":
        host = "mogplex.com"  # www. answers 308, and nothing that redirects is ever followed with a token
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, _DEFAULT_PORTS[url.scheme]) else f":{port}"
    return f"{url.scheme}://{shown_host}{shown_port}{API_PATH}"


def web_url(base_url: str) -> str:
    """The address of the web site that belongs to a canonical base, for links to pages ("https://mogplex.com")."""
    return base_url.removesuffix(API_PATH)


def _split(text: str) -> tuple[SplitResult, str, int | None]:
    """The parts of an address, its host (lower case, checked) and its port."""
    try:
        url = urlsplit(text)
        host, port = (url.hostname or "").removesuffix("."), url.port
    except ValueError:
        raise ValueError(f"The Mogplex address cannot be read: write it like {DEFAULT_BASE_URL}.") from None
    if not _HOST_NAME.fullmatch(host) and not _is_ip_address(host):
        raise ValueError(f"The Mogplex address has no usable host name: write it like {DEFAULT_BASE_URL}.")
    if port == 0:
        raise ValueError("The Mogplex address has port 0: write the port that the server listens on, or none.")
    return url, host, port


def _refuse_extras(url: SplitResult) -> None:
    """Refuse what does not belong into a base address."""
    if "@" in url.netloc:
        raise ValueError(
            "The Mogplex address holds a user name or password: leave it away, a token is all that counts."
        )
    if url.query or url.fragment:
        raise ValueError("The Mogplex address ends in ?… or #…: leave that away.")
    path = url.path.lower().rstrip("/")
    if path not in ("", API_PATH, f"{API_PATH}/mcp"):
        raise ValueError(f"The Mogplex address has a path that is not the API's: leave it away, or write {API_PATH}.")


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host  # a zone id is for link-local addresses, which no Mogplex has


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    return _is_ip_address(host) and (host == "::1" or host.startswith("127."))
