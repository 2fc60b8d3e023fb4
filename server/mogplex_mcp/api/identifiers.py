"""Validation of ids. All are UUIDs; the API responds to any other text with a 500 or a 503, so none is sent."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.core.cleaning import is_plain

_UUID = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})")
_IN_PATH: Final = re.compile(r"(?<=/)[0-9a-f-]{36}(?=/|$)")
# What models and people put around an id or a name: quotes, brackets, marks of Markdown, invisible characters.
_MARKS: Final = " \t\r\n\\\"'`*{}<>[]()\u201c\u201d\u2018\u2019\u00ab\u00bb\u200b\u2060\ufeff"
_LINK: Final = re.compile(r"\W*\[[^\]]*\]\(([^()\s]+)\)\W*")
_DASHES: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_LONGEST: Final = 300
# How the parts of a path are called that an id follows, in resource URIs and on the web site.
_PATHS: Final[Mapping[str, str]] = {
    "run": "runs",
    "sandbox": "sandboxes",
    "automation": "automations",
    "repo": "repos",
}


def without_quotes(text: str) -> str:
    """Return the text without what models and people put around an id or a name; of a Markdown link, its address."""
    if len(text) <= _LONGEST and (link := _LINK.fullmatch(text)):
        text = link[1]
    return text.lstrip(_MARKS).rstrip(_MARKS + ".,;:")


def id_in_page(text: str, base_url: str, name: str) -> str:
    """Return the id in the address of a page of the configured Mogplex; any other text unchanged.

    Args:
        text: What was given for an argument.
        base_url: The base URL of the API. A page of any other host is not of this Mogplex.
        name: The name of the argument, such as "run_id".
    """
    path = _PATHS.get(name.removesuffix("_id"))
    address = without_quotes(text) if len(text) <= _LONGEST else ""
    site = urlsplit(web_url(base_url))
    if address.lower().removeprefix("www.").startswith(f"{site.netloc}/"):
        address = f"{site.scheme}://{address}"
    if path is None or not address.lower().startswith(("https://", "http://")):
        return text
    try:
        page = urlsplit(address)
    except ValueError:
        return text
    if (page.scheme, page.netloc.lower().removeprefix("www.")) != (site.scheme, site.netloc):
        return text
    parts = page.path.lower().split("/")
    found = [after for before, after in pairwise(parts) if before == path and _UUID.fullmatch(after)]
    return found[0] if len(found) == 1 else text


def canonical_uuid(text: str, kind: str = "") -> str | None:
    """Return a UUID in lower case with dashes (mogplex-api.md, section 2, "Auth and paths"); None for anything else.

    Args:
        text: A UUID; upper case, forms without dashes, quotes, its name in front and a resource URI are fine.
        kind: The kind of the id, such as "run".
    """
    if len(text) > _LONGEST:
        return None
    plain = without_quotes(text).lower().translate(_DASHES)
    if kind in _PATHS:
        plain = re.sub(rf"^(?:mogplex:/)?/?(?:{kind}|{_PATHS[kind]})/([^/]+)(?:/\w*)?$", r"\1", plain)
    # run_id: …, run …, id=…, {"run_id": "…"}, urn:uuid:…
    plain = re.sub(rf"^(?:urn:uuid:|(?:{kind})?[\s_-]*(?:id|uuid)?[\s:=#\"'-]*)", "", plain)
    match = _UUID.fullmatch(plain)
    return "-".join(match.groups()) if match else None


def not_a_uuid(text: str, kind: str) -> str:
    """Return why a text isn't an id, as the end of a sentence that begins with the name of the argument.

    Args:
        text: The text.
        kind: The kind of the id, such as "run".
    """
    what = f"a Mogplex {kind} id (a UUID" if kind in _PATHS else "a UUID (one"
    return f" must be {what} such as 75ce86aa-b59e-5f62-9d77-426c941e3c32), but {_quoted(text)}."


def check_uuid(text: str, what: str) -> str:
    """Return the canonical form of a UUID.

    Args:
        text: A UUID.
        what: The name of the argument, such as "run_id".

    Raises:
        MogplexError: `INVALID_ARGUMENT`, when it isn't a UUID.
    """
    kind = what.removesuffix("_id")
    if found := canonical_uuid(text, kind):
        return found
    raise MogplexError(ErrorCode.INVALID_ARGUMENT, what + not_a_uuid(text, kind.replace("_", " ")))


def without_ids(path: str) -> str:
    """Return the template of a path of the API, such as "/runs/{id}/events"."""
    return _IN_PATH.sub("{id}", path)


def _quoted(text: str) -> str:
    """Say what was given: the text if it is a plain name, else its length, since it may be untrusted."""
    return f'"{text[:60]}" was given' if is_plain(text) else f"{len(text)} characters of other text were given"
