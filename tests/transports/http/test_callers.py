"""Each request shows whose it is."""

import httpx2
import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.simulator import DEMO_TOKEN, Simulator
from mogplex_mcp.transports.http.authentication import Callers, RefusedError
from mogplex_mcp.transports.http.serving import create_app
from tests.transports.http.support import HEADERS, LIST, app_for, ask

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


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        ("ghp_" + "aB3" * 12, "a GitHub token"),
        ("short", "at least 16"),
        ("a" * 20 + " " + "b" * 20, "without blanks"),
        ("a" * 5_000, "5000 characters"),
    ],
)
async def test_what_cannot_be_a_token_is_refused_with_the_reason(credentials: str, reason: str) -> None:
    simulator = Simulator()
    answer = await ask(app_for(simulator.transport()), Authorization=f"Bearer {credentials}")
    assert answer.status_code == 401
    assert reason in answer.json()["message"]
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert credentials not in answer.text
    assert simulator.requests == []


def test_client_key_with_a_mistake_in_it_is_not_taken_for_an_access_token() -> None:
    callers = Callers(Settings(client_key=Secret("a-client-key-of-an-operator")))
    with pytest.raises(RefusedError, match="The client key is not right"):
        callers.identify({"authorization": "Bearer a-client-key-of-an-operater"})
    with pytest.raises(RefusedError, match="neither the client key nor a token"):
        callers.identify({"authorization": "Bearer an-older-key-of-an-operator"})
    assert callers.identify({"authorization": f"Bearer {'aZ' * 16}"}) is not None


def test_access_token_of_a_sign_in_is_taken_as_one() -> None:
    found = Callers(Settings()).identify({"authorization": f"Bearer {'aZ' * 16}"})
    assert found is not None
    assert found.token is not None
    assert found.token.is_oauth


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
        "YOUR-MOGPLEX-ACCESS-TOKEN",
        "__MOGPLEX_ACCESS_TOKEN__",
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


def test_text_of_the_form_of_a_token_is_taken_as_one() -> None:
    found = Callers(Settings()).identify({"authorization": f"Bearer mog_{'x' * 32}"})
    assert found is not None
    assert found.token is not None


async def test_token_without_bearer_says_what_is_missing() -> None:
    answer = await ask(create_app(Settings()), Authorization=DEMO_TOKEN)
    assert answer.status_code == 401
    assert "'Bearer' is missing" in answer.json()["message"]
    assert DEMO_TOKEN not in answer.text
