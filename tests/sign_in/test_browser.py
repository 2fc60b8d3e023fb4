"""Signing in with a browser: what is asked for, what is granted, and what can go wrong on the way."""

import gzip
import re
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.sign_in.browser import READ_AND_WRITE, READ_ONLY, sign_in
from mogplex_mcp.sign_in.errors import SignInError
from mogplex_mcp.sign_in.loopback import Loopback
from mogplex_mcp.simulator import Simulator
from tests.sign_in.support import BASE, ORIGIN, START, Clock, Person, signed_in_simulator

pytestmark = pytest.mark.anyio


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def test_person_signs_in_and_the_grant_works_and_can_be_refreshed(clock: Clock) -> None:
    person = Person(signed_in_simulator(clock))
    grant = await person.sign_in(clock)

    asked = query_of(person.shown[0])
    assert person.shown[0].startswith(f"{ORIGIN}/api/auth/mcp/authorize?")
    assert (asked["scope"], asked["code_challenge_method"]) == ("read write offline_access", "S256")
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert "You can close this page" in person.pages[0].text
    assert person.pages[0].headers["cache-control"] == "no-store"
    assert grant.scopes == ("read", "write", "offline_access")
    assert (grant.issued_at, grant.expires_at) == (START, START + 3_600)
    assert grant.is_refreshable(BASE)
    async with httpx2.AsyncClient(transport=person.simulator.transport()) as client:
        headers = {"Authorization": f"Bearer {grant.access_token.value}"}
        assert (await client.get(f"{BASE}/repos", headers=headers)).status_code == 200
    assert person.notes == []


async def test_read_only_sign_in_asks_for_read_and_not_for_write(clock: Clock) -> None:
    person = Person(signed_in_simulator(clock))
    grant = await person.sign_in(clock, scopes=READ_ONLY)

    assert query_of(person.shown[0])["scope"] == "read offline_access"
    assert grant.api_scopes == ("read",)


async def test_denied_sign_in_says_so(clock: Clock) -> None:
    def deny(url: str) -> str:
        return f"{url.partition('?')[0]}?error=access_denied&state={query_of(url)['state']}"

    person = Person(signed_in_simulator(clock), change=deny)
    with pytest.raises(SignInError, match="was denied"):
        await person.sign_in(clock)
    assert "You can close this page" in person.pages[0].text


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("state=", "state=x"),
        lambda url: url.partition("&state")[0],
        lambda url: f"{url.partition('?')[0]}?error=invalid_scope&error_description=no",
        lambda url: f"{url}&state=x",
    ],
)
async def test_redirect_without_the_state_does_not_count_and_the_right_one_still_does(
    change: object, clock: Clock
) -> None:
    person = Person(signed_in_simulator(clock))

    async def open_twice(url: str) -> None:
        person.change = change  # type: ignore[assignment] # of the parameters
        await person.open(url)
        person.change = lambda one: one
        await person.open(url)

    await person.sign_in(clock, show=open_twice)
    assert [page.status_code for page in person.pages] == [400, 200]
    assert "the sign-in still waits" in person.notes[-1]


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Host": "attacker.invalid"}),
        ("GET", {"Host": "localhost"}),
        ("GET", {"Origin": "https://attacker.invalid"}),
        ("GET", {"Sec-Fetch-Mode": "no-cors"}),
        ("GET", {"Sec-Fetch-Dest": "iframe"}),
        ("POST", {}),
    ],
)
async def test_page_of_an_attacker_cannot_use_the_loopback_even_with_the_state(
    method: str, headers: dict[str, str], clock: Clock
) -> None:
    person = Person(signed_in_simulator(clock))

    async def attacked(url: str) -> None:
        asked = query_of(url)
        forged = f"{asked['redirect_uri']}?code=attackers&state={asked['state']}"
        assert (await person.come_back(forged, method, **headers)).status_code in (403, 405)
        assert (await person.come_back(asked["redirect_uri"].replace("callback", "favicon.ico"))).status_code == 404
        await person.open(url)

    assert (await person.sign_in(clock, show=attacked)).access_token.is_oauth


async def test_loopback_takes_one_redirect_and_is_closed_afterwards(clock: Clock) -> None:
    person = Person(signed_in_simulator(clock))
    await person.sign_in(clock)
    with pytest.raises(httpx2.ConnectError):
        await person.come_back(str(person.pages[0].url))


async def test_flood_of_a_page_neither_ends_the_sign_in_nor_fills_the_terminal(clock: Clock) -> None:
    notes: list[str] = []
    loopback = Loopback(8_080, notes.append)
    loopback.expect("state-of-this-sign-in")
    host = (b"host", b"127.0.0.1:8080")
    statuses = []

    async def request(query: bytes, *more: tuple[bytes, bytes]) -> None:
        async def send(message: Mapping[str, Any]) -> None:
            statuses.append(message.get("status"))

        scope = {"type": "http", "method": "GET", "path": "/callback", "query_string": query, "headers": [host, *more]}
        await loopback(scope, None, send)

    for _ in range(1_500):
        await request(b"error=invalid_scope")
        await request(b"code=attackers", (b"origin", b"https://attacker.invalid"))
    await request(b"code=right&state=state-of-this-sign-in")

    assert statuses[-2] == 200
    with anyio.fail_after(30):
        assert (await loopback.wait()).code == "right"
    assert len(notes) == 2
    assert {"invalid_scope" in note for note in notes} == {True, False}


