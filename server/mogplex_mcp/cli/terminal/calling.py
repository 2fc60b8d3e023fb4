"""Tools called in person: through the same dispatch, with the same budget and journal, as an agent's call.

What is different: the person is asked in the terminal where an agent's client would ask, and an answer is not cut to
what a model can read.
"""

import contextlib
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, wraps
from typing import Any, Final, TypeVar

import anyio
from mcp_types import TextContent

from mogplex_mcp import __version__
from mogplex_mcp.api.models import RunEvent
from mogplex_mcp.cli.terminal.refusal import Refusal
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.shutdown import Shutdown
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.storage.state_file import StateError
from mogplex_mcp.tenants.call_timeouts import client_key
from mogplex_mcp.tenants.services import Services
from mogplex_mcp.tenants.tenant import Tenant
from mogplex_mcp.toolkit.call import Call, Progress
from mogplex_mcp.toolkit.confirmation import Action, Consent
from mogplex_mcp.toolkit.dispatch import dispatch
from mogplex_mcp.toolkit.toolset import Tool, adapt_toolsets, needs_write, select
from mogplex_mcp.tools.catalog import TOOLSETS

Ask = Callable[[str], Awaitable[Action | None]]
"""Shows a person what will change; what they did with it, or None where nobody can be asked."""

ReplyT = TypeVar("ReplyT", bound=Reply)

_CLIENT: Final = "mogplex-mcp-terminal"
# Nobody hangs up on a person, but a single call has an end all the same; following a run makes one after another.
_LONGEST_WAIT_SECONDS: Final = 600.0
_MOST_QUESTIONS: Final = 3


class Caller:
    """Calls tools for a person.

    Which toolsets are on does not matter, since a person names what is meant; what is excluded stays excluded, and
    read-only stays read-only.

    Args:
        settings: The user's choices.
        ask: Asks the person.

    Raises:
        ValueError: The settings exclude a tool that does not exist; the message names the nearest.
    """

    def __init__(self, settings: Settings, ask: Ask) -> None:
        self.settings = replace(settings, max_wait=settings.max_wait or _LONGEST_WAIT_SECONDS)
        offered = select(
            adapt_toolsets(TOOLSETS, settings),
            wanted_toolsets=["all"],
            excluded_tools=settings.exclude_tools,
            read_only=settings.read_only,
        )
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in offered}
        self._ask = ask
        self._bridge = Services(self.settings)

    @property
    def shutdown(self) -> Shutdown:
        """The end of this process."""
        return self._bridge.shutdown

    async def aclose(self) -> None:
        """Close connections and files."""
        await self._bridge.aclose()

    async def call(self, tool: str, arguments: Mapping[str, Any], *, progress: Progress | None = None) -> Reply:
        """Call a tool; its answer, whole.

        Args:
            tool: Its name.
            arguments: What it takes; texts are read as what the tool takes.
            progress: Is told how far the call is.

        Raises:
            Refusal: It did not work, or the person did not agree.
        """
        consent = Consent(lambda _: "accept" if self.settings.allow_destructive else None)
        for _ in range(_MOST_QUESTIONS):
            kept: list[Reply] = []
            result = await dispatch(
                self._keeping(tool, kept),
                tool,
                arguments,
                functools.partial(self._open_call, tool, consent, progress or _untold),
                base_url=self.settings.base_url,
            )
            if not result.is_error:
                return kept[-1]
            if not consent.question:
                break
            consent = await self._asked(consent.question)
        text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
        raise Refusal.of(text, self.settings)

    async def ask_for(
        self, answer: type[ReplyT], tool: str, *, progress: Progress | None = None, **arguments: Any
    ) -> ReplyT:
        """Call a tool whose answer has this type; arguments that are None are left to the tool.

        Raises:
            Refusal: It did not work, or the person did not agree.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        reply = await self.call(tool, given, progress=progress)
        if not isinstance(reply, answer):
            raise TypeError(f"{tool} answers {type(reply).__name__}, not {answer.__name__}")
        return reply

    def events(self, run_id: str) -> Sequence[RunEvent]:
        """The events of a run that an earlier call got, whole and oldest first."""
        known = self._tenant.watches.of(run_id).known
        return known.events if known else ()

    def repo_id(self, run_id: str) -> str:
        """The id of a run's repository, as far as the journal knows it; else ""."""
        with contextlib.suppress(StateError):
            entry = self._tenant.journal.find(run_id)
            return entry.repo_id if entry else ""
        return ""

    @cached_property
    def _tenant(self) -> Tenant:
        return self._bridge.tenants.of(self._bridge.own_token())

    def _keeping(self, name: str, kept: list[Reply]) -> Mapping[str, Tool]:
        """The tools, of which one keeps its answers before they are cut for models."""
        tool = self.tools.get(name)
        if tool is None:
            return self.tools

        @wraps(tool.function)
        async def function(call: Call, **arguments: Any) -> Reply:
            kept.append(await tool.function(call, **arguments))
            return kept[-1]

        return {**self.tools, name: replace(tool, function=function)}

    def _open_call(self, tool: str, consent: Consent, progress: Progress) -> Call:
        if needs_write(self.tools[tool]):
            self._tenant.scopes.check_write()
        return Call(
            tenant=self._tenant,
            settings=self.settings,
            client=_CLIENT,
            version=__version__,
            learnt_as=client_key(_CLIENT, __version__),
            arrived=anyio.current_time(),
            learnt=self._bridge.learnt,
            progress=progress,
            offered=frozenset(self.tools),
            warnings=self._bridge.warnings,
            clock=self._bridge.now,
            consent=consent,
            shutdown=self.shutdown,
        )

    async def _asked(self, question: str) -> Consent:
        """Consent to exactly this question.

        Raises:
            Refusal: The person did not agree, or cannot be asked.
        """
        action = await self._ask(question)
        if action is None:
            raise Refusal(
                "Nothing was done: somebody has to agree first.",
                "This is no terminal, so nobody can be asked:",
                "Run it in a terminal, or add --yes to agree beforehand.",
                "consent_needed",
                question,
            )
        if action != "accept":
            raise Refusal("Nothing was done: you did not agree.", "", "", "declined")
        return Consent(lambda said: "accept" if said == question else None)


async def _untold(_: float, __: str) -> None:
    """For calls that nobody watches."""
