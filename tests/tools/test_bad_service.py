"""What goes wrong at Mogplex and on the way to it, as a real client sees it: what happened, why, what to do next."""

import re
import ssl

import httpx2
import pytest
from mcp import Client

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Fault, FaultKind, Simulator
from tests.tools.people import facts
from tests.tools.support import CALLS, Unreachable, answer, connected_client, error, settings, text_of
from tests.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("tool", ["list_repos", "start_run", "check_connection"])
async def test_an_unreachable_host_is_named_with_what_to_check(tool: str) -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.REFUSED, times=None))
    async with connected_client(simulator) as client:
        if tool == "check_connection":
            text = text_of(await answer(client, tool))
        else:
            text = await error(client, tool, **CALLS[tool])
            assert "(code: unreachable)" in text
    assert "Mogplex could not be reached." in text
    assert "mogplex.com" in text
    assert "MOGPLEX_URL" in text


async def test_a_tls_failure_is_named_and_trying_again_is_not_advised() -> None:
    def fault(request: httpx2.Request) -> Exception:
        refused = httpx2.ConnectError("certificate verify failed", request=request)
        refused.__cause__ = cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
        cause.verify_message = "unable to get local issuer certificate"
        return refused

    async with connected_client(transport=Unreachable(fault)) as client:
        text = await error(client, "list_repos")
    assert text.startswith("The connection to Mogplex is not secure, so nothing was sent over it.")
    assert "certificate" in text
    assert "SSL_CERT_FILE" in text
    assert "trying again will not help" in text


@pytest.mark.parametrize(
    ("status", "kind", "body", "said"),
    [
        (502, "text/html", "<html><title>Squid says no</title></html>", "Squid says no"),
        (200, "text/html", "<title>Welcome to the guest wifi</title>", "Welcome to the guest wifi"),
        (200, "application/json", '{"hello": 1}', "without an envelope"),
        (200, "application/json", "{", "cannot be read"),
    ],
)
async def test_what_is_no_answer_of_mogplex_is_described_and_named(
    status: int, kind: str, body: str, said: str
) -> None:
    def page(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": kind} if kind else {})

    async with connected_client(transport=Unreachable(page)) as client:
        text = await error(client, "list_repos")
        checked = text_of(await answer(client, "check_connection"))
    assert text.startswith("The response did not come from the Mogplex API.")
    assert said in text
    assert "MOGPLEX_URL" in text
    assert "(code: unexpected_answer)" in text
    assert said in checked


@pytest.mark.parametrize(
    ("status", "kind", "body", "happened", "said", "advice"),
    [
        (
            407,
            "text/plain",
            "Proxy Authentication Required",
            "The proxy did not carry the request.",
            "asks for a user name and password (status 407)",
            "The proxy has to work, or its setting has to be corrected",
        ),
        (500, "", "", "Mogplex failed.", "an empty answer with status 500", "Mogplex has a fault"),
        (
            413,
            "text/html",
            "<p>big",
            "Mogplex refused the request.",
            "a request of this size",
            "Correct what the reason",
        ),
        (
            404,
            "text/html",
            "<p>nothing",
            "The configured address is not a Mogplex API.",
            "responded with 404 to GET /repos",
            "MOGPLEX_URL has to be corrected",
        ),
    ],
)
async def test_what_is_no_envelope_blames_the_side_that_failed(
    *, status: int, kind: str, body: str, happened: str, said: str, advice: str
) -> None:
    def page(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": kind} if kind else {})

    async with connected_client(transport=Unreachable(page)) as client:
        text = await error(client, "list_repos")
        checked = text_of(await answer(client, "check_connection"))
    assert text.startswith(happened)
    assert said in text
    assert advice in text
    assert said.split(" to ", maxsplit=1)[0] in checked


async def test_a_redirect_is_not_followed_and_named() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.REDIRECT, times=None))
    async with connected_client(simulator) as client:
        assert "which was not followed with the token" in await error(client, "list_repos")


async def test_a_proxy_setting_that_cannot_be_used_is_a_tool_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://user:password@nonsense")
    async with Client(create_server(settings(), now=virtual_now)) as client:
        for tool in ("list_repos", "check_connection"):
            text = await error(client, tool)
            assert "The proxy from ALL_PROXY cannot be used" in text
            assert "password" not in text


async def test_the_seconds_to_wait_are_said_in_words_and_as_a_figure() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.RATE_LIMITED, times=None, retry_after=37))
    async with connected_client(simulator) as client:
        text = await error(client, "list_repos")
    assert "Call list_repos again in 37 seconds" in text
    assert "retry_after_seconds: 37" in text


async def test_a_failure_of_mogplex_is_not_repeated_in_its_empty_words() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.faults.add(Fault(FaultKind.JSON_500, times=None))
    async with connected_client(simulator) as client:
        assert "Mogplex gave no reason but status 500." in await error(client, "list_repos")


async def test_where_it_is_not_known_whether_a_run_started_the_same_call_is_said_to_be_safe() -> None:
    simulator = Simulator(now=virtual_now)
    async with connected_client(simulator) as client:
        await answer(client, "list_sandboxes", repo="acme/web")
        simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", times=None))
        text = await error(client, "start_run", repo="acme/web", prompt="x")
        assert "It is not known whether it took effect." in text
        assert "Calling start_run again with the same arguments is safe" in text
        simulator.faults.clear()
        again = await answer(client, "start_run", repo="acme/web", prompt="x")
    assert again.structured_content is not None
    assert again.structured_content["replayed"] is True


async def test_where_it_is_not_known_whether_a_sandbox_was_made_looking_is_advised() -> None:
    simulator = Simulator(now=virtual_now)
    simulator.world.sandbox_boot_seconds = 1.0
    async with connected_client(simulator) as client:
        simulator.faults.add(Fault(FaultKind.RESET_AFTER_WRITE, method="POST", times=None))
        text = await error(client, "create_sandbox", repo="acme/web")
    assert "Look before doing it again" in text


async def test_a_fault_of_the_server_itself_is_no_protocol_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Mogplex, "list_repos", broken)
    async with connected_client() as client:
        text = await error(client, "list_repos")
    assert "fault of mogplex-mcp" in text
    assert "(code: internal_error)" in text
    assert "secret detail" not in text
    assert "secret detail" in caplog.text


async def test_a_run_that_cannot_be_looked_at_is_not_said_to_run() -> None:
    simulator = Simulator(now=virtual_now, run_seconds=600)
    async with connected_client(simulator, MOGPLEX_MCP_MAX_WAIT="20") as client:
        run_id = (await facts(client, "start_run", repo="acme/web", prompt="x"))["run_id"]
        seen = await facts(client, "tail_run", run_id=run_id)
        simulator.faults.add(Fault(FaultKind.REFUSED, times=None))
        news = await facts(client, "tail_run", run_id=run_id, cursor=seen["cursor"])
    assert re.match(r"Mogplex cannot be asked: \d\d s ago the run was \w+\. Do not start it again\.", news["summary"])
    assert news["next_steps"][0]["tool"] == "tail_run"