async def test_redirect_of_another_issuer_is_refused(clock: Clock) -> None:
    person = Person(signed_in_simulator(clock), change=lambda url: f"{url}&iss=https%3A%2F%2Fattacker.invalid")
    with pytest.raises(SignInError, match="iss mismatch"):
        await person.sign_in(clock)


async def test_machine_without_a_free_port_is_named(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("mogplex_mcp.sign_in.loopback.socket.create_server", refuse)
    with pytest.raises(SignInError, match=r"Address already in use.*`mogplex-mcp login --token`"):
        await Person(signed_in_simulator(clock)).sign_in(clock)


async def test_closed_browser_ends_the_wait(clock: Clock) -> None:
    async def closed(_: str) -> None:
        return

    with pytest.raises(SignInError, match="No one signed in"):
        await Person(signed_in_simulator(clock)).sign_in(clock, show=closed, seconds=0.5)


async def test_code_that_was_used_already_is_refused(clock: Clock) -> None:
    person = Person(signed_in_simulator(clock))

    def used(url: str) -> str:
        person.simulator.world.oauth.codes.clear()
        return url

    person.change = used
    with pytest.raises(SignInError, match="did not exchange the code"):
        await person.sign_in(clock)


class Hostile(httpx2.AsyncBaseTransport):
    """A Mogplex whose documents about signing in are changed on the way."""

    def __init__(self, simulator: Simulator, change: Callable[[bytes], bytes], **headers: str) -> None:
        self._simulated = simulator.transport()
        self._change = change
        self._headers = headers

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._simulated.handle_async_request(request)
        if not request.url.path.startswith("/.well-known/"):
            return response
        changed = self._change(await response.aread())
        return httpx2.Response(response.status_code, headers=self._headers, stream=httpx2.ByteStream(changed))


AUTHORIZE = b"https://mogplex.com/api/auth/mcp/authorize"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (b'["https://mogplex.com"]', b'["https://attacker.invalid"]', "https://attacker.invalid"),
        (AUTHORIZE, b"https://attacker.invalid/authorize", "https://attacker.invalid"),
        (b"https://mogplex.com/api/auth/mcp/register", b"https://attacker.invalid/", "https://attacker.invalid"),
        (AUTHORIZE, b"http://mogplex.com/authorize", "http://mogplex.com"),
        (AUTHORIZE, b"javascript:alert(1)", None),
        (AUTHORIZE, b"https://mogplex.com@attacker.invalid/", "https://mogplex.com@attacker.invalid"),
    ],
)
async def test_what_is_at_another_address_is_neither_opened_nor_asked(
    old: bytes, new: bytes, named: str | None, clock: Clock
) -> None:
    person = Person(signed_in_simulator(clock))
    transport = Hostile(person.simulator, lambda body: body.replace(old, new))
    expected = f"at {named}, not at the configured address https://mogplex.com" if named else "The sign-in failed"
    with pytest.raises(SignInError, match=re.escape(expected)):
        await sign_in(
            BASE, transport, scopes=READ_AND_WRITE, show=person.open, now=clock, note=person.notes.append, seconds=30
        )
    assert person.shown == []


async def test_token_endpoint_at_another_address_does_not_get_the_code(clock: Clock) -> None:
    person = Person(signed_in_simulator(clock))
    change = (b"https://mogplex.com/api/auth/mcp/token", b"https://attacker.invalid/token")
    transport = Hostile(person.simulator, lambda body: body.replace(*change))
    with pytest.raises(SignInError, match=r"at https://attacker\.invalid, not at"):
        await sign_in(
            BASE, transport, scopes=READ_AND_WRITE, show=person.open, now=clock, note=person.notes.append, seconds=30
        )


@pytest.mark.parametrize("body", [gzip.compress(bytes(25_000_000)), b"no gzip"])
async def test_response_that_grows_without_bound_or_cannot_be_decompressed_is_refused(
    body: bytes, clock: Clock
) -> None:
    person = Person(signed_in_simulator(clock))
    transport = Hostile(person.simulator, lambda _: body, **{"Content-Encoding": "gzip"})
    with pytest.raises(MogplexError, match="is over 20 MB, or compressed") as refused:
        await sign_in(
            BASE, transport, scopes=READ_AND_WRITE, show=person.open, now=clock, note=person.notes.append, seconds=30
        )
    assert refused.value.code is ErrorCode.UNEXPECTED_ANSWER
    assert person.shown == []


async def test_connections_that_say_nothing_do_not_keep_the_browser_out(clock: Clock) -> None:
    person = Person(signed_in_simulator(clock))

    async def open_among_silent_ones(url: str) -> None:
        port = urlsplit(query_of(url)["redirect_uri"]).port
        assert port is not None
        async with AsyncExitStack() as silent:
            for _ in range(25):
                await silent.enter_async_context(await anyio.connect_tcp("127.0.0.1", port))
            await person.open(url)

    assert (await person.sign_in(clock, show=open_among_silent_ones)).access_token.is_oauth


async def test_outage_and_a_mogplex_without_oauth_are_told_apart(clock: Clock) -> None:
    simulator = signed_in_simulator(clock, "outage")
    with anyio.fail_after(60), pytest.raises(SignInError, match="Registration failed"):
        await Person(simulator).sign_in(clock)
