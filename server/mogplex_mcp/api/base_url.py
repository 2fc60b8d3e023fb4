"""The base URL of the Mogplex API: normalization and validation of what users configure."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

API_PATH = "/api/v1/mogplex"
DEFAULT_BASE_URL = f"https://mogplex.com{API_PATH}"

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def normalise_base_url(text: str) -> str:
    """Return the canonical base URL, such as "https://mogplex.com/api/v1/mogplex" (mogplex-api.md, section 1).

    Args:
        text: A host or a URL, with or without scheme, "www.", the path of the API and a trailing slash.

    Raises:
        ValueError: The text isn't a base URL; the message says what to write instead, and repeats no credentials.
    """
    text = text.strip()
    if not text:
        raise ValueError(f"The Mogplex address is empty: write {DEFAULT_BASE_URL}.")
    if re.search(r"[\s\\\x00-\x20\x7f]", text):
        raise ValueError("The Mogplex address has blanks, backslashes or control characters inside: write it without.")
    # Without "://", urlsplit takes the host of "localhost:3000" for a scheme.
    url, host, port = _split(text if "://" in text else "https://" + text.removeprefix("//"))
    _check_parts(url)
    if url.scheme not in _DEFAULT_PORTS:
        raise ValueError("The Mogplex address has to start with https://.")
    if url.scheme == "http" and not _is_loopback(host):
        shown = f"[{host}]" if ":" in host else host
        raise ValueError(
            f"http:// would send your token unencrypted: write https://{shown} (http is for this machine)."
        )
    if host == "www.mogplex.com":
        host = "mogplex.com"  # www. responds with 308, and redirects are never followed with a token
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, _DEFAULT_PORTS[url.scheme]) else f":{port}"
    return f"{url.scheme}://{shown_host}{shown_port}{API_PATH}"


def web_url(base_url: str) -> str:
    """Return the URL of the web site for a canonical base URL, such as "https://mogplex.com"."""
    return base_url.removesuffix(API_PATH)


def _split(text: str) -> tuple[SplitResult, str, int | None]:
    """Return the parts of a URL, its validated host in lower case, and its port."""
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


def _check_parts(url: SplitResult) -> None:
    """Raise for parts that a base URL can't have: credentials, query, fragment, another path."""
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
    return "%" not in host  # a zone id belongs to a link-local address


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    return _is_ip_address(host) and (host == "::1" or host.startswith("127."))
