"""The OAuth 2.1 authorization server: registration, authorization with PKCE, tokens and their refresh."""

import hashlib
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from . import oauth_pages
from .authentication import origin_of
from .context import State
from .messages import JSON, Request, Response, json_response
from .oauth_data import (
    CODE_SECONDS,
    REFRESH_TOKEN_SECONDS,
    AuthorizationCode,
    OAuthClient,
    RefreshToken,
    new_secret,
)
from .oauth_metadata import AUTH_PATH, SCOPES, well_known
from .world import READ, WRITE, ApiToken

ERROR_PATH = "/api/auth/error"
_ID_TOKEN = "simulated.id.token"  # noqa: S105 - made up, and nothing reads it
_DEFAULT_SCOPE = "openid"
_BAD_REQUEST = 400
_UNAUTHORIZED = 401


class _Refusal(Exception):  # noqa: N818 - becomes a response
    """A request that ends with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def handle(state: State, request: Request) -> Response | None:
    """Handle a request for signing in: metadata, pages, endpoints; None for a path of another part of Mogplex."""
    path = request.raw_path
    if path == "/login":
        return oauth_pages.login(state.world, request)
    if path.startswith("/.well-known/"):
        return well_known(request)
    if not path.startswith("/api/auth/"):
        return None
    endpoint = _ENDPOINTS.get(f"{request.method} {path}")
    if endpoint is None or state.faults.down:
        return Response(404 if endpoint is None else 500)
    try:
        return endpoint(_AuthorizationServer(state, request))
    except _Refusal as refusal:
        return refusal.response


@dataclass(frozen=True, slots=True)
class _AuthorizationServer:
    """The authorization server while it handles one request."""

    state: State
    request: Request

    def register(self) -> Response:
        """Register a client (RFC 7591)."""
        body = self._json_body()
        uris = body.get("redirect_uris")
        if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
            kind = "undefined" if "redirect_uris" not in body else _type_name(uris)
            wrong = f"[body.redirect_uris] Invalid input: expected array, received {kind}"
            raise _Refusal(json_response(_BAD_REQUEST, {"message": wrong, "code": "VALIDATION_ERROR"}))
        method = body.get("token_endpoint_auth_method", "client_secret_basic")
        client = OAuthClient(new_secret(), body.get("client_name"), uris, None if method == "none" else new_secret())
        self.state.world.oauth.clients[client.id] = client
        registered = {
            "client_id": client.id,
            "client_id_issued_at": int(self.state.now()),
            "redirect_uris": uris,
            "token_endpoint_auth_method": method,
            "grant_types": body.get("grant_types", ["authorization_code"]),
            "response_types": body.get("response_types", ["code"]),
        }
        registered |= {name: body[name] for name in ("client_name", "client_uri", "logo_uri", "scope") if name in body}
        if client.secret is not None:
            registered |= {"client_secret": client.secret, "client_secret_expires_at": 0}
        return json_response(201, registered).with_header("cache-control", "no-store")

    def authorize(self) -> Response:
        """Redirect back with a code, or show where to sign in or to consent."""
        query, oauth = self.request.query, self.state.world.oauth
        user = oauth_pages.signed_in_user(self.state.world, self.request)
        if user is None:
            return _found(f"/login?{self.request.raw_query}")
        client, scopes, challenge = self._checked_query()
        value = new_secret()
        code = AuthorizationCode(
            client_id=client.id,
            redirect_uri=query["redirect_uri"],
            user_id=user.id,
            scopes=scopes,
            state=query.get("state"),
            challenge=challenge,
            expires_at=self.state.now() + CODE_SECONDS,
            approved=not oauth.consent_page,
        )
        oauth.codes[value] = code
        return _back(value, code) if code.approved else oauth_pages.consent(client, value, code, user)

    def decide(self) -> Response:
        """Redirect back with what the person decided on the consent page."""
        form = oauth_pages.form_of(self.request)
        value = form.get("code", "")
        code = self.state.world.oauth.codes.get(value)
        if code is None or code.approved:
            raise self._error_page("invalid_code")
        if form.get("decision") == "approve":
            code.approved = True
            return _back(value, code)
        del self.state.world.oauth.codes[value]
        denied = {"error": "access_denied", "error_description": "User denied access"}
        return _found(_with_query(code.redirect_uri, denied | ({"state": code.state} if code.state else {})))

    def token(self) -> Response:
        """Exchange a code or a refresh token for tokens."""
        is_json = self.request.headers.get("content-type", "").startswith(JSON)
        form = self._json_body() if is_json else oauth_pages.form_of(self.request)
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form)
        code = self._redeemed(form.get("code"))
        client_id, client_secret = self._credentials(form)
        if form.get("grant_type") != "authorization_code":
            raise _refusal(_BAD_REQUEST, "unsupported_grant_type", "grant_type must be 'authorization_code'")
        client = self.state.world.oauth.clients.get(client_id)
        if client is None or client.id != code.client_id:
            raise _refusal(_UNAUTHORIZED, "invalid_client", "invalid client_id")
        if client.secret is not None and client.secret != client_secret:
            raise _refusal(_UNAUTHORIZED, "invalid_client", "invalid client_secret")
        if form.get("redirect_uri") != code.redirect_uri:
            raise _refusal(_UNAUTHORIZED, "invalid_client", "invalid redirect_uri")
        if code.challenge is not None:
            _check_verifier(form.get("code_verifier"), code.challenge)
        grant = RefreshToken(client.id, code.user_id, code.scopes, self.state.now() + REFRESH_TOKEN_SECONDS)
        return self._tokens(grant, "Bearer", refreshable="offline_access" in code.scopes)

    def userinfo(self) -> Response:
        """Return nothing, as observed without the scope `openid`."""
        return Response(200)

    def error_page(self) -> Response:
        """Return the page for errors that must not go to an unverified redirect URI."""
        return oauth_pages.error_page(self.request)

    def _redeemed(self, value: str | None) -> AuthorizationCode:
        """Take a code, which can be tried once, whatever follows."""
        if not value:
            raise _refusal(_BAD_REQUEST, "invalid_request", "code is required")
        code = self.state.world.oauth.codes.get(value)
        if code is None or not code.approved:
            raise _refusal(_UNAUTHORIZED, "invalid_grant", "invalid code")
        del self.state.world.oauth.codes[value]
        if code.expires_at < self.state.now():
            raise _refusal(_UNAUTHORIZED, "invalid_grant", "code expired")
        return code

    def _refresh(self, form: dict[str, Any]) -> Response:
        oauth, value = self.state.world.oauth, form.get("refresh_token")
        if not value:
            raise _refusal(_BAD_REQUEST, "invalid_request", "refresh_token is required")
        known = None if oauth.refuses_refresh else oauth.refresh_tokens.get(value)
        if known is None:
            raise _refusal(_UNAUTHORIZED, "invalid_grant", "invalid refresh token")
        if known.client_id != self._credentials(form)[0]:
            raise _refusal(_UNAUTHORIZED, "invalid_client", "invalid client_id")
        if known.expires_at < self.state.now():
            raise _refusal(_UNAUTHORIZED, "invalid_grant", "refresh token expired")
        if oauth.rotates_refresh_tokens:
            del oauth.refresh_tokens[value]
        renewed = RefreshToken(known.client_id, known.user_id, known.scopes, self.state.now() + REFRESH_TOKEN_SECONDS)
        return self._tokens(renewed, "bearer", refreshable=True)

    def _tokens(self, grant: RefreshToken, kind: str, *, refreshable: bool) -> Response:
        world = self.state.world
        lifetime, access_token, refresh_token = world.oauth.access_token_seconds, new_secret(), new_secret()
        world.tokens.append(
            ApiToken(
                access_token,
                grant.user_id,
                frozenset(grant.scopes) & {READ, WRITE},
                limited=False,
                expires_at=self.state.now() + lifetime,
                client_id=grant.client_id,
            )
        )
        issued: dict[str, Any] = {"access_token": access_token, "token_type": kind, "expires_in": lifetime}
        if refreshable:
            world.oauth.refresh_tokens[refresh_token] = grant
            issued["refresh_token"] = refresh_token
        issued["scope"] = " ".join(grant.scopes)
        if "openid" in grant.scopes and kind == "Bearer":
            issued["id_token"] = _ID_TOKEN
        return json_response(200, issued)

    def _checked_query(self) -> tuple[OAuthClient, list[str], str | None]:
        """Check an authorization request, in the order in which the real server does.

        Returns:
            The client, the scopes, and the PKCE challenge.
        """
        query = self.request.query
        if not query.get("client_id"):
            raise self._error_page("invalid_client")
        if not query.get("response_type"):
            raise self._error_page("invalid_request", "response_type is required")
        client = self.state.world.oauth.clients.get(query["client_id"])
        if client is None:
            raise self._error_page("invalid_client")
        redirect_uri = query.get("redirect_uri", "")
        if redirect_uri not in client.redirect_uris:
            raise _Refusal(json_response(_BAD_REQUEST, {"message": "Invalid redirect URI"}))
        if query["response_type"] != "code":
            raise self._error_page("unsupported_response_type")
        scopes = query.get("scope", "").split() or [_DEFAULT_SCOPE]
        invalid = [scope for scope in scopes if scope not in SCOPES]
        if invalid:
            wrong = f"The following scopes are invalid: {', '.join(invalid)}"
            raise _refused_to(redirect_uri, "invalid_scope", wrong)
        challenge, method = query.get("code_challenge"), query.get("code_challenge_method")
        if not challenge or not method:
            if client.secret is None or challenge or method:
                raise _refused_to(redirect_uri, "invalid_request", "pkce is required")
            return client, scopes, None
        if method.lower() != "s256":
            raise _refused_to(redirect_uri, "invalid_request", "invalid code_challenge method")
        return client, scopes, challenge

    def _error_page(self, error: str, description: str = "") -> _Refusal:
        more = f"&error_description={description}" if description else ""
        return _Refusal(_found(f"{origin_of(self.request)}{ERROR_PATH}?error={error}{more}"))

    def _credentials(self, form: dict[str, Any]) -> tuple[str, str | None]:
        """Return id and secret of the client, from the body or from `Authorization: Basic`."""
        header = self.request.headers.get("authorization", "")
        if "client_id" not in form and header.startswith("Basic "):
            try:
                identifier, _, secret = b64decode(header.removeprefix("Basic ")).decode().partition(":")
            except (BadBase64, UnicodeDecodeError) as broken:
                raise _refusal(_UNAUTHORIZED, "invalid_client", "invalid authorization header format") from broken
            return identifier, secret
        if not form.get("client_id"):
            raise _refusal(_UNAUTHORIZED, "invalid_client", "client_id is required")
        return form["client_id"], form.get("client_secret")

    def _json_body(self) -> dict[str, Any]:
        try:
            body = self.request.json()
        except ValueError:
            body = None
        return body if isinstance(body, dict) else {}


def _back(value: str, code: AuthorizationCode) -> Response:
    answer = {"code": value} | ({"state": code.state} if code.state else {})
    return _found(_with_query(code.redirect_uri, answer))


def _with_query(uri: str, parameters: dict[str, str]) -> str:
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(parameters, quote_via=quote)}"


def _refused_to(redirect_uri: str, error: str, description: str) -> _Refusal:
    # As observed, the description isn't percent-encoded and the state is missing.
    joint = "&" if "?" in redirect_uri else "?"
    return _Refusal(_found(f"{redirect_uri}{joint}error={error}&error_description={description}"))


def _refusal(status: int, error: str, description: str) -> _Refusal:
    return _Refusal(json_response(status, {"error_description": description, "error": error}))


def _found(location: str) -> Response:
    return Response(302, b"", [("content-type", JSON), ("location", location)])


def _check_verifier(verifier: str | None, challenge: str) -> None:
    if not verifier:
        raise _refusal(_BAD_REQUEST, "invalid_request", "code verifier is missing")
    if urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=") != challenge:
        raise _refusal(_UNAUTHORIZED, "invalid_request", "code verification failed")


def _type_name(value: Any) -> str:
    names = {str: "string", int: "number", float: "number", bool: "boolean", dict: "object", type(None): "null"}
    return names.get(type(value), "array")


_ENDPOINTS: Mapping[str, Callable[[_AuthorizationServer], Response]] = {
    f"GET {AUTH_PATH}/authorize": _AuthorizationServer.authorize,
    f"POST {AUTH_PATH}/consent": _AuthorizationServer.decide,
    f"POST {AUTH_PATH}/token": _AuthorizationServer.token,
    f"POST {AUTH_PATH}/register": _AuthorizationServer.register,
    f"GET {AUTH_PATH}/userinfo": _AuthorizationServer.userinfo,
    f"GET {ERROR_PATH}": _AuthorizationServer.error_page,
}
