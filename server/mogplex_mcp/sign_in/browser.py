"""Sign in with a browser: authorization code and PKCE with the OAuth client of the MCP SDK (mogplex-api.md, section 4).

Registration, discovery, state, PKCE and the exchange of the code are the SDK's. Here are the loopback redirect, the
scopes, and that everything has to be at the configured address: Mogplex is its own authorization server.
"""

import contextlib
import zlib
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, OAuthFlowError, OAuthTokenError
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyHttpUrl, AnyUrl, ValidationError

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.body_limit import read_body
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.exchange import CONNECT_SECONDS, POOL_SECONDS, READ_SECONDS, USER_AGENT, WRITE_SECONDS
from mogplex_mcp.api.transport_errors import transport_error
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.core.redaction import Secret, remember_secrets
from mogplex_mcp.credentials.grant import Grant, expiry, is_at
from mogplex_mcp.sign_in.errors import SignInError
from mogplex_mcp.sign_in.loopback import Loopback, listening

READ_AND_WRITE: Final = "read write"
READ_ONLY: Final = "read"
WAIT_SECONDS: Final = 300.0
"""How long the person has, until then the address on this machine is closed again."""

_CLIENT_NAME: Final = "mogplex-mcp"
_PING: Final = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
_UNAUTHORIZED: Final = 401
_FIRST_SERVER_ERROR: Final = 500
_LONGEST_REASON: Final = 300
_OF_THE_BODY: Final = ("content-encoding", "content-length", "transfer-encoding")

Show = Callable[[str], Awaitable[None]]
"""Show the person the address to sign in at, or open it."""


def wanted_scopes(*, read_only: bool) -> str:
    """Return the scopes to ask for: without `write` where nothing is to be changed."""
    return READ_ONLY if read_only else READ_AND_WRITE


async def sign_in(
    base_url: str,
    transport: httpx2.AsyncBaseTransport,
    *,
    scopes: str,
    show: Show,
    now: Callable[[], float],
    note: Callable[[str], None],
    seconds: float = WAIT_SECONDS,
) -> Grant:
    """Sign the person in, and return what was granted; nothing is stored.

    Args:
        base_url: The address of Mogplex.
        transport: Sends requests there.
        scopes: `READ_AND_WRITE` or `READ_ONLY`; `offline_access` is asked for in addition, as the refresh needs it.
        show: Called with the address to sign in at.
        now: Seconds since the epoch.
        note: Called with what the person should know meanwhile.
        seconds: How long it may take.

    Raises:
        SignInError: It failed, or no one signed in.
        MogplexError: Mogplex can't be reached.
    """
    with anyio.move_on_after(seconds):
        async with listening(note) as loopback:
            attempt = _Attempt(base_url, loopback, show, scopes)
            return await attempt.run(transport, now)
    raise SignInError(f"No one signed in within {seconds / 60:.0f} minutes.")


