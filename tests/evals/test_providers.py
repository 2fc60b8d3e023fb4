"""Both wire formats, against an endpoint on a socket that refuses what the real ones refuse."""

from collections.abc import Callable, Mapping

import httpx2
import pytest
from evals.conversation import Conversation, Model, ModelError, ToolCall, ToolResult, Turn, Usage
from evals.harness import attempt
from evals.providers import PROVIDERS, ChatCompletions, Messages
from evals.scripted import Script, answer
from evals.tasks import TASKS

from tests.evals.fake_endpoint import (
    KEY,
    MODEL,
    FakeEndpoint,
    Response,
    chat_completions,
    json_response,
    messages,
    serving,
)

Make = Callable[[str, str, str], Model]

FORMATS = pytest.mark.parametrize(
    ("make", "speaking"), [(ChatCompletions, chat_completions), (Messages, messages)], ids=["openai", "anthropic"]
)
MAKES = pytest.mark.parametrize("make", [ChatCompletions, Messages], ids=["openai", "anthropic"])
# Their scripts read the text of results alone, as models do.
ON_THE_WIRE = ("start_and_leave", "start_another", "explain_broken_sandbox", "change_model_and_publish", "accept_a_no")
CONVERSATION = Conversation("Be brief.", (), ["Hello."])


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, which take no time here."""
    taken: list[float] = []
    monkeypatch.setattr("evals.providers.time.sleep", taken.append)
    return taken


def responses(*prepared: Response) -> FakeEndpoint:
    """An endpoint with prepared responses."""
    left = list(prepared)

    def respond(path: str, headers: Mapping[str, str], body: object) -> Response:
        return left.pop(0) if len(left) > 1 else left[0]

    return FakeEndpoint(respond)


def completion(message: object, **others: object) -> Response:
    return json_response({"choices": [{"message": message}], **others})


def failure(make: Make, endpoint: FakeEndpoint) -> str:
    with serving(endpoint) as url, pytest.raises(ModelError) as raised:
        make(MODEL, url, KEY).reply(CONVERSATION)
    return str(raised.value)


@FORMATS
@pytest.mark.parametrize("name", ON_THE_WIRE)
def test_model_carries_out_a_task_over_the_wire(
    make: Callable[[str, str, str], Model], speaking: Callable[[Script], FakeEndpoint], name: str
) -> None:
    endpoint = speaking(TASKS[name].right())
    with serving(endpoint) as url:
        made = attempt(TASKS[name], make(MODEL, f"{url}/v1", KEY))
    assert made.problems == ()
    assert made.turns == len(endpoint.requests) == len(made.calls) + 1
    assert (made.tokens_read, made.tokens_written) == (1_000 * made.turns, 10 * made.turns)
    assert not made.estimated


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_messages_accepts_a_base_url_with_or_without_the_version(path: str) -> None:
    with serving(messages(answer("Hello."))) as url:
        assert Messages(MODEL, url + path, KEY).reply(CONVERSATION).text == "Hello."


def test_chat_completions_sends_no_key_where_there_is_none() -> None:
    seen: list[str | None] = []

    def respond(path: str, headers: Mapping[str, str], body: object) -> Response:
        seen.append(headers.get("Authorization"))
        return completion({"content": "Hello."})

    with serving(FakeEndpoint(respond)) as url:
        turn = ChatCompletions(MODEL, url).reply(CONVERSATION)
    assert (turn.text, turn.usage, seen) == ("Hello.", None, [None])


@MAKES
def test_model_tries_again_after_the_seconds_that_a_limit_names(make: Make, pauses: list[float]) -> None:
    good = json_response(
        {"choices": [{"message": {"content": "Hello."}}], "content": [{"type": "text", "text": "Hello."}]}
    )
    limited = (429, {"Retry-After": "7"}, b"slow down")
    with serving(responses(limited, (503, {}, b""), good)) as url:
        assert make(MODEL, url, KEY).reply(CONVERSATION).text == "Hello."
    assert pauses == [7.0, 4.0]


@MAKES
def test_model_gives_up_after_four_attempts(make: Make, pauses: list[float]) -> None:
    endpoint = responses((529, {"Retry-After": "3600"}, b"overloaded"))
    assert failure(make, endpoint) == "status 529: overloaded"
    assert len(endpoint.requests) == 4
    assert pauses == [60.0, 60.0, 60.0]


@MAKES
def test_model_does_not_repeat_a_refused_request_and_hides_the_key(make: Make) -> None:
    endpoint = responses((401, {}, f"Incorrect API key provided: {KEY}. Or {KEY}".encode()))
    assert failure(make, endpoint) == "status 401: Incorrect API key provided: ***. Or ***"
    assert len(endpoint.requests) == 1


@MAKES
def test_model_reports_an_endpoint_that_does_not_answer(make: Make) -> None:
    with serving(responses(json_response({}))) as url:
        pass
    with pytest.raises(ModelError, match="ConnectError"):
        make(MODEL, url, KEY).reply(CONVERSATION)


@MAKES
@pytest.mark.parametrize(
    ("response", "problem"),
    [
        ((200, {}, b"<html>"), "the response is not JSON"),
        ((200, {}, b"[1]"), "the response is not a JSON object"),
        ((200, {}, b"{}"), "the response is not of the expected form"),
        ((200, {}, b'{"choices": [], "content": null}'), "the response is not of the expected form"),
        ((200, {}, b'{"choices": [{"message": null}], "content": ["x"]}'), "the response is not of the expected form"),
    ],
)
def test_model_reports_a_response_of_another_form(make: Make, response: Response, problem: str) -> None:
    assert failure(make, responses(response)).startswith(problem)


@pytest.mark.parametrize(
    ("written", "understood"),
    [
        ('{"repo": "acme/web"}', {"repo": "acme/web"}),
        ("", {}),
        (None, {}),
        ({"repo": "acme/web"}, {"repo": "acme/web"}),
        ('{"repo": ', None),
        ("[1]", None),
    ],
)
def test_chat_completions_reads_arguments_as_servers_write_them(written: object, understood: object) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "list_repos", "arguments": written}}
    with serving(responses(completion({"content": None, "tool_calls": [call]}))) as url:
        turn = ChatCompletions(MODEL, url, KEY).reply(CONVERSATION)
    assert turn.calls == (ToolCall("list_repos", understood, "a"),)  # type: ignore[arg-type]  # a dict or None


def test_messages_repeats_what_the_model_said_and_marks_errors() -> None:
    said = [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "a", "name": "list_repos", "input": {}}]
    end = [{"type": "text", "text": "Done."}]
    usage = {"input_tokens": 5, "cache_read_input_tokens": None, "output_tokens": 2}
    endpoint = responses(json_response({"content": said, "usage": usage}), json_response({"content": end}))
    with serving(endpoint) as url:
        model = Messages(MODEL, url, KEY)
        turn = model.reply(CONVERSATION)
        results = (ToolResult("a", "It failed.", is_error=True),)
        model.reply(Conversation("Be brief.", (), ["Hello.", turn, results]))
    assert turn == Turn("I look.", (ToolCall("list_repos", {}, "a"),), Usage(5, 2), said)
    _, assistant, user = endpoint.requests[1]["messages"]
    assert assistant == {"role": "assistant", "content": said}
    block = {"type": "tool_result", "tool_use_id": "a", "content": "It failed.", "is_error": True}
    assert user == {"role": "user", "content": [block]}


def test_chat_completions_sends_the_results_of_several_calls() -> None:
    calls = [{"id": one, "type": "function", "function": {"name": "list_repos", "arguments": "{}"}} for one in "ab"]
    endpoint = responses(completion({"content": None, "tool_calls": calls, "reasoning": "Hm."}), completion({}))
    with serving(endpoint) as url:
        model = ChatCompletions(MODEL, url, KEY)
        turn = model.reply(CONVERSATION)
        results = (ToolResult("a", "one"), ToolResult("b", "two"))
        assert model.reply(Conversation("Be brief.", (), ["Hello.", turn, results])).text == ""
    assert endpoint.requests[1]["messages"][2:] == [
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": "one"},
        {"role": "tool", "tool_call_id": "b", "content": "two"},
    ]


def test_chat_completions_reads_content_in_parts() -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}]
    with serving(responses(completion({"content": parts}))) as url:
        assert ChatCompletions(MODEL, url, KEY).reply(CONVERSATION).text == "Hello."


def test_endpoint_reads_no_proxy_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with serving(chat_completions(answer("Hello."))) as url:
        assert ChatCompletions(MODEL, f"{url}/v1", KEY).reply(CONVERSATION).text == "Hello."


@pytest.mark.parametrize("name", PROVIDERS)
def test_usual_base_url_is_encrypted(name: str) -> None:
    assert httpx2.URL(PROVIDERS[name][1]).scheme == "https"
