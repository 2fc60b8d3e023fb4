"""What commands for people in a terminal share: operations performed in person, and how errors end a command."""

import functools
import signal
from argparse import Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, TypeVar

import anyio

from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.cli.command import Program
from mogplex_mcp.cli.exit_codes import ExitCode, exit_code_of
from mogplex_mcp.cli.terminal import stdin
from mogplex_mcp.cli.terminal.messages import COMMANDS, CommandError, as_commands, command_error
from mogplex_mcp.cli.terminal.output import Output, prepare_streams
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Redactor, find_key
from mogplex_mcp.core.shutdown import CALL_SECONDS, Shutdown
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.operations.confirmation import Consent, ConsentNeeded
from mogplex_mcp.operations.context import OperationContext, Progress, unreported
from mogplex_mcp.operations.errors import OperationError, Speller, operation_error
from mogplex_mcp.tenants.services import Services
from mogplex_mcp.tenants.tenant import Tenant

INTERRUPTED: Final = 128 + signal.SIGINT
_MOST_QUESTIONS: Final = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """What a command may use.

    Attributes:
        settings: The user's choices.
        services: What this process holds.
        output: Writes what was found.
        agreed: Whether the user agreed beforehand to what an operation would ask.
    """

    settings: Settings
    services: Services
    output: Output
    agreed: bool = False

    @property
    def shutdown(self) -> Shutdown:
        """The shutdown of this process."""
        return self.services.shutdown

    @cached_property
    def tenant(self) -> Tenant:
        """The tenant of the user's token."""
        return self.services.tenants.of(self.services.own_token())

    @property
    def now(self) -> datetime:
        """The time of day."""
        return datetime.fromtimestamp(self.services.now(), UTC)

    @property
    def web_url(self) -> str:
        """The address of Mogplex's web pages."""
        return web_url(self.settings.base_url)

    async def perform(
        self,
        name: str,
        operation: Callable[[OperationContext], Awaitable[T]],
        *,
        changes: bool = False,
        repeatable: bool = True,
        needs_token: bool = True,
        progress: Progress = unreported,
        speller: Speller = as_commands,
    ) -> T:
        """Perform an operation, and ask the user where it needs that.

        Args:
            name: The name of the operation, as `--exclude-tools` has it.
            operation: The operation, of which only the context is missing.
            changes: Whether it changes anything on Mogplex.
            repeatable: Whether performing it again does nothing twice.
            needs_token: Whether it can do nothing at all without a token.
            progress: Is called with how far the operation is.
            speller: Spells arguments and operations in errors.

        Raises:
            CommandError: It did not work, or the user did not agree.
        """
        self._check_allowed(name, changes=changes)
        consent = Consent(lambda _: "accept" if self.settings.allow_destructive else None)
        for _ in range(_MOST_QUESTIONS):
            try:
                self._check_token(needs_token=needs_token, changes=changes)
                return await self._once(operation, consent, progress, changes=changes)
            except ConsentNeeded:
                consent = await self._ask(consent.question)
            except stdin.Interrupted:
                raise
            except Exception as error:
                raise command_error(
                    operation_error(error), base_url=self.settings.base_url, repeatable=repeatable, speller=speller
                ) from error
        raise CommandError(
            "Nothing was done: what would change is not the same any more.",
            "While you were asked, others changed it.",
            "Look at the present state, then run the command again.",
            "changed_meanwhile",
        )

    def refuse_secrets(self, **texts: str | None) -> None:
        """Refuse texts in which there is a key: agents, logs and pull requests would show it.

        Raises:
            CommandError: One of them holds what looks like a key; the message names it by its shape alone.
        """
        if self.settings.allow_secrets_in_prompts:
            return
        own = self.services.own_token().token
        for name, text in texts.items():
            if text and (kind := find_key(text, own.value if own else "")):
                raise CommandError.usage(
                    f"{name} holds what looks like {kind}; agents, logs and pull requests would show it to others.",
                    "Take it out: what an agent needs belongs into the environment variables of the repository. If it "
                    "has to be handed on, set MOGPLEX_MCP_ALLOW_SECRETS_IN_PROMPTS=1.",
                )

    async def _once(
        self,
        operation: Callable[[OperationContext], Awaitable[T]],
        consent: Consent,
        progress: Progress,
        *,
        changes: bool,
    ) -> T:
        context = OperationContext(
            tenant=self.tenant,
            settings=self.settings,
            arrived=anyio.current_time(),
            progress=progress,
            clock=self.services.now,
            consent=consent,
            shutdown=self.shutdown,
        )
        with self.shutdown.within(CALL_SECONDS):
            return await operation(context)
        raise OperationError(
            ErrorCode.ENDING,
            f"the operation was not done {CALL_SECONDS:g} seconds after the signal",
            may_have_happened=changes,
        )

    def _check_token(self, *, needs_token: bool, changes: bool) -> None:
        if needs_token and (problem := self.tenant.found.problem):
            raise problem
        if changes:
            self.tenant.scopes.check_write()

    def _check_allowed(self, name: str, *, changes: bool) -> None:
        command = COMMANDS.get(name, name)
        if name in self.settings.exclude_tools:
            raise CommandError(
                "Nothing was done.", f"`{command}` is excluded.", "Take it out of --exclude-tools.", "unknown_tool"
            )
        if changes and self.settings.read_only:
            raise CommandError(
                "Nothing was done.", f"`{command}` changes something, and --read-only is set.", "", "unknown_tool"
            )

    async def _ask(self, question: str) -> Consent:
        """Return consent to exactly this question.

        Raises:
            CommandError: The user did not agree, or cannot be asked.
        """
        action = "accept" if self.agreed else await stdin.ask(question, self.shutdown)
        if action is None:
            raise CommandError(
                "Nothing was done: it needs your agreement first.",
                "This is not a terminal, so the question cannot be asked:",
                "Run it in a terminal, or add --yes to agree beforehand.",
                "consent_needed",
                question,
            )
        if action != "accept":
            raise CommandError("Nothing was done: you did not agree.", "", "", "declined")
        return Consent(lambda asked: "accept" if asked == question else None)