class _Attempt:
    """One attempt to sign in; the storage of the SDK's client for its duration (`TokenStorage`)."""

    def __init__(self, base_url: str, loopback: Loopback, show: Show, scopes: str) -> None:
        self._base_url = base_url
        self._loopback = loopback
        self._show = show
        self._tokens: OAuthToken | None = None
        self._client: OAuthClientInformationFull | None = None
        self._scopes = scopes

    async def run(self, transport: httpx2.AsyncBaseTransport, now: Callable[[], float]) -> Grant:
        """Return what was granted."""
        metadata = OAuthClientMetadata(
            client_name=_CLIENT_NAME,
            redirect_uris=[AnyUrl(self._loopback.redirect_uri)],
            token_endpoint_auth_method="none",  # noqa: S106 - a method, not a password
        )
        endpoint = f"{self._base_url}/mcp"
        provider = OAuthClientProvider(endpoint, metadata, self, self._redirect, self._callback)
        # Closing it leaves the transport open, which may be that of all other requests.
        bounded = _Bounded(transport, self._base_url, self._scopes)
        client = httpx2.AsyncClient(transport=bounded, auth=provider, trust_env=False)
        try:
            response = await client.post(endpoint, json=_PING, headers={"User-Agent": USER_AGENT})
        except (OAuthFlowError, ValidationError) as error:
            raise self._explained(error) from None
        except (httpx2.TransportError, OSError, UnicodeError) as error:
            raise transport_error(error, urlsplit(self._base_url).hostname or "") from error
        finally:
            with contextlib.suppress(Exception):
                await client.aclose()
        if self._tokens is None and response.status_code >= _FIRST_SERVER_ERROR:
            raise MogplexError(ErrorCode.SERVICE_UNAVAILABLE, f"Mogplex responded with {response.status_code}.")
        if self._tokens is None:
            raise SignInError(
                f"This Mogplex does not offer a sign-in (it responded with {response.status_code}): use a personal "
                "access token, with `mogplex-mcp login --token`."
            )
        return self._grant(provider, self._tokens, now())

    async def get_tokens(self) -> OAuthToken | None:
        """Return no tokens: an attempt begins without any."""
        return None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep the tokens."""
        remember_secrets(tokens.access_token, tokens.refresh_token or "")
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Return no registration: redirect addresses must match to the letter, and the port is a new one."""
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep the registration.

        Raises:
            SignInError: Mogplex registered a client with a secret, which a program on people's machines can't have.
        """
        if client_info.token_endpoint_auth_method not in (None, "none"):
            raise SignInError("Mogplex registered this program as one that has a secret, which it cannot have.")
        self._client = client_info

    async def _redirect(self, url: str) -> None:
        """Show the address to sign in at.

        Raises:
            SignInError: It is not at the configured address.
        """
        if not is_at(url, self._base_url):
            raise _elsewhere("The page to sign in", url, self._base_url)
        self._loopback.expect(parse_qs(urlsplit(url).query).get("state", [""])[0])
        await self._show(url)

    async def _callback(self) -> AuthorizationCodeResult:
        redirect = await self._loopback.wait()
        return AuthorizationCodeResult(code=redirect.code, state=redirect.state, iss=redirect.iss)

    def _grant(self, provider: OAuthClientProvider, tokens: OAuthToken, now: float) -> Grant:
        metadata = provider.context.oauth_metadata
        if metadata is None or not is_at(str(metadata.issuer), self._base_url):
            raise _elsewhere("The authorization server", str(metadata and metadata.issuer), self._base_url)
        revocation: AnyHttpUrl | None = metadata.revocation_endpoint
        try:
            access_token = Token.parse(tokens.access_token)
        except MogplexError:
            raise SignInError("Mogplex sent something that is not an access token.") from None
        return Grant(
            access_token=access_token,
            refresh_token=Secret(tokens.refresh_token or ""),
            client_id=self._client.client_id if self._client else "",
            token_endpoint=str(metadata.token_endpoint),
            revocation_endpoint=str(revocation) if revocation else "",
            scopes=tuple((tokens.scope or self._scopes).split()),
            issued_at=now,
            expires_at=expiry(now, tokens.expires_in),
        )

    def _explained(self, error: Exception) -> SignInError:
        """Return an error of the SDK's client in our words; its own have the state and what the server sent."""
        if isinstance(error, OAuthTokenError):
            return SignInError("Mogplex did not exchange the code of the sign-in for a token. Sign in again.")
        reason = "" if isinstance(error, ValidationError) else str(error).partition(":")[0]
        if "issuer" in reason:
            reason = "its metadata names another issuer than the address that it is at"
        return SignInError(f"The sign-in failed: {clean_line(reason, _LONGEST_REASON) or 'Mogplex sent invalid data'}.")


def _elsewhere(what: str, url: str, base_url: str) -> SignInError:
    """Return the error that something is not at the configured address."""
    return SignInError(
        f"{what} is at {clean_line(_origin(url), _LONGEST_REASON)}, not at the configured address "
        f"{web_url(base_url)}: correct MOGPLEX_URL, or the address that Mogplex itself is configured with."
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else url


class _Bounded(httpx2.AsyncBaseTransport):
    """Sends the requests of a sign-in: to the configured address, within limits, for the scopes that are wanted.

    The SDK's client asks for the scopes of the challenge (MCP specification, "Authorization", "Scope Selection
    Strategy"). Mogplex's names none, so what is wanted is added to it.
    """

    def __init__(self, transport: httpx2.AsyncBaseTransport, base_url: str, scopes: str) -> None:
        self._transport = transport
        self._base_url = base_url
        self._scopes = scopes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            SignInError: It is for another address.
            MogplexError: The response is too large, or can't be decompressed.
        """
        timeout = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": WRITE_SECONDS, "pool": POOL_SECONDS}
        request.extensions = {**request.extensions, "timeout": timeout}
        request.headers |= {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"}
        if not is_at(str(request.url), self._base_url):
            raise _elsewhere("The authorization server", str(request.url), self._base_url)
        response = await _read(request, await self._transport.handle_async_request(request))
        if response.status_code == _UNAUTHORIZED and "www-authenticate" in response.headers:
            challenge = response.headers["www-authenticate"].partition(" ")[2]
            response.headers["www-authenticate"] = f'Bearer scope="{self._scopes}", {challenge}'
        return response


async def _read(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    """Read a response to its end, within the limit of `read_body`: the SDK's client knows none.

    Raises:
        MogplexError: The body is over it, or can't be decompressed.
    """
    try:
        body = await read_body(response)
    except zlib.error:
        body = None
    finally:
        await response.aclose()
    if body is None:
        raise MogplexError(
            ErrorCode.UNEXPECTED_ANSWER,
            "A response to the sign-in is over 20 MB, or compressed in a way that was not asked for.",
        )
    kept = [(name, value) for name, value in response.headers.multi_items() if name not in _OF_THE_BODY]
    return httpx2.Response(response.status_code, headers=kept, content=body, request=request)
