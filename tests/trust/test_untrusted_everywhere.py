"""What others write, wherever they do: it is cleaned, it stands in its place, and nothing else is theirs."""

import json
from collections.abc import Sequence
from itertools import cycle
from typing import Any
from urllib.parse import quote

import httpx2
import mcp_types
import pytest
from mcp import Client, MCPError

from mogplex_mcp.tools.catalog import TOOLSETS
from tests.thorough import share
from tests.tools.people import YES, User
from tests.tools.support import text_of
from tests.trust.hostile import CALLS, PROMPTS, RESOURCES, UUID, Hostile, Say, client_on
from tests.trust.reading import CORPUS, check, hidden, ours

pytestmark = pytest.mark.anyio

MARK = "XKQJ"
# Words that lead into branches; what else is in these fields is others' text.
KNOWN = {"status": "failed", "type": "failed", "stage": "git_delivery"}


def marked(style: str) -> str:
    """An injection that can be found again, also when its beginning or its end is cut."""
    return f"{MARK} {CORPUS[style]} {MARK}"


async def read_or_error(client: Client, uri: str) -> tuple[Sequence[Any], str]:
    try:
        return (await client.read_resource(uri)).contents, ""
    except MCPError as error:
        return (), error.error.message


async def everything(client: Client, told: list[str]) -> None:
    """Use every tool, resource, prompt and completion, and look at all that comes back."""

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    for tool, arguments in CALLS:
        check(await client.call_tool(tool, arguments, progress_callback=note), MARK)
    for uri in RESOURCES:
        read, message = await read_or_error(client, uri)
        assert MARK not in ours(message)
        assert not hidden(message)
        for contents in read:
            assert isinstance(contents, mcp_types.TextResourceContents)
            assert not hidden(contents.text)
            if contents.mime_type == "application/json":
                trusted = {name: value for name, value in json.loads(contents.text).items() if name != "untrusted"}
                assert MARK not in json.dumps(trusted)
            else:
                assert MARK not in ours(contents.text)
    for name, given in PROMPTS:
        assert MARK not in (await client.get_prompt(name, given)).model_dump_json()
    listed = (await client.list_resources()).model_dump_json() + (await client.list_tools()).model_dump_json()
    assert MARK not in listed
    for reference, argument in (
        (mcp_types.PromptReference(name="delegate_task"), "repo"),
        (mcp_types.PromptReference(name="delegate_task"), "base_branch"),
        (mcp_types.PromptReference(name="review_run"), "run_id"),
        (mcp_types.ResourceTemplateReference(uri="mogplex://sandboxes/{sandbox_id}/logs"), "sandbox_id"),
        (mcp_types.ResourceTemplateReference(uri="mogplex://automations/{automation_id}"), "automation_id"),
    ):
        completed = await client.complete(reference, {"name": argument, "value": ""})
        assert MARK not in completed.model_dump_json()


def test_the_calls_reach_every_tool() -> None:
    assert {name for name, _ in CALLS} == {tool.name for toolset in TOOLSETS for tool in toolset.tools}


@pytest.mark.parametrize("style", share(list(CORPUS), 0))
async def test_nothing_that_others_wrote_stands_outside_of_its_place(style: str) -> None:
    progress: list[str] = []
    user = User(YES)
    async with client_on(Hostile(lambda _: marked(style)), user=user) as client:
        await everything(client, progress)
    assert progress
    assert MARK not in "".join(progress)
    for question in user.asked:
        assert not hidden(question)


def mixed(field: str, turn: int) -> str:
    """Another injection in each field, and yet others with each turn."""
    styles = list(CORPUS)
    return marked(styles[(sum(field.encode()) + 11 * turn) % len(styles)])


@pytest.mark.parametrize("turn", range(6))
async def test_the_same_where_ids_are_others_text_as_well(turn: int) -> None:
    async with client_on(Hostile(lambda field: mixed(field, turn), ids=False)) as client:
        await everything(client, [])


