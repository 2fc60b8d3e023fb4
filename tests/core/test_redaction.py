"""Keys are known by their shape, kept out of what is written, and refused where others would read them."""

import logging
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import MCPError
from mcp.shared import _otel
from opentelemetry.trace import NoOpTracer, NoOpTracerProvider

from mogplex_mcp.core.cleaning import sanitize_name, sanitize_word
from mogplex_mcp.core.redaction import MARK, Redactor, find_key, without_keys
from tests.tools.support import answer, connected_client, error
from tests.trust.hostile import UUID, Hostile, client_on

pytestmark = pytest.mark.anyio

KEYS = {
    "a Mogplex token": "mog_" + "aB3x" * 8,
    "a GitHub token": "ghp_" + "aB3x" * 9,
    "a GitLab token": "glpat-" + "aB3x_" * 4,
    "a Slack token": "xoxb-" + "123456789012-" * 3,
    "a key of an AI service": "sk-proj-" + "aB3x-" * 9,
    "a Stripe key": "sk_live_" + "aB3x" * 6,
    "an npm token": "npm_" + "aB3x" * 9,
    "a Google key": "AIza" + "aB3x-" * 7,
    "an AWS key": "AKIA" + "ABCD2345" * 2,
    "a private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAabcd\nefgh+/==\n-----END RSA PRIVATE KEY-----",
}
WORK = [
    "Write the sk-learn-compatible-estimators-for-classification module of task-force-one.",
    "Rename mog_run_id to mog_id, and ghp_token to github_token.",
    "Read the key from MOGPLEX_API_KEY; never write it down. Authorization: Bearer $TOKEN",
    "Parse '-----BEGIN PUBLIC KEY-----' and reject '-----BEGIN PRIVATE KEY-----'.",
    "Fix 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 (a digest) and AKIAbara.",
]


@pytest.mark.parametrize("kind", KEYS)
@given(before=st.text(max_size=20), after=st.text(" \n.,\"')", max_size=5))
def test_a_known_key_is_found_and_kept_out_wherever_it_stands(kind: str, before: str, after: str) -> None:
    key = KEYS[kind]
    text = f"{before} {key}{after}"
    assert find_key({"nodes": [{"data": [text]}]})
    assert key[8:] not in without_keys(text)
    assert find_key(key) == kind
    assert find_key({key: 1}) == kind


@pytest.mark.parametrize("text", WORK)
def test_text_about_keys_is_not_a_key(text: str) -> None:
    assert not find_key(text)


@pytest.mark.parametrize("password", ["hunter2", "p@ss/w0rd", "p?a#ss:word", "5432x", "%40"])
def test_password_in_a_url_is_kept_out(password: str) -> None:
    said = without_keys(
        f"invalid choice: 'postgresql://mogplex:{password}@db.internal:5432/mogplex' (did you mean runs?)"
    )
    assert said == f"invalid choice: 'postgresql://{MARK}db.internal:5432/mogplex' (did you mean runs?)"


@pytest.mark.parametrize(
    "text",
    ["http://localhost:8765/@me and http://[::1]:80", "https://mogplex.com/a:b mail@example.com", "git@host:a/b"],
)
def test_url_without_a_password_stays(text: str) -> None:
    assert without_keys(text) == text


@pytest.mark.parametrize("kind", KEYS)
def test_keys_are_not_accepted_as_words_or_names(kind: str) -> None:
    assert sanitize_word(KEYS[kind]) == "other"
    assert sanitize_name(KEYS[kind], "unusual") == "unusual"


