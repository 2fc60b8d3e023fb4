"""Each request shows whose it is."""

import httpx2
import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.simulator import DEMO_TOKEN
from mogplex_mcp.transports.http.authentication import Callers, RefusedError
from mogplex_mcp.transports.http.serving import create_app
from tests.transports.http.support import HEADERS, LIST, ask

pytestmark = pytest.mark.anyio

KEY = "an operator's kéy"


def shown(value: str) -> dict[str, str]:
    return {"authorization": f"Bearer {value}".encode().decode("latin-1")}


def test_client_key_selects_the_token_of_the_process() -> None:
    assert Callers(Settings(client_key=Secret(KEY))).identify(shown(KEY)) is None


@pytest.mark.parametrize("wrong", ["a", KEY[:-1], KEY + "x", KEY * 100, KEY.upper(), "mog_", "None"])
def test_wrong_client_key_is_refused(wrong: str) -> None:
    with pytest.raises(RefusedError) as refused:
        Callers(Settings(client_key=Secret(KEY))).identify(shown(wrong))
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("value", ["", " ", "None", "(not set)"])
def test_without_a_client_key_no_value_is_accepted_as_one(value: str) -> None:
    with pytest.raises(RefusedError):
        Callers(Settings()).identify(shown(value))


def test_keys_are_compared_without_telling_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr("hmac.compare_digest", compare)
    callers = Callers(Settings(client_key=Secret(KEY)))
    for one in ("a", KEY, KEY * 50):
        try:
            callers.identify(shown(one))
        except RefusedError:
            continue
    assert compared == [(32, 32)] * 3


async def test_a_token_of_another_form_is_refused_before_mcp_sees_the_request() -> None:
    answer = await ask(create_app(Settings()), Authorization="Bearer mog_short")
    assert answer.status_code == 401
    assert "32 letters and digits" in answer.json()["message"]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "mog_short" not in answer.text


async def test_two_tokens_in_one_request_are_refused() -> None:
    transport = httpx2.ASGITransport(create_app(Settings()))
    headers = [*HEADERS.items(), ("Authorization", f"Bearer {DEMO_TOKEN}"), ("Authorization", "Bearer mog_" + "x" * 32)]
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/mcp", json=LIST, headers=headers)
    assert answer.status_code == 401
    assert "more than one" in answer.text


@pytest.mark.parametrize(
    "placeholder",
    [
        "${MOGPLEX_API_KEY}",
        "${input:token}",
        "$MOGPLEX_API_KEY",
        "{{ token }}",
        "%TOKEN%",
        "<your token>",
        "'${env:T}'",
        "$(MOGPLEX_TOKEN)",
        "%MOGPLEX%",
        "YOUR_TOKEN_HERE",
        "mog_YOUR_TOKEN",
        "#{TOKEN}#",
        "op://vault/mogplex/token",
    ],
)
async def test_placeholder_that_a_client_did_not_replace_is_named(placeholder: str) -> None:
    answer = await ask(create_app(Settings()), Authorization=f"Bearer {placeholder}")
    assert answer.status_code == 401
    assert "placeholder" in answer.json()["message"]
    assert placeholder not in answer.text


async def test_placeholder_for_the_whole_header_is_named() -> None:
    answer = await ask(create_app(Settings()), Authorization="${MOGPLEX_AUTHORIZATION}")
    assert answer.status_code == 401
    assert "placeholder" in answer.json()["message"]


def test_client_key_that_looks_like_a_placeholder_is_accepted() -> None:
    callers = Callers(Settings(client_key=Secret("__inner-door__")))
    assert callers.identify({"authorization": "Bearer __inner-door__"}) is None
