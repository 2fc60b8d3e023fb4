"""One attempt at a task: a real MCP client, the real server, a simulated Mogplex, and time that takes no time."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import anyio
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult, Implementation, TextContent
from tests.virtual_time import VirtualTimeLoop, virtual_now

from evals.conversation import Conversation, Model, ModelError, ToolCall, ToolResult, Turn, Usage
from evals.outcome import Outcome, Recorder
from evals.scripted import ScriptedModel
from evals.task import Task
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.server.app import create_server
from mogplex_mcp.simulator import Simulator

CHARACTERS_PER_TOKEN: Final = 4
"""For endpoints that report no usage, and for the scripted model."""

_SYSTEM: Final = (
    "You are an assistant with the tools of one MCP server. Do what the user asks, then answer in a few sentences. "
    "The user reads your last message only and can't answer questions meanwhile. The server says of itself:\n\n"
)


@dataclass(frozen=True)
class Limits:
    """Where an attempt is stopped.

    Attributes:
        turns: Responses of the model.
        tokens: Read and written in all turns together.
    """

    turns: int = 40
    tokens: int = 500_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of an attempt.

    Attributes:
        task: Its name.
        problems: What the checks found; empty if it passed.
        calls: The tools that were called, in their order.
        turns: Responses of the model.
        tokens_read: Tokens that the model read, the whole conversation counted in each turn.
        tokens_written: Tokens that it wrote.
        tokens_of_results: Tokens of the results of all calls, estimated.
        estimated: Whether the endpoint reported no usage, and characters were counted.
        answer: The answer to the user.
    """

    task: str
    problems: tuple[str, ...]
    calls: tuple[str, ...]
    turns: int
    tokens_read: int
    tokens_written: int
    tokens_of_results: int
    estimated: bool
    answer: str

    @property
    def passed(self) -> bool:
        """Whether no check found a problem."""
        return not self.problems


def attempt(task: Task, model: Model, limits: Limits | None = None) -> Attempt:
    """Let a model try a task. Blocks; needs a thread without an event loop."""
    random.seed(task.name)  # polls have jitter
    run = partial(_attempt, task, model, limits or Limits())
    return anyio.run(run, backend_options={"loop_factory": VirtualTimeLoop})


async def _attempt(task: Task, model: Model, limits: Limits) -> Attempt:
    simulator = Simulator(now=virtual_now, run_seconds=task.run_seconds)
    recorder = Recorder(simulator.transport())
    # Without a home directory nothing of this machine is read or written.
    settings = Settings.load({"MOGPLEX_API_KEY": task.token, **task.settings})
    server = create_server(settings, transport=recorder, now=virtual_now)
    user = _User(task.agrees)
    client_info = Implementation(name="mogplex-evals", version="1")
    task.world(simulator)
    async with Client(server, elicitation_callback=user, client_info=client_info) as client:
        if task.before is not None:
            await _Dialogue(client, ScriptedModel(task.before()), "", Limits()).hold()
            await anyio.sleep(task.later)
        seen = len(recorder.sent)
        earlier = frozenset(simulator.world.runs) | frozenset(simulator.world.job_runs)
        dialogue = _Dialogue(client, model, task.prompt, limits)
        problem = await dialogue.hold()
    outcome = Outcome(simulator, recorder.sent[seen:], earlier, dialogue.calls, user.questions, dialogue.answer)
    found = [problem] if problem else [one for check in task.checks for one in check(outcome)]
    return Attempt(
        task=task.name,
        problems=tuple(found),
        calls=tuple(dialogue.calls),
        turns=dialogue.turns,
        tokens_read=dialogue.read,
        tokens_written=dialogue.written,
        tokens_of_results=dialogue.of_results,
        estimated=dialogue.estimated,
        answer=dialogue.answer,
    )


class _User:
    """A user who gives the same answer to every question."""

    def __init__(self, agrees: bool) -> None:
        self._agrees = agrees
        self.questions: list[str] = []

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context
        self.questions.append(params.message)
        if self._agrees:
            return ElicitResult(action="accept", content={"confirm": True})
        return ElicitResult(action="decline")


class _Dialogue:
    """Turns of a model and the calls in them, until it answers the user or a limit is reached."""

    def __init__(self, client: Client, model: Model, prompt: str, limits: Limits) -> None:
        self._client = client
        self._model = model
        self._prompt = prompt
        self._limits = limits
        self.calls: list[str] = []
        self.turns = self.read = self.written = self.of_results = 0
        self.estimated = False
        self.answer = ""

    async def hold(self) -> str:
        """Hold the dialogue; return why it did not come to its end, or empty text."""
        tools = (await self._client.list_tools()).tools
        conversation = Conversation(_SYSTEM + (self._client.instructions or ""), tools, [self._prompt])
        while self.turns < self._limits.turns and self.read + self.written < self._limits.tokens:
            try:
                turn = self._model.reply(conversation)
            except ModelError as error:
                return f"The model failed: {error}"
            self._count(conversation, turn)
            if not turn.calls:
                self.answer = turn.text
                return ""
            results = [await self._call(call) for call in turn.calls]
            conversation.messages += [turn, tuple(results)]
        return f"No answer within {self.turns} turns and {self.read + self.written} tokens."

    def _count(self, conversation: Conversation, turn: Turn) -> None:
        self.turns += 1
        if turn.usage is None:
            self.estimated = True
        usage = turn.usage or Usage(_size(conversation), _tokens(_plain(turn)))
        self.read += usage.read
        self.written += usage.written

    async def _call(self, call: ToolCall) -> ToolResult:
        self.calls.append(call.name)
        if call.arguments is None:
            return ToolResult(call.id, "The arguments are not a JSON object. Nothing was called.", is_error=True)
        try:
            result = await self._client.call_tool(call.name, call.arguments)
        except MCPError as error:
            return ToolResult(call.id, error.message, is_error=True)
        text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
        self.of_results += _tokens(text)
        return ToolResult(call.id, text, is_error=bool(result.is_error), structured=result.structured_content or {})


def _size(conversation: Conversation) -> int:
    return _tokens([conversation.system, conversation.definitions(), *map(_plain, conversation.messages)])


def _plain(message: str | Turn | Sequence[ToolResult]) -> Any:
    if isinstance(message, Turn):
        return [message.text, *[[call.name, call.arguments] for call in message.calls]]
    return message if isinstance(message, str) else [result.text for result in message]


def _tokens(value: Any) -> int:
    return len(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) // CHARACTERS_PER_TOKEN