@pytest.mark.parametrize("turn", range(6))
async def test_the_same_in_answers_whose_states_are_known(turn: int) -> None:
    async with client_on(Hostile(lambda field: KNOWN.get(field, mixed(field, turn))), mode="legacy") as client:
        await everything(client, [])


def envelope(status: int, text: str) -> httpx2.Response:
    return httpx2.Response(status, json={"ok": False, "error": {"code": text, "message": text}})


def plain(status: int, kind: str, text: str) -> httpx2.Response:
    return httpx2.Response(status, headers={"content-type": kind}, content=text.encode("utf-8", "replace"))


ERRORS: dict[str, Any] = {
    **{f"status {status}": lambda text, status=status: envelope(status, text) for status in (400, 403, 404, 409, 500)},
    "status 401": lambda text: envelope(401, text),
    "status 501": lambda text: envelope(501, text),
    "a page": lambda text: plain(502, "text/html", f"<title>{text}</title>"),
    "text": lambda text: plain(200, "text/plain", text),
    "JSON that is no answer": lambda text: httpx2.Response(200, json={text: text}),
    "a redirect": lambda text: httpx2.Response(302, headers={"location": f"https://evil.example/{MARK}?{quote(text)}"}),
}


@pytest.mark.parametrize("kind", ERRORS)
async def test_what_an_error_quotes_is_fenced(kind: str) -> None:
    said: list[str] = []
    styles = cycle(CORPUS)

    def answer(_: httpx2.Request) -> httpx2.Response:
        response: httpx2.Response = ERRORS[kind](marked(next(styles)).encode("utf-8", "replace").decode())
        return response

    async with client_on(Hostile(str, otherwise=answer)) as client:
        for tool, arguments in CALLS:
            result = await client.call_tool(tool, arguments)
            check(result, MARK)
            said.append(text_of(result))
    assert any(MARK in text for text in said) == (kind != "a redirect")


@pytest.mark.parametrize("shape", ["a result", "an error of the protocol"])
@pytest.mark.parametrize("style", ["plain order", "fake fence", "ANSI cursor", "tag characters"])
async def test_what_a_hosted_tool_says_of_its_failure_is_fenced(shape: str, style: str) -> None:
    text = marked(style)
    said = {"code": text, "status": 400, "message": text, "suggestion": text}
    failed = {"isError": True, "content": [{"type": "text", "text": text}], "structuredContent": {"error": said}}
    outcome = {"result": failed} if shape == "a result" else {"error": {"code": -32602, "message": text, "data": said}}

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        return (
            httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, **outcome})
            if b"tools/call" in request.content
            else None
        )

    async with client_on(Hostile(str, otherwise=answer)) as client:
        result = await client.call_tool("call_hosted_tool", {"name": "mogplex_reader"})
    check(result, MARK)
    assert MARK in text_of(result)


async def test_only_pull_requests_of_the_own_repository_are_lifted() -> None:
    def saying(url: str) -> Say:
        return lambda name: "acme/web" if name == "full_name" else url

    lifted = set()
    for url in (
        "https://github.com/acme/web/pull/7",
        "https://github.com.evil.example/acme/web/pull/7",
        "https://github.com@evil.example/acme/web/pull/7",
        "https://evil.example/https://github.com/acme/web/pull/7",
        "http://github.com/acme/web/pull/7",
        "https://github.com/acme/web/pull/7?x=y",
        "https://github.com/acme/evil/pull/7",
        "https://github.com/evil/web/pull/7",
        "https://github.com/acme/web/pull/7 ",
        "https://github.com/acme/web/pull/\uff17",
        "javascript:alert(1)//https://github.com/acme/web/pull/7",
    ):
        async with client_on(Hostile(saying(url))) as client:
            for tool in ("get_run", "tail_run"):
                structured = (await client.call_tool(tool, {"run_id": UUID})).structured_content or {}
                lifted.add(structured.get("pull_request"))
                trusted = json.dumps({name: value for name, value in structured.items() if name != "untrusted"})
                assert "evil" not in trusted
    assert lifted == {None, "https://github.com/acme/web/pull/7"}