Work = Callable[[Session, Namespace], Awaitable[int]]
"""What a command does with what was given to it; returns the exit code."""


def in_terminal(work: Work) -> Program:
    """Make a program of what a command does in a session.

    When the process is shut down, waits end at once, and a call that is going on has some seconds to finish.
    """

    @functools.wraps(work)
    async def program(settings: Settings, given: Namespace) -> int:
        prepare_streams()
        redactor = Redactor([settings.api_key.value])
        try:
            _check_names(settings)
        except ValueError as error:
            say(redactor.redact(f"mogplex-mcp: {error}"))
            return ExitCode.USAGE
        services = Services(settings)
        session = Session(settings, services, Output(as_json=given.json), agreed=getattr(given, "yes", False))
        code: int = ExitCode.FAILURE
        async with services.shutdown.instead_of_cancelling():
            try:
                code = await work(session, given)
            except CommandError as error:
                say(redactor.redact(f"mogplex-mcp: {error.text}"))
                code = exit_code_of(error.code)
            except stdin.Interrupted:
                code = INTERRUPTED
            finally:
                await services.aclose()
        return code

    return program


def _check_names(settings: Settings) -> None:
    """Refuse an excluded tool that does not exist.

    Raises:
        SettingsError: The message names the nearest.
    """
    if settings.exclude_tools:
        from mogplex_mcp.toolkit.toolset import select  # noqa: PLC0415 - imports the MCP SDK, which is slow
        from mogplex_mcp.tools.catalog import TOOLSETS  # noqa: PLC0415 - the same

        select(TOOLSETS, wanted_toolsets=["all"], excluded_tools=settings.exclude_tools)
