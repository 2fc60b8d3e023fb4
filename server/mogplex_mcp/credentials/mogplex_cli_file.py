"""The file of Mogplex's own command line, `~/.mogplex/auth.json`, whose form is not public.

Its token is found by name at any depth. The file belongs to another program: it is never written, and its refresh token
is never used, since a server that replaces refresh tokens would then sign that program out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.base_url import normalise_base_url
from mogplex_mcp.api.errors import MogplexError

_ACCESS: Final = ("accesstoken", "access", "apitoken", "apikey", "pat", "bearertoken", "authtoken", "token")
_EXPIRY: Final = ("expiresat", "expires", "expiry", "expiration", "expirydate", "accesstokenexpiresat", "exp")
_ADDRESS: Final = ("issuer", "host", "url", "baseurl", "apiurl", "server", "origin")
_MILLISECONDS: Final = 100_000_000_000  # seconds since the epoch have eleven digits in the year 5138


@dataclass(frozen=True)
class MogplexCliToken:
    """What the file has for one Mogplex.

    Attributes:
        token: The access token; None if there is none that can be used.
        expires_at: When the access token expires, seconds since the epoch; None if the file does not say.
        problem: Why there is no token, as a sentence; "" if there is one, or if the file is empty.
    """

    token: Token | None = None
    expires_at: float | None = None
    problem: str = ""


def read_mogplex_cli_file(text: str, base_url: str) -> MogplexCliToken:
    """Find the token in the text of the file.

    Args:
        text: The content of the file.
        base_url: The address that the token is wanted for. One that the file has for another address is not used.
    """
    if not text.strip():
        return MogplexCliToken()
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return MogplexCliToken(problem="it isn't JSON")
    elsewhere, reasons = False, []
    found: list[tuple[tuple[bool, int], MogplexCliToken]] = []
    for fields, address in _objects(content, ""):
        for name, value in fields.items():
            rank = _rank(name, value)
            if rank is None:
                continue
            if address and address != base_url:
                elsewhere = True
                continue
            try:
                token = Token.parse(value)
            except MogplexError as error:
                reasons.append(error.message)
                continue
            # A PAT does not expire, so it comes first.
            found.append(((token.is_oauth, rank), _with_fields(token, fields)))
    if found:
        return min(found, key=lambda one: one[0])[1]
    if elsewhere:
        return MogplexCliToken(problem="its token is for another Mogplex")
    return MogplexCliToken(problem=reasons[0].rstrip(".") if reasons else "no field in it has the name of a token")


def _rank(name: str, value: Any) -> int | None:
    """Return how well a field goes by the name of an access token, 0 being best; None if it is something else."""
    if not isinstance(value, str) or not value:
        return None
    if value.startswith("mog_"):
        return 0
    plain = _plain(name)
    return _ACCESS.index(plain) if plain in _ACCESS else None


def _with_fields(token: Token, fields: Mapping[str, Any]) -> MogplexCliToken:
    by_name = {_plain(name): value for name, value in fields.items()}
    expiry = next((at for name in _EXPIRY if (at := _time(by_name.get(name))) is not None), None)
    return MogplexCliToken(token, expiry if token.is_oauth else None)


def _objects(content: Any, address: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield every object, with the address of the Mogplex that it or what it is in belongs to; "" if none is named."""
    waiting: list[tuple[Any, str]] = [([content], address)]
    while waiting:
        value, of = waiting.pop(0)
        if isinstance(value, list):
            # A bare text in a list has no name; only a PAT shows what it is.
            waiting += [({"": one} if isinstance(one, str) else one, of) for one in value]
        elif isinstance(value, dict):
            named = next((at for name, one in value.items() if _plain(name) in _ADDRESS and (at := _address(one))), of)
            yield value, named
            waiting += [(one, _address(name) or named) for name, one in value.items() if isinstance(one, dict | list)]


def _address(value: Any) -> str:
    """Return the canonical address that a text is; "" if it isn't one."""
    if not isinstance(value, str) or not ("://" in value or "." in value):
        return ""
    try:
        parts = urlsplit(value if "://" in value else f"https://{value}")
        return normalise_base_url(f"{parts.scheme}://{parts.netloc}")
    except ValueError:
        return ""


def _time(value: Any) -> float | None:
    """Return a time as seconds since the epoch, from seconds, milliseconds or ISO 8601."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            value = float(value) if value.isdecimal() else None
        else:
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, int | float) and value > 0:
        return value / 1_000 if value > _MILLISECONDS else float(value)
    return None


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
