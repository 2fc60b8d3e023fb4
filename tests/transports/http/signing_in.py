"""An MCP client that signs in as real ones do: the SDK's OAuth flow against the simulator, in place of a browser."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.auth.oauth2 import OAuthContext
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from starlette.types import ASGIApp

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.simulator import MODES, Simulator
from mogplex_mcp.simulator.world import ApiToken
from mogplex_mcp.transports.http.serving import create_app

CALLBACK = "http://127.0.0.1:33418/callback"


def simulator(*modes: str, **options: Any) -> Simulator:
    """A Mogplex at which a person is signed in already, so that no page has to be clicked."""
    made = Simulator(**options)
    for mode in ("signed-in", *modes):
        MODES[mode](made)
    return made


@dataclass
class Storage:
    """Keeps what a client gets, and how it asked its person."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None
    issued: list[str] = field(default_factory=list)
    authorized: list[Mapping[str, list[str]]] = field(default_factory=list)
    context: OAuthContext | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens
        self.issued.append(tokens.access_token)

    def expire(self) -> None:
        """Let the client think that its token has expired."""
        assert self.context
        self.context.token_expiry_time = 1.0

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def provider(mogplex: Simulator, address: str, storage: Storage) -> OAuthClientProvider:
    """The OAuth flow of the SDK. Its person opens the address that it shows, and is sent back at once."""
    answers: list[dict[str, list[str]]] = []

    async def open_browser(url: str) -> None:
        storage.authorized.append(parse_qs(urlsplit(url).query))
        async with httpx2.AsyncClient(transport=mogplex.transport()) as browser:
            location = (await browser.get(url)).headers["location"]
        assert location.startswith(CALLBACK)
        answers.append(parse_qs(urlsplit(location).query))

    async def wait_for_browser() -> AuthorizationCodeResult:
        answer = answers.pop()
        return AuthorizationCodeResult(code=answer["code"][0], state=answer["state"][0])

    metadata = OAuthClientMetadata(
        client_name="A connector", redirect_uris=[CALLBACK], token_endpoint_auth_method="none"
    )
    return OAuthClientProvider(
        server_url=f"http://{address}/mcp",
        client_metadata=metadata,
        storage=storage,
        redirect_handler=open_browser,
        callback_handler=wait_for_browser,
    )


@contextlib.asynccontextmanager
async def connector(mogplex: Simulator, address: str, storage: Storage, mode: Any = "auto") -> AsyncIterator[Client]:
    """A client that knows the address of the server, and nothing else."""
    auth = provider(mogplex, address, storage)
    storage.context = auth.context
    mounts = {"all://mogplex.com": mogplex.transport()}
    async with (
        httpx2.AsyncClient(auth=auth, mounts=mounts, timeout=30) as http,
        Client(streamable_http_client(f"http://{address}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


def issue(mogplex: Simulator, value: str = "a" * 32, *, scopes: tuple[str, ...] = ("read", "write")) -> str:
    """Have Mogplex issue an access token for the person who is signed in."""
    user = mogplex.world.users[0].id
    mogplex.world.tokens.append(ApiToken(value, user, frozenset(scopes), limited=False, client_id="a connector"))
    return value


def app_with_sign_in(mogplex: Simulator, **settings: Any) -> ASGIApp:
    return create_app(Settings(oauth=True, **settings), transport=mogplex.transport())