@pytest.mark.parametrize(
    "piece", ["mog_", "sk-", "-sk-", "eyJ", ".eyJ-", "-----BEGIN PRIVATE KEY-----", "Bearer ", "xoxb-", "://a:"]
)
def test_no_text_makes_the_search_slow(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    begun = time.perf_counter()
    without_keys(text)
    find_key(text)
    assert time.perf_counter() - begun < 2


@given(st.text(), st.lists(st.text(), max_size=3))
def test_redacting_never_fails_and_known_secrets_never_stay(text: str, secrets: list[str]) -> None:
    redacted = Redactor(secrets).redact(" ".join([text, *secrets]))
    for secret in secrets:
        if len(secret.strip()) >= 4 and secret.strip() not in MARK:
            assert secret.strip() not in redacted.replace(MARK, "\0")


def test_a_record_is_filtered_with_its_arguments_and_its_traceback() -> None:
    try:
        raise ValueError(f"it holds {KEYS['a Slack token']}")  # noqa: TRY301 - to have a traceback
    except ValueError:
        record = logging.LogRecord(
            "x", 40, __file__, 1, "%s and %s", (KEYS["an npm token"], "secret-1"), sys.exc_info()
        )
    text = Redactor(["secret-1"]).format(record)
    assert text.startswith(f"ERROR x {MARK} and {MARK}")
    assert "ValueError: it holds" in text
    assert "aB3x" not in text
    assert "123456789012" not in text


@pytest.mark.parametrize("kind", KEYS)
async def test_a_prompt_with_a_key_is_refused_before_anything_is_sent(kind: str) -> None:
    network = Hostile(str)
    async with client_on(network) as client:
        for tool, arguments in (
            ("start_run", {"repo": UUID, "prompt": f"Deploy with {KEYS[kind]} please"}),
            ("call_hosted_tool", {"name": "mogplex_reader", "arguments": {"deep": [{"er": KEYS[kind]}]}}),
            ("trigger_automation", {"automation_id": UUID, "repo": UUID, "inputs": {"key": KEYS[kind]}}),
            ("update_automation", {"automation_id": UUID, "notes": KEYS[kind]}),
        ):
            text = await error(client, tool, **arguments)
            assert f"holds what looks like {kind}" in text
            assert "MOGPLEX_MCP_ALLOW_SECRETS_IN_PROMPTS" in text
            assert KEYS[kind][8:] not in text
    assert network.requests == []


async def test_the_users_own_token_is_named_as_such() -> None:
    async with connected_client() as client:
        text = await error(client, "start_run", repo="acme/web", prompt="Use mog_DemoReadWrite000000000000000000A")
    assert "this server's own Mogplex token" in text


async def test_who_says_so_may_hand_on_a_key_and_the_journal_does_without_it() -> None:
    async with connected_client(MOGPLEX_MCP_ALLOW_SECRETS_IN_PROMPTS="1") as client:
        await answer(client, "start_run", repo="acme/web", prompt=f"Use {KEYS['a GitHub token']}")
        listed = str(await answer(client, "list_runs"))
    assert f"Use {MARK}" in listed
    assert "aB3x" not in listed


async def test_a_value_of_an_environment_variable_may_be_a_key() -> None:
    network = Hostile(str)
    async with client_on(network) as client:
        await answer(client, "set_env_var", repo=UUID, key="KEY", value=KEYS["a Stripe key"])
        refused = await error(client, "set_env_var", repo=UUID, key=KEYS["a Stripe key"], value="x")
    assert "key holds what looks like a Stripe key" in refused
    assert any(KEYS["a Stripe key"].encode() in request.content for request in network.requests)


async def test_an_error_does_not_repeat_a_key_that_stands_in_a_wrong_place() -> None:
    async with connected_client() as client:
        for arguments in (
            {"limit": KEYS["a GitHub token"]},
            {"query": KEYS["a GitHub token"]},
            {KEYS["a GitHub token"]: 1, "limit": 0},
        ):
            assert "aB3x" not in await error(client, "list_repos", **arguments)
        assert "aB3x" not in str(await client.call_tool("list_repos", {KEYS["a GitHub token"]: 1}))
        with pytest.raises(MCPError) as unknown:
            await client.call_tool(KEYS["a GitHub token"], {})
        assert "aB3x" not in unknown.value.message


async def test_spans_hold_neither_token_nor_arguments_nor_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    class Telling(NoOpTracer):
        def start_as_current_span(self, *names: Any, **more: Any) -> Any:
            told.append(f"{names} {more}")
            return super().start_as_current_span(*names, **more)

    monkeypatch.setattr(_otel, "_tracer", Telling())
    monkeypatch.setattr("mogplex_mcp.server.tracing.get_tracer_provider", NoOpTracerProvider)
    async with client_on(Hostile(lambda _: "XKQJ from others")) as client:
        await client.call_tool("start_run", {"repo": UUID, "prompt": "words of the user"})
        await client.call_tool("get_run", {"run_id": UUID})
    assert any("start_run" in one for one in told)
    for word_ in ("mog_", "words of the user", "XKQJ"):
        assert word_ not in "".join(told)
