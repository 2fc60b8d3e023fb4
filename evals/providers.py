"""Models behind an HTTP endpoint: OpenAI's chat completions and Anthropic's messages, both with tools.

Many servers speak the first (vLLM, Ollama, llama.cpp, OpenRouter, …), some the second.
"""

import json
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import httpx2

from evals.conversation import Conversation, Model, ModelError, ToolCall, ToolResult, Turn, Usage
from mogplex_mcp.api.proxies import is_loopback

Json = dict[str, Any]

_TIMEOUT: Final = httpx2.Timeout(600.0, connect=20.0)
_RETRYABLE: Final = (408, 409, 429, 500, 502, 503, 504, 529)
_ATTEMPTS: Final = 4
_LONGEST_PAUSE_SECONDS: Final = 60.0
_ERROR_CHARACTERS: Final = 300
_ANTHROPIC_VERSION: Final = "2023-06-01"
# Anthropic requires a limit. Enough for a turn of any task, with room to think.
_MOST_TOKENS: Final = 8_192


class Endpoint:
    """Sends requests to a model's endpoint, and again if that may help.

    Args:
        url: Of the requests.
        key: The API key; it appears in no error.
        headers: Of each request.
    """

    def __init__(self, url: str, key: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._key = key
        # A model on this machine is not behind the proxy that the environment names.
        trust_env = not is_loopback(httpx2.URL(url).host)
        self._client = httpx2.Client(headers=dict(headers), timeout=_TIMEOUT, trust_env=trust_env)

    def post(self, body: Json) -> Json:
        """Send a request and return the JSON object of its response.

        Raises:
            ModelError: There is none, also after retries.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                response = self._client.post(self._url, json=body)
            except httpx2.HTTPError as error:
                pause, problem = None, f"{type(error).__name__}: {error}"
            else:
                if response.is_success:
                    return _object(response)
                pause, problem = _retry_after(response), f"status {response.status_code}: {response.text}"
                if response.status_code not in _RETRYABLE:
                    raise self._error(problem)
            if attempt < _ATTEMPTS:
                time.sleep(min(2.0**attempt if pause is None else pause, _LONGEST_PAUSE_SECONDS))
        raise self._error(problem)

    def _error(self, problem: str) -> ModelError:
        without_key = problem.replace(self._key, "***") if self._key else problem
        return ModelError(without_key[:_ERROR_CHARACTERS])


class ChatCompletions:
    """A model behind an OpenAI-compatible endpoint.

    Args:
        model: Its name.
        base_url: Up to and including the version, such as `https://api.openai.com/v1`.
        key: The API key; empty for servers without one.
    """

    def __init__(self, model: str, base_url: str, key: str = "") -> None:
        self._model = model
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._endpoint = Endpoint(f"{base_url.rstrip('/')}/chat/completions", key, headers)

    def reply(self, conversation: Conversation) -> Turn:
        """Return the next turn.

        Raises:
            ModelError: There is no response that could be used.
        """
        messages: list[Json] = [{"role": "system", "content": conversation.system}]
        for message in conversation.messages:
            if isinstance(message, str):
                messages.append({"role": "user", "content": message})
            elif isinstance(message, Turn):
                messages.append(message.native)
            else:
                messages += [{"role": "tool", "tool_call_id": one.call_id, "content": one.text} for one in message]
        tools = [
            {
                "type": "function",
                "function": {
                    "name": tool["name"],
                    "description": tool["description"],
                    "parameters": tool["input_schema"],
                },
            }
            for tool in conversation.definitions()
        ]
        return _read(
            _from_completion, self._endpoint.post({"model": self._model, "messages": messages, "tools": tools})
        )


class Messages:
    """A model behind an Anthropic-compatible endpoint.

    Args:
        model: Its name.
        base_url: With or without the version, such as `https://api.anthropic.com`.
        key: The API key; empty for servers without one.
    """

    def __init__(self, model: str, base_url: str, key: str = "") -> None:
        self._model = model
        headers = {"anthropic-version": _ANTHROPIC_VERSION} | ({"x-api-key": key} if key else {})
        self._endpoint = Endpoint(f"{base_url.rstrip('/').removesuffix('/v1')}/v1/messages", key, headers)

    def reply(self, conversation: Conversation) -> Turn:
        """Return the next turn.

        Raises:
            ModelError: There is no response that could be used.
        """
        messages: list[Json] = []
        for message in conversation.messages:
            if isinstance(message, Turn):
                messages.append({"role": "assistant", "content": message.native})
            else:
                content = message if isinstance(message, str) else [_result_block(one) for one in message]
                messages.append({"role": "user", "content": content})
        body: Json = {
            "model": self._model,
            "max_tokens": _MOST_TOKENS,
            "system": conversation.system,
            "messages": messages,
            "tools": conversation.definitions(),
        }
        return _read(_from_message, self._endpoint.post(body))


PROVIDERS: Final[Mapping[str, tuple[Callable[[str, str, str], Model], str, str]]] = MappingProxyType(
    {
        "openai": (ChatCompletions, "https://api.openai.com/v1", "OPENAI_API_KEY"),
        "anthropic": (Messages, "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
    }
)
"""By name: the model, the usual base URL, the environment variable of the key."""


def _from_completion(data: Json) -> Turn:
    message = data["choices"][0]["message"]
    calls = tuple(
        ToolCall(one["function"]["name"], _arguments(one["function"].get("arguments")), one["id"])
        for one in message.get("tool_calls") or ()
    )
    usage = data.get("usage") or {}
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    # Only what the format knows: some servers refuse in requests what they add to responses.
    native = {"role": "assistant", "content": message.get("content")}
    if calls:
        native["tool_calls"] = message["tool_calls"]
    return Turn(_text(message.get("content")), calls, _usage(read, written), native)


def _from_message(data: Json) -> Turn:
    blocks = data["content"]
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    calls = tuple(
        ToolCall(block["name"], block["input"] if isinstance(block["input"], dict) else None, block["id"])
        for block in blocks
        if block["type"] == "tool_use"
    )
    usage = data.get("usage") or {}
    cached = sum(usage.get(name) or 0 for name in ("cache_creation_input_tokens", "cache_read_input_tokens"))
    read = usage.get("input_tokens")
    # Whole, since blocks of thinking have to come back as they were.
    return Turn(text, calls, _usage(None if read is None else read + cached, usage.get("output_tokens")), blocks)


def _result_block(result: ToolResult) -> Json:
    return {
        "type": "tool_result",
        "tool_use_id": result.call_id,
        "content": result.text,
        "is_error": result.is_error,
    }


def _text(content: Any) -> str:
    """Return the text of a content, which some servers give in parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def _arguments(text: Any) -> Json | None:
    if text in (None, ""):
        return {}
    try:
        arguments = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


def _usage(read: Any, written: Any) -> Usage | None:
    return Usage(read, written) if isinstance(read, int) and isinstance(written, int) else None


def _read(reader: Callable[[Json], Turn], data: Json) -> Turn:
    try:
        return reader(data)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ModelError(f"the response is not of the expected form ({type(error).__name__}: {error})") from error


def _object(response: httpx2.Response) -> Json:
    try:
        data = response.json()
    except ValueError as error:
        raise ModelError("the response is not JSON") from error
    if not isinstance(data, dict):
        raise ModelError("the response is not a JSON object")
    return data


def _retry_after(response: httpx2.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None
